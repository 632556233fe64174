"""Pictures that move: an animation of runs, and a window in which a run follows the mouse."""
