"""Derivative rules in plain NumPy, a file for each family of functions; importing them fills the registry."""

from . import elementwise, indexing, products, reductions, shapes

__all__ = ["elementwise", "indexing", "products", "reductions", "shapes"]
