"""`python -m optim`: see `optim/viz/shell/shell.py`."""

import sys

from optim.viz.shell.shell import main

sys.exit(main())
