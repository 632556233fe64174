"""What every optimizer shares. Read `optimizer.py` first; the other files each serve it with one thing."""
