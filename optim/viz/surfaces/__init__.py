"""Functions to minimise: what a surface is (`definition.py`), how to find one by its name, and the classics."""

from .definition import Surface
from .registry import get, names, surface
from .classics import (
    quadratic_bowl, illconditioned, illconditioned_bowl, narrow_valley, noisy_bowl, booth, matyas, zakharov, rosenbrock,
    rosenbrock_nd, dixon_price, beale, plateau, easom, saddle, monkey_saddle, himmelblau, three_hump_camel,
    six_hump_camel, styblinski_tang, mccormick, branin, goldstein_price, rastrigin, ackley, levy, griewank, eggholder,
    bukin6,
)

__all__ = [
    "Surface", "surface", "names", "get",
    "quadratic_bowl", "illconditioned", "illconditioned_bowl", "narrow_valley", "noisy_bowl", "booth", "matyas",
    "zakharov", "rosenbrock", "rosenbrock_nd", "dixon_price", "beale", "plateau", "easom", "saddle", "monkey_saddle",
    "himmelblau", "three_hump_camel", "six_hump_camel", "styblinski_tang", "mccormick", "branin", "goldstein_price",
    "rastrigin", "ackley", "levy", "griewank", "eggholder", "bukin6",
]
