"""Pictures of runs, of surfaces and of networks. Read `drawing.py`, `framing.py` and `plots.py` first."""
