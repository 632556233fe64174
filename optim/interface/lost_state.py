"""A warning, in the first step, if `update` computes a state and then loses it.

`m = beta * m + grad` makes a new array and calls it m. The state keeps the old array, and next time m is 0 again. The
run goes on without an error, but works worse. Only the first step that a class makes is checked.
"""

import linecache
import sys
import warnings
from copy import deepcopy
from weakref import WeakSet

import numpy as np

SEEN = WeakSet()  # the classes of rules that have been checked


def watch(optimizer, group, param):
    """Check the new state of a parameter again after this step, if it is the first step of the class."""
    state = optimizer.state[param]
    new = {name: rule for name, rule in optimizer.rules().items() if type(rule) not in SEEN}
    if not new or sys.gettrace() is not None:  # a debugger, or `explain`, is tracing already
        return
    SEEN.update(map(type, new.values()))
    before = deepcopy(state)

    def look(*_):
        handle.remove()
        for name, rule in new.items():
            if param.grad is not None and np.any(param.grad) and unchanged(part(before, name), part(state, name)):
                warn_of_lost_state(optimizer, group, param, name, rule)

    handle = optimizer.register_step_post_hook(look)


def part(state, name):
    """Return the part of a state that belongs to the link of this name; all of it for None."""
    return state if name is None else state.get(name, {})


def unchanged(before, after):
    """Return the names of the arrays that are the same as before."""
    return [name for name, array in before.items()
            if isinstance(array, np.ndarray) and np.array_equal(array, after.get(name))]


def warn_of_lost_state(optimizer, group, param, name, rule):
    """Run `update` on copies and under a tracer, and warn about a line that gives a state array's name to a new one."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    try:
        twin = deepcopy(optimizer, {id(param): param for param in params})  # with copies of its random generators
        state, hyper = part(twin.state[param], name), twin.chosen(twin.update, group, param.data)
        hyper = hyper if name is None else hyper[name]
        found = renaming(lambda: twin.rules()[name].update(param.grad.copy(), state, param.data.copy(), **hyper), state)
    except Exception:  # a rule that cannot be copied cannot be checked
        return
    for entry, local, file, line in found:
        source = linecache.getline(file, line).strip()
        warnings.warn(f'{type(rule).__name__}.update loses the new state["{entry}"]: line {line}, `{source}`, makes a '
                      f'new array and calls it {local}, and the state keeps the old one. Change the array in place, as '
                      f'in {local} *= ... and {local} += ..., or end with state["{entry}"][...] = {local}',
                      UserWarning, stacklevel=5)


def renaming(update, state):
    """Call `update`; return (entry, local, file, line) where the name of a state array is given to another array."""
    arrays = {id(array): entry for entry, array in state.items() if isinstance(array, np.ndarray)}
    before = {entry: array.copy() for entry, array in state.items() if isinstance(array, np.ndarray)}
    names, found, last = {}, {}, [0]

    def trace(frame, event, argument):
        if frame.f_code.co_name != "update":
            return None
        for local, value in frame.f_locals.items():
            if isinstance(value, np.ndarray):
                if id(value) in arrays:
                    names[local] = arrays[id(value)]
                elif local in names:
                    found.setdefault(names[local], (local, frame.f_code.co_filename, last[0]))
        last[0] = frame.f_lineno
        return trace

    sys.settrace(trace)
    try:
        with np.errstate(all="ignore"):
            update()
    finally:
        sys.settrace(None)
    return [(entry, *found[entry]) for entry in unchanged(before, state) if entry in found]
