"""Classic test surfaces for optimizers, each with its known facts: minima, saddles, and what it teaches.

The surfaces come in chapters, from the easiest bowl to kinks. Each is a `Surface` made of a function in plain NumPy.
"""

import dataclasses
from functools import partial

import numpy as np

from .definition import Surface
from .registry import register, surface

# Bowls and valleys: one minimum, and the only difficulty is the way to it.


@surface(
    formula=r"\frac{1}{2} (x^2 + 4 y^2)", domain=((-2, 2), (-1.5, 1.5)), start=(-1.8, 1.2),
    starts=[(1.6, -1.3), (-1.8, 0)], minima=[(0, 0)],
    source="J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. (2006), section 3.3")
def quadratic_bowl(p):
    """The simplest landscape: gradient descent converges at a fixed rate as long as lr < 2/4, and diverges beyond."""
    x, y = p
    return (x**2 + 4 * y**2) / 2


def _tilted_bowl(p, kappa, angle):
    x, y = p
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    u, v = cosine * x + sine * y, cosine * y - sine * x
    return (u**2 + kappa * v**2) / 2


def illconditioned(kappa=100.0, angle=0.0):
    r"""A bowl of chosen condition number: curvature 1 along its valley and kappa across it.

    :math:`f = \frac{1}{2} (u^2 + \kappa v^2)`, where u and v are x and y turned by `angle`. Gradient descent needs
    lr < 2/kappa. With lr = 1/kappa it takes about kappa steps for each factor e along the valley; well-tuned momentum
    takes about sqrt(kappa) or fewer.

    Parameters
    ----------
    kappa : float
        Condition number of the Hessian, at least 1. Default: 100.
    angle : float
        Direction of the valley in radians, anticlockwise from the x axis. Default: 0.

    Returns
    -------
    Surface

    Raises
    ------
    ValueError
        If kappa is not a finite number of at least 1.

    References
    ----------
    S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.3.2.

    Examples
    --------
    >>> from optim.viz.surfaces import illconditioned
    >>> bowl = illconditioned(kappa=1000)
    >>> bowl
    <Surface illconditioned(kappa=1000) on [-2, 2] x [-1, 1]>
    >>> float(bowl((1, 1)))
    500.5
    """
    if not (np.ndim(kappa) == 0 and np.isfinite(kappa) and kappa >= 1):
        raise ValueError(f"kappa must be a condition number, a finite number >= 1, got {kappa!r}")
    kappa, angle = float(kappa), float(angle)
    turned = f", angle={angle:g}" if angle else ""
    u, v = (r"(x \cos\varphi + y \sin\varphi)", r"(y \cos\varphi - x \sin\varphi)") if angle else ("x", "y")
    return Surface(
        partial(_tilted_bowl, kappa=kappa, angle=angle), name=f"illconditioned(kappa={kappa:g}{turned})",
        formula=rf"\frac{{1}}{{2}} ({u}^2 + {kappa:g} {v}^2)" + (rf", \; \varphi = {angle:.4g}" if angle else ""),
        domain=((-2, 2), (-1, 1)), start=(-1.8, 0.5), starts=[(0.3, 0.9), (1.8, 0)], minima=[(0, 0)],
        lesson="The steepest direction allows only tiny steps, and with them the flattest one takes forever: descent "
               "needs about kappa steps, momentum the square root of kappa, and Newton's method one.",
        source="S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.3.2")


illconditioned_bowl = register(dataclasses.replace(
    illconditioned(kappa=100), name="illconditioned_bowl", title="Ill-conditioned bowl",
    lesson="The steep axis allows only tiny steps, and with them the flat axis takes forever. Momentum needs the "
           "square root of that number of steps; scaling each coordinate on its own removes the problem."))

narrow_valley = register(dataclasses.replace(
    illconditioned(kappa=1000, angle=np.pi / 6), name="narrow_valley",
    lesson="The valley runs at an angle to the axes, so scaling each coordinate on its own no longer helps. Momentum, "
           "L-BFGS and Newton's method do: their paths turn with the valley.",
    source="G. Goh, Why Momentum Really Works, Distill (2017), doi:10.23915/distill.00006"))


@surface(
    formula=r"\frac{1}{2} (x^2 + y^2)", domain=((-2, 2), (-2, 2)), start=(-1.8, 1.4), starts=[(1, 1)],
    minima=[(0, 0)], noise=0.5,
    source="G. Zhang et al., Which Algorithmic Choices Matter at Which Batch Sizes? Insights from a Noisy Quadratic "
           "Model, NeurIPS (2019)")
def noisy_bowl(p):
    """With noise in the gradient a constant learning rate never arrives but hovers at a distance that grows with it;
    a decaying rate, or the average of the path, does arrive."""
    x, y = p
    return (x**2 + y**2) / 2


@surface(
    formula=r"(x + 2y - 7)^2 + (2x + y - 5)^2", domain=((-10, 10), (-10, 10)), start=(-9, 4),
    starts=[(8, -8), (-8, -5)], minima=[(1, 3)],
    source="M. Jamil and X.-S. Yang, A Literature Survey of Benchmark Functions for Global Optimisation Problems, "
           "Int. J. Mathematical Modelling and Numerical Optimisation 4(2) (2013), arXiv:1308.4008")
def booth(p):
    """A quadratic of condition number 9 whose axes lie on the diagonals: the gradient seldom points to the minimum."""
    x, y = p
    return (x + 2 * y - 7)**2 + (2 * x + y - 5)**2


@surface(
    formula=r"0.26 (x^2 + y^2) - 0.48 x y", domain=((-10, 10), (-10, 10)), start=(-9, 2), starts=[(6, -9), (9, 8)],
    minima=[(0, 0)],
    source="M. Jamil and X.-S. Yang (2013), arXiv:1308.4008; after J. Matyas, Random Optimization, "
           "Automation and Remote Control 26 (1965)")
def matyas(p):
    """Almost no slope along the diagonal (condition number 25): the loss looks settled while the way is still long."""
    x, y = p
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


@surface(
    formula=r"x^2 + y^2 + \left(\frac{x}{2} + y\right)^2 + \left(\frac{x}{2} + y\right)^4",
    domain=((-5, 10), (-5, 10)), start=(9, 4), starts=[(8, 8), (-4, -3)], minima=[(0, 0)],
    source="M. Jamil and X.-S. Yang (2013), arXiv:1308.4008")
def zakharov(p):
    """Walls of fourth order around a quadratic floor: a learning rate that is safe at the start is slow at the end."""
    x, y = p
    s = x / 2 + y
    return x**2 + y**2 + s**2 + s**4


@surface(
    formula=r"(1 - x)^2 + 100 (y - x^2)^2", domain=((-2, 2), (-1, 3)), start=(-0.5, 2.5),
    starts=[(-1.2, 1), (-1.5, 2), (0, 2.5), (1.5, -0.5)], minima=[(1, 1)],
    source="H. H. Rosenbrock, An Automatic Method for Finding the Greatest or Least Value of a Function, "
           "The Computer Journal 3(3) (1960)")
def rosenbrock(p):
    """A curved valley: finding it takes a few steps, following its almost flat floor to the minimum takes thousands."""
    x, y = p
    return (1 - x)**2 + 100 * (y - x**2)**2


def _rosenbrock_chain(p):
    return np.sum((1 - p[:-1])**2 + 100 * (p[1:] - p[:-1]**2)**2, axis=0)


def rosenbrock_nd(n):
    r"""Rosenbrock's valley in n dimensions, each coordinate bound to the next.

    :math:`f = \sum_{i=1}^{n-1} (1 - x_i)^2 + 100 (x_{i+1} - x_i^2)^2`, with the global minimum 0 at (1, ..., 1). For
    n = 4 to 30 there is exactly one more minimum, a local one near (-1, 1, ..., 1).

    Parameters
    ----------
    n : int
        Number of coordinates, at least 2.

    Returns
    -------
    Surface

    Raises
    ------
    ValueError
        If n is not an integer of at least 2.

    References
    ----------
    Y.-W. Shang and Y.-H. Qiu, A Note on the Extended Rosenbrock Function, Evolutionary Computation 14(1) (2006).

    Examples
    --------
    >>> import numpy as np
    >>> from optim.viz.surfaces import rosenbrock_nd
    >>> float(rosenbrock_nd(3)(np.array([1.0, 1.0, 2.0])))
    100.0
    """
    if not (isinstance(n, (int, np.integer)) and n >= 2):
        raise ValueError(f"n must be the number of coordinates, an integer >= 2, got {n!r}")
    return Surface(
        _rosenbrock_chain, name=f"rosenbrock_nd({n})",
        formula=rf"\sum_{{i=1}}^{{{n - 1}}} (1 - x_i)^2 + 100 (x_{{i+1}} - x_i^2)^2",
        domain=[(-2, 2)] * n, start=[(-1.2, 1.0)[i % 2] for i in range(n)], minima=[(1,) * n],
        lesson="The valley of Rosenbrock with more bends: the longer the chain, the longer the way.",
        source="Y.-W. Shang and Y.-H. Qiu, A Note on the Extended Rosenbrock Function, "
               "Evolutionary Computation 14(1) (2006)")


@surface(
    title="Dixon–Price",
    formula=r"(x - 1)^2 + 2 (2 y^2 - x)^2", domain=((-2, 4), (-2, 2)), start=(-1.5, 0.1),
    starts=[(3.5, 0.2), (-1.5, -1.5)], minima=[(1, 0.5**0.5), (1, -(0.5**0.5))], saddles=[(1 / 3, 0)],
    source="L. C. W. Dixon and R. C. Price, The Truncated Newton Method for Sparse Unconstrained Optimisation Using "
           "Automatic Differentiation, J. Optimization Theory and Applications 60 (1989)")
def dixon_price(p):
    """A valley that forks at a saddle: a small difference at the start decides which of two equal minima is found."""
    x, y = p
    return (x - 1)**2 + 2 * (2 * y**2 - x)**2


@surface(
    formula=r"(1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2",
    domain=((-4.5, 4.5), (-4.5, 4.5)), start=(1, 1.5), starts=[(4, -3), (-3, -2.5), (-2, 2)], minima=[(3, 0.5)],
    saddles=[(0, 1), (0.10053793732415836, -2.644513585023125)],
    source="E. M. L. Beale, On an Iterative Method for Finding a Local Minimum of a Function of More than One "
           "Variable, Technical Report 25, Statistical Techniques Research Group, Princeton (1958)")
def beale(p):
    """Cliffs around a flat floor: steep gradients throw plain descent out, and from the upper left it creeps down a
    valley that runs off to infinity."""
    x, y = p
    return (1.5 - x + x * y)**2 + (2.25 - x + x * y**2)**2 + (2.625 - x + x * y**3)**2


# Plateaus: the gradient fades where it is needed.


@surface(
    formula=r"\frac{r^2}{1 + r^2}, \; r^2 = x^2 + y^2 / 4", domain=((-6, 6), (-6, 6)), start=(-5, 4),
    starts=[(2, 2), (5, -5)], minima=[(0, 0)],
    source="S. Geman and D. E. McClure, Statistical Methods for Tomographic Image Reconstruction, "
           "Bulletin of the International Statistical Institute 52(4) (1987)")
def plateau(p):
    """Far out the gradient fades like 1/r^3 and plain descent hardly moves; methods that normalise the gradient walk
    on."""
    x, y = p
    r_squared = x**2 + y**2 / 4
    return r_squared / (1 + r_squared)


@surface(
    formula=r"-\cos x \, \cos y \, \exp\left(-(x - \pi)^2 - (y - \pi)^2\right)",
    domain=((0, 2 * np.pi), (0, 2 * np.pi)), start=(1.9, 2.1), starts=[(4.6, 2.5), (0.8, 1)], minima=[(np.pi, np.pi)],
    local_minima=[(1.3049954504376675, 1.3049954504376675), (1.3049954504376675, 4.978189856741919),
                  (4.978189856741919, 1.3049954504376675), (4.978189856741919, 4.978189856741919)],
    saddles=[(np.pi / 2, np.pi / 2), (np.pi / 2, 3 * np.pi / 2), (3 * np.pi / 2, np.pi / 2),
             (3 * np.pi / 2, 3 * np.pi / 2)],
    maxima=[(1.3049954504376675, np.pi), (np.pi, 1.3049954504376675), (4.978189856741919, np.pi),
            (np.pi, 4.978189856741919)],
    source="E. E. Easom, A Survey of Global Optimization Techniques, M.Eng. thesis, University of Louisville (1990)")
def easom(p):
    """A needle hole in a plain: unless the run starts at the rim, no slope shows where the minimum is."""
    x, y = p
    return -np.cos(x) * np.cos(y) * np.exp(-(x - np.pi)**2 - (y - np.pi)**2)


# Saddles: the gradient vanishes, but the point is not a minimum.


@surface(
    formula=r"x^2 - y^2", domain=((-2, 2), (-2, 2)), start=(-1.8, 0.01), starts=[(1.7, -0.1), (1.2, 0)],
    saddles=[(0, 0)],
    source="Y. Dauphin et al., Identifying and Attacking the Saddle Point Problem in High-dimensional Non-convex "
           "Optimization, NeurIPS (2014), arXiv:1406.2572")
def saddle(p):
    """Descent slows down on the ridge and leaves it exponentially: the closer to the ridge, the longer the halt."""
    x, y = p
    return x**2 - y**2


@surface(
    formula=r"x^3 - 3 x y^2", domain=((-1.5, 1.5), (-1.5, 1.5)), start=(1.2, 0.05), starts=[(1.2, -0.3), (-0.4, 1.2)],
    saddles=[(0, 0)],
    source="D. Hilbert and S. Cohn-Vossen, Geometry and the Imagination (1952)")
def monkey_saddle(p):
    """Three ways down and a Hessian that vanishes: Newton's method sees nothing here, descent escapes very slowly."""
    x, y = p
    return x**3 - 3 * x * y**2


# A few minima: where a run starts decides where it ends.


@surface(
    formula=r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2", domain=((-6, 6), (-6, 6)), start=(0, 0),
    starts=[(-0.5, -1.5), (5, 5), (-5, 1)],
    minima=[(3, 2), (-2.805118086952745, 3.131312518250573), (-3.779310253377747, -3.283185991286169),
            (3.584428340330492, -1.848126526964404)],
    saddles=[(0.08667750455539635, 2.8842547011747763), (3.385154183607021, 0.07385187983774928),
             (-3.073025750764389, -0.08135304428796751), (-0.12796134673068008, -1.9537149802445764)],
    maxima=[(-0.2708445906673476, -0.9230385564799815)],
    source="D. M. Himmelblau, Applied Nonlinear Programming (1972)")
def himmelblau(p):
    """Four minima of equal depth: the start, the learning rate and the momentum decide which of them is found."""
    x, y = p
    return (x**2 + y - 11)**2 + (x + y**2 - 7)**2


@surface(
    title="Three-hump camel",
    formula=r"2x^2 - 1.05x^4 + \frac{x^6}{6} + xy + y^2", domain=((-2.5, 2.5), (-2, 2)), start=(-2.2, -1.5),
    starts=[(2.2, 1.5), (-1.2, 1.8)], minima=[(0, 0)],
    local_minima=[(1.747552345830289, -0.8737761729151445), (-1.747552345830289, 0.8737761729151445)],
    saddles=[(1.07054229182366, -0.53527114591183), (-1.07054229182366, 0.53527114591183)],
    source="L. C. W. Dixon and G. P. Szego, Towards Global Optimisation 2 (1978)")
def three_hump_camel(p):
    """Two traps beside the global minimum: some momentum carries a run out of them, too much through all of them."""
    x, y = p
    return 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2


@surface(
    title="Six-hump camel",
    formula=r"\left(4 - 2.1x^2 + \frac{x^4}{3}\right) x^2 + xy + (4y^2 - 4) y^2",
    domain=((-2, 2), (-1.2, 1.2)), start=(-0.9, -0.2), starts=[(1.1, 0.3), (-1.9, 0.3)],
    minima=[(0.08984201310031806, -0.7126564030207396), (-0.08984201310031806, 0.7126564030207396)],
    local_minima=[(1.7036067149699808, -0.7960835686726251), (-1.7036067149699808, 0.7960835686726251),
                  (1.6071047529201972, 0.5686514548841314), (-1.6071047529201972, -0.5686514548841314)],
    saddles=[(0, 0), (1.1092053368047865, -0.7682680925095398), (-1.1092053368047865, 0.7682680925095398),
             (1.6380679841897786, 0.22867406904439407), (-1.6380679841897786, -0.22867406904439407),
             (1.2960702671671092, 0.605084388038658), (-1.2960702671671092, -0.605084388038658)],
    maxima=[(1.2302298765166527, 0.162334584458995), (-1.2302298765166527, -0.162334584458995)],
    source="L. C. W. Dixon and G. P. Szego, Towards Global Optimisation 2 (1978)")
def six_hump_camel(p):
    """Six minima at three heights: plain descent takes the nearest, and the nearest is seldom the best."""
    x, y = p
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


@surface(
    title="Styblinski–Tang",
    formula=r"\frac{1}{2} \left(x^4 - 16x^2 + 5x + y^4 - 16y^2 + 5y\right)", domain=((-5, 5), (-5, 5)),
    start=(0.5, -0.2), starts=[(4.5, 4.5), (-0.5, 4)], minima=[(-2.903534027771177, -2.903534027771177)],
    local_minima=[(-2.903534027771177, 2.746802770990837), (2.746802770990837, -2.903534027771177),
                  (2.746802770990837, 2.746802770990837)],
    saddles=[(-2.903534027771177, 0.15673125678034010), (0.15673125678034010, -2.903534027771177),
             (2.746802770990837, 0.15673125678034010), (0.15673125678034010, 2.746802770990837)],
    maxima=[(0.15673125678034010, 0.15673125678034010)],
    source="M. A. Styblinski and T.-S. Tang, Experiments in Nonconvex Optimization: Stochastic Approximation with "
           "Function Smoothing and Simulated Annealing, Neural Networks 3(4) (1990)")
def styblinski_tang(p):
    """Four minima, one in each corner, at three depths: a good optimizer in the wrong basin still ends there."""
    x, y = p
    return (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2


@surface(
    title="McCormick",
    formula=r"\sin(x + y) + (x - y)^2 - 1.5x + 2.5y + 1", domain=((-1.5, 4), (-3, 4)), start=(-1, 3.5),
    starts=[(3.5, -2), (1.6, 0.5)], minima=[(0.5 - np.pi / 3, -0.5 - np.pi / 3)],
    local_minima=[(0.5 + 2 * np.pi / 3, -0.5 + 2 * np.pi / 3)], saddles=[(0.5 + np.pi / 3, -0.5 + np.pi / 3)],
    source="E. P. Adorio, MVF: Multivariate Test Functions Library in C, Department of Mathematics, University of the "
           "Philippines Diliman (2005)")
def mccormick(p):
    """A wavy channel that drops step by step along the diagonal: on each step down a run can get stuck."""
    x, y = p
    return np.sin(x + y) + (x - y)**2 - 1.5 * x + 2.5 * y + 1


@surface(
    formula=r"\left(y - \frac{5.1}{4\pi^2} x^2 + \frac{5}{\pi} x - 6\right)^2 "
            r"+ 10 \left(1 - \frac{1}{8\pi}\right) \cos x + 10",
    domain=((-5, 10), (0, 15)), start=(-1, 14), starts=[(0, 6.5), (6.5, 12), (9, 14)],
    minima=[(-np.pi, 12.275), (np.pi, 2.275), (3 * np.pi, 2.475)], saddles=[(0, 6), (2 * np.pi, 1.1)],
    source="F. H. Branin, Widely Convergent Method for Finding Multiple Solutions of Simultaneous Nonlinear "
           "Equations, IBM J. Research and Development 16(5) (1972)")
def branin(p):
    """Three equal minima in a row along one bent valley: which of them a run takes depends on where it enters."""
    x, y = p
    off_valley = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return off_valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


@surface(
    title="Goldstein–Price",
    formula=r"\left[1 + (x + y + 1)^2 (19 - 14x + 3x^2 - 14y + 6xy + 3y^2)\right] "
            r"\left[30 + (2x - 3y)^2 (18 - 32x + 12x^2 + 48y - 36xy + 27y^2)\right]",
    domain=((-2, 2), (-3, 1)), start=(-1.5, 0.5), starts=[(1.5, -0.5), (-0.5, -2.5)], minima=[(0, -1)],
    local_minima=[(-0.6, -0.4), (1.8, 0.2), (1.2, 0.8)],
    saddles=[(-0.4, -0.6), (1.2, -0.2), (1.4, 0.6), (0.6, 0.4)], maxima=[(0.8, 0.2)],
    source="A. A. Goldstein and J. F. Price, On Descent from Local Minima, Mathematics of Computation 25(115) (1971)")
def goldstein_price(p):
    """Values from 3 to 3.5 million: no learning rate suits both the walls and the floor, unless steps are scaled."""
    x, y = p
    first = 1 + (x + y + 1)**2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    second = 30 + (2 * x - 3 * y)**2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
    return first * second


# Dozens of minima: descent alone finds the nearest; to find the best takes noise, restarts or luck.


@surface(
    formula=r"20 + x^2 + y^2 - 10 \cos 2\pi x - 10 \cos 2\pi y", domain=((-5.12, 5.12), (-5.12, 5.12)),
    start=(-3.3, 2.4), starts=[(0.4, 0.4), (4.6, -4.6)], minima=[(0, 0)],
    source="L. A. Rastrigin, Systems of Extremal Control (1974)")
def rastrigin(p):
    """A bowl in an egg box: 121 dents, all but one of them a trap, and a large step is the only way out."""
    x, y = p
    return 20 + x**2 + y**2 - 10 * np.cos(2 * np.pi * x) - 10 * np.cos(2 * np.pi * y)


@surface(
    formula=r"20 \left(1 - e^{-0.2 \sqrt{(x^2 + y^2) / 2}}\right) + e - e^{(\cos 2\pi x + \cos 2\pi y) / 2}",
    domain=((-5, 5), (-5, 5)), start=(-3.7, 2.8), starts=[(0.4, 0.2), (4.4, 4.4)], minima=[(0, 0)],
    source="D. H. Ackley, A Connectionist Machine for Genetic Hillclimbing (1987)")
def ackley(p):
    """A pitted funnel with a sharp tip: the pits catch small steps, and since the slope does not fade towards the tip,
    large ones overshoot it."""
    x, y = p
    funnel = 20 * (1 - np.exp(-0.2 * np.sqrt((x**2 + y**2) / 2)))
    return funnel + np.e - np.exp((np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)) / 2)


@surface(
    formula=r"\sin^2 \pi u + (u - 1)^2 (1 + 10 \sin^2(\pi u + 1)) + (v - 1)^2 (1 + \sin^2 2\pi v), \; "
            r"u = 1 + \frac{x - 1}{4}, \; v = 1 + \frac{y - 1}{4}",
    domain=((-10, 10), (-10, 10)), start=(-4.5, 6), starts=[(8, -8), (5, 2)], minima=[(1, 1)],
    source="A. V. Levy and A. Montalvo, The Tunneling Algorithm for the Global Minimization of Functions, "
           "SIAM J. Scientific and Statistical Computing 6(1) (1985)")
def levy(p):
    """Parallel trenches: a run slides down the trench it starts in, and the walls keep it from the better one."""
    x, y = p
    u, v = 1 + (x - 1) / 4, 1 + (y - 1) / 4
    return (np.sin(np.pi * u)**2 + (u - 1)**2 * (1 + 10 * np.sin(np.pi * u + 1)**2)
            + (v - 1)**2 * (1 + np.sin(2 * np.pi * v)**2))


@surface(
    formula=r"1 + \frac{x^2 + y^2}{4000} - \cos x \, \cos \frac{y}{\sqrt{2}}", domain=((-10, 10), (-10, 10)),
    start=(-5.4, 3.2), starts=[(2, 2), (9, -8)], minima=[(0, 0)],
    source="A. O. Griewank, Generalized Descent for Global Optimization, "
           "J. Optimization Theory and Applications 34 (1981)")
def griewank(p):
    """Seen from afar a bowl, from near an egg box of almost equal dents: the scale of the step decides what is seen."""
    x, y = p
    return 1 + (x**2 + y**2) / 4000 - np.cos(x) * np.cos(y / 2**0.5)


# Edges and kinks: the derivative does not help, or the best point has none.


@surface(
    formula=r"-(y + 47) \sin\sqrt{\left|\frac{x}{2} + y + 47\right|} - x \sin\sqrt{|x - y - 47|}",
    domain=((-512, 512), (-512, 512)), start=(-150, 250), starts=[(400, 300), (-300, -300)],
    minima=[(512, 404.2318051137811)],
    source="D. Whitley et al., Evaluating Evolutionary Algorithms, Artificial Intelligence 85 (1996)")
def eggholder(p):
    """The best point lies on the edge of the domain and the land beyond falls lower still: mind the boundary."""
    x, y = p
    return -(y + 47) * np.sin(np.sqrt(np.abs(x / 2 + y + 47))) - x * np.sin(np.sqrt(np.abs(x - y - 47)))


@surface(
    title="Bukin No. 6",
    formula=r"100 \sqrt{|y - 0.01 x^2|} + 0.01 |x + 10|", domain=((-15, -5), (-3, 3)), start=(-14, -2),
    starts=[(-6, 2.5), (-13, 2)], minima=[(-10, 1)],
    source="Z. K. Silagadze, Finding Two-Dimensional Peaks, Physics of Particles and Nuclei Letters 4(1) (2007); "
           "after A. D. Bukin (1997)")
def bukin6(p):
    """A crease of infinite steepness: the gradient says everything about the crease and nothing about the way along
    it."""
    x, y = p
    return 100 * np.sqrt(np.abs(y - 0.01 * x**2)) + 0.01 * np.abs(x + 10)
