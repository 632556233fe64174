"""A step explained line by line, the listing of a rule, and exercises. `optim` loads this package when it is needed."""

from .explanation import Explanation, explain
from .listings import Listing, show
from .worksheets import Worksheet, worksheet

__all__ = ["Explanation", "explain", "Listing", "show", "Worksheet", "worksheet"]
