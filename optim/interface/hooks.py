"""Hooks: functions that are called before and after every step, even if a class has its own `step`."""

import inspect
from functools import wraps

from .annotations import Function
from .signatures import advise


class HookHandle:
    """What registering a hook returns: `remove()` removes the hook."""

    def __init__(self, hooks: dict, hook: Function) -> None:
        self._hooks = hooks
        hooks[self] = hook

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._hooks.pop(self, None)


def with_hooks(step: Function) -> Function:
    """Return a method `step` that also calls the optimizer's hooks.

    The hooks are called only around the outermost `step`, not again around the `super().step()` inside it.
    """
    @wraps(step)
    def hooked(self, closure=None, **others):
        if type(self).step is not hooked:
            return step(self, closure, **others)
        try:
            if self._before_step:
                call(self._before_step, self, closure)
            loss = step(self, closure, **others)
            if self._after_step:
                call(self._after_step, self, closure)
        except AttributeError as error:
            if error.obj is self:
                advise(error)
            raise
        return loss

    hooked.calls_hooks = True
    return hooked


def call(hooks, optimizer, closure):
    """Call hooks in the order in which they were registered; one of them may remove itself."""
    for hook in [*hooks.values()]:
        hook(optimizer, (closure,), {})


def with_closure(step: Function) -> Function:
    """Return a method `step` that takes a closure even if its author did not, and calls it or raises a TypeError."""
    return after_closure(step) if len(inspect.signature(step).parameters) == 1 else refusing_to_ignore(step)


def after_closure(step):
    """Return a `step(self, closure=None)` that calls the closure, and then a `step(self)` that takes none."""
    @wraps(step)
    def stepped(self, closure=None):
        loss = None if closure is None else closure()
        step(self)
        return loss

    return stepped


def refusing_to_ignore(step):
    """Return a `step` that raises a TypeError if it does not call the closure that it is given."""
    @wraps(step)
    def stepped(self, closure=None, **others):
        if closure is None:
            return step(self, None, **others)
        calls = []

        def counted():
            calls.append(1)
            return closure()

        loss = step(self, counted, **others)
        if not calls:
            raise TypeError(f"{type(self).__name__}.step(closure) does not call its closure, which computes the loss "
                            "and the gradients: write `def step(self)`, and it is called for you, or begin with "
                            "`loss = None if closure is None else closure()` and end with `return loss`")
        return loss

    return stepped
