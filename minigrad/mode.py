"""What happens to operations besides being computed: they are recorded, or not, or a watcher looks on.

The mode belongs to a thread (or to a task of asyncio), so `no_grad` in one does not affect the others.
"""

from contextlib import contextmanager
from contextvars import ContextVar

# None: operations are recorded. NO_GRAD: they are not. Anything else is a watcher: operations are recorded, and each
# step is reported to its methods forward(node, primitive, args) and backward(node, g, parent, contribution).
mode = ContextVar("mode", default=None)
NO_GRAD = "no_grad"


@contextmanager
def in_mode(inside):
    """Set the mode for a `with` block; however the block ends, the old mode is restored.

    An interrupt can come at any line, even here. So the mode is set inside `try`, and the function that undoes it is
    called twice.
    """
    before, token = mode.get(), None
    try:
        try:
            token = mode.set(inside)
            yield
        finally:
            _undo(inside, before, token)
    finally:
        _undo(inside, before, token)


def _undo(inside, before, token):
    """Undo a setting of the mode, unless it is undone already."""
    if mode.get() is not inside:
        return
    try:
        if token is None:  # an interrupt came before the token was kept
            mode.set(before)
        else:
            mode.reset(token)
    except (RuntimeError, ValueError):
        pass  # it is undone; or a generator is closed in another thread or task, where nothing was set


def watcher():
    """Return the watcher of operations and gradients, or None."""
    present = mode.get()
    return None if present is NO_GRAD else present
