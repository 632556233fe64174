"""The derivative, written out: the program that NumPy ran, for you to read, run and keep.

Read `recording.py` first, and beside it `calls.py`, `watched.py` and `places.py`; then `trace.py`,
`simplifications.py`, `layout.py` and `written.py`. `scalar_code.py` prints the same calls as JavaScript.
"""

from .scalar_code import javascript
from .written import Program, program

__all__ = ["Program", "javascript", "program"]
