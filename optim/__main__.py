"""`python -m optim`: see `optim/viz/shell.py`."""

import sys

from optim.viz.shell import main

sys.exit(main())
