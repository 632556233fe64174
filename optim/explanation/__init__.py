"""A step explained line by line, and exercises made of it. `optim` loads this package when somebody asks for it."""

from .explanation import Explanation, explain
from .worksheets import Worksheet, worksheet

__all__ = ["Explanation", "explain", "Worksheet", "worksheet"]
