"""Arrays that record every NumPy call made with them.

A function is run once on such arrays. What it does to them arrives here by NumPy's own two protocols
(`__array_ufunc__`, `__array_function__`), by the methods of an array and by its index, and each becomes a `Call`. A
Call is at the same time the value that it returned, so that the arguments of later calls simply point to it.

A Call never changes. Writing into an array (`x += 1`, `x[0] = 2`, `out=x`) is a new Call, whose value the array has
from then on. A `Place` knows the present value of an array, and of which other array it is a part. So a program is a
list of values, and no later step depends on the order in which an array was read and written.
"""

import operator
import weakref

import numpy as np

from .calls import Assertion, Attribute, Call, Refused, calls_in, mapped, same
from .places import Place, assigned
from .reader import Lines, in_nn, where
from .watched import Number, Recorded, decoy_like, raw, recording_now


class Recording:
    """The calls of one run.

    Parameters
    ----------
    branches : {"refuse", "assume", "follow"}
        What happens where the run needs the truth value of a recorded number: an error, an assumption in the program,
        or a decision from `decisions`, one after the other, and after these by the number itself.
    decoy : {0, 1, 2}
        Which numbers lie in the memory of recorded arrays. The true ones are kept beside, so that whatever reads the
        memory without asking shows, because it differs between two runs with different decoys.
    first : bool
        Whether it is the run that the program is made from, which has to learn lines and names.

    Attributes
    ----------
    behind : dict
        The arrays in objects that the function reaches, from `arrays_behind`.
    """

    def __init__(self, branches="refuse", decisions=(), decoy=0, first=True):
        self.branches, self.decisions, self.decoy = branches, list(decisions), decoy
        self.calls, self.assertions, self.constants, self.inputs = [], [], {}, []
        self.asked_for_layout, self.behind, self.made = False, {}, []
        self.lines = Lines(self.seen, wanted=first)

    def run(self, function, args):
        """Return what the function returns for recorded arguments."""
        token = recording_now.set(self)
        try:
            with self.lines.listening():
                return function(*args)
        finally:
            recording_now.reset(token)
            for reference in self.made:
                if (recorded := reference()) is not None and recorded.plain is not None:
                    np.copyto(recorded.view(np.ndarray), recorded.plain)  # for anyone who has kept it

    # Values

    def input(self, raw, path):
        """Return an argument as a recorded array or number."""
        call = Call(None, (), {}, raw, path=path)
        self.inputs.append(call)
        return self.wrap(raw, call)

    def wrap(self, raw, call, place=None):
        """Return the raw result of a call as something that records what is done with it."""
        if isinstance(raw, (np.ndarray, np.generic)):
            recorded = np.asarray(decoy_like(raw, self.decoy)).view(Recorded)
            recorded.plain, recorded.scalar = raw, isinstance(raw, np.generic)
            recorded.place = place or Place(self, call)
            self.made.append(weakref.ref(recorded))
            call.memory = recorded.place.root()
            return recorded
        if isinstance(raw, (tuple, list)):
            items = [self.wrap(item, self.add(operator.getitem, (call, i), {}, item)) for i, item in enumerate(raw)]
            return raw._make(items) if hasattr(raw, "_make") else type(raw)(items)
        return Number(call, raw) if isinstance(raw, (bool, int, float, complex)) else raw

    def value_of(self, x):
        """Return the Call whose value an object has, or None if it is not recorded."""
        if isinstance(x, Recorded):
            return x.place.read() if x.place else None
        if isinstance(x, Number):
            return x.call
        array = held_by(x)
        return array.place.read() if array is not None and array.place else None

    def seen(self, x):
        """Return the Call whose value an object has, without a new call for a part of an array that has changed."""
        if isinstance(x, Number):
            return x.call
        array = x if isinstance(x, Recorded) else held_by(x)
        return array.place.known() if array is not None and array.place else None

    def operand(self, x):
        """Return an argument as it is noted: recorded objects as their Calls, other arrays as constants."""
        if isinstance(x, Recorded) and x.place is None:  # made by compiled code without asking
            x = np.array(x)
        if isinstance(x, (Recorded, Number)):
            return self.value_of(x)
        if isinstance(x, np.ndarray):
            return self.constant(x)
        return mapped(self.operand, x)

    def constant(self, array):
        """Return a frozen array; a new one if its numbers have changed since it was last met.

        An array that lies in an object which the function reaches is not frozen but read at each call.
        """
        whole = array
        while isinstance(whole, np.ndarray) and id(whole) not in self.behind:
            whole = whole.base
        if whole is not None and (call := self.cut_from(whole, array)) is not None:
            return call
        known = self.constants.get(id(array))
        if known is None or not same(known.array, array):
            known = Call(None, (), {}, array, self.lines.origin(), array=array.copy())
            known.args = (array,)  # keeps the array alive, so that no other can have its identity
            self.constants[id(array)] = known
        return known

    def cut_from(self, whole, array):
        """Return the Call of an array in an object, of its transpose, or of its numbers in another shape; else None."""
        if array is whole:
            return self.read_at_each_call(whole)
        if array.size != whole.size or array.dtype != whole.dtype or array.ctypes.data != whole.ctypes.data:
            return None
        if array.shape == whole.shape[::-1] and array.strides == whole.strides[::-1]:
            return self.add(Attribute("T"), (self.read_at_each_call(whole),), {}, array)
        if array.flags.c_contiguous and whole.flags.c_contiguous:
            return self.add(np.reshape, (self.read_at_each_call(whole), array.shape), {}, array)
        return None

    def read_at_each_call(self, array):
        """Return the Call of an array in an object, which is an argument that the caller need not pass."""
        if id(array) not in self.constants:
            path, _, _ = self.behind[id(array)]
            self.constants[id(array)] = call = Call(None, (array,), {}, array, path=path)
            self.inputs.append(call)
        return self.constants[id(array)]

    def add(self, function, args, keywords, result, written=False):
        """Note a call whose arguments are Calls already, and return it."""
        call = Call(function, args, keywords, result, self.lines.origin(), written)
        shaping = args[0] if function is assigned else (args, keywords)  # what the shape comes from
        call.loose = call.shape != () and (any(x.loose for x in calls_in(shaping)) or loosens(function, args))
        self.calls.append(call)
        return call

    # What is done with recorded objects

    def call(self, function, args, keywords):
        """Make a call on the raw arguments, note it, and return its recorded result."""
        raw_args, raw_keywords = raw(args), raw(keywords)
        try:
            result = function(*raw_args, **raw_keywords)
        except ZeroDivisionError:  # by one of Python's numbers, on a way that this run would not have taken
            if self.branches != "follow":
                raise
            result = float("nan")
        if result is NotImplemented or result is None or isinstance(result, (str, np.dtype)):
            return result
        noted = self.operand(args), {name: self.operand(x) for name, x in keywords.items()}
        call = self.add(function, *noted, result)
        place = None
        if isinstance(result, np.ndarray) and args and isinstance(args[0], Recorded) and args[0].place and (
                np.may_share_memory(result, raw(args[0])) and not isinstance(function, np.ufunc)):
            place = Place(self, call, args[0].place, function, noted[0][1:], noted[1])
        return self.wrap(result, call, place)

    def write(self, target, function, args, keywords, change):
        """Have `change()` write into the raw target, and note what function(*args) would have returned as its value."""
        place = self.place_of(target)
        noted = self.operand(args), {name: self.operand(x) for name, x in keywords.items()}
        before = place.read()
        change()
        result = raw(target)
        call = self.add(function, *noted, result, written=bool(noted[0]) and noted[0][0] is before)
        call.memory = place.root()
        place.write(call)
        return target

    def place_of(self, target):
        """Return the place of an array that is written to."""
        if isinstance(target, Recorded) and target.place:
            return target.place
        return self.refuse("writes recorded numbers into an array that is not recorded: make the array by "
                           "np.zeros_like(x, shape=...)")

    def decide(self, recorded, outcome):
        """Return which way a branch goes."""
        condition = self.value_of(recorded)
        if self.branches == "refuse" and not in_nn():  # what nn checks of labels is assumed
            self.refuse("branches on a number of the run: write np.where(condition, a, b), or pass assume=True to have "
                        "the program assert that the branch is the same")
        if self.branches == "follow" and len(self.assertions) < len(self.decisions):
            outcome = self.decisions[len(self.assertions)]
        self.assertions.append(Assertion(condition, outcome, self.lines.origin()))
        self.calls.append(self.assertions[-1])
        return outcome

    def leave(self, recorded, number, how):
        """Return a number that leaves the recording; raise an error unless assumptions are allowed."""
        if self.branches != "assume":
            self.refuse(f"takes a number out of the run by {how}, so that it would be the same in every run: write "
                        "np.sin(x) for math.sin(x) and np.stack([a, b]) for np.array([a, b]), or pass assume=True to "
                        "have the program assert that the number is the same")
        self.assertions.append(Assertion(self.value_of(recorded), number, self.lines.origin()))
        self.calls.append(self.assertions[-1])
        return number

    def refuse(self, reason):
        """Raise the error that names the line."""
        raise Refused(f"{where(self.lines.present())} {reason}")


def held_by(x):
    """Return the recorded array in an object that has its array as `.data`, or None.

    It is looked for among the attributes; to ask for `.data` may change the object.
    """
    kind = type(x)
    if not hasattr(kind, "data") and "data" not in getattr(x, "__dict__", ()):
        return None
    slots = [name for one in kind.__mro__ for name in getattr(one, "__slots__", ()) if not name.startswith("__")]
    parts = [*[getattr(x, name, None) for name in slots], *getattr(x, "__dict__", {}).values()]
    return next((part for part in parts if isinstance(part, Recorded)), None)


def loosens(function, args):
    """Return whether the shape of a result depends on numbers: picking by a mask does that, and finding."""
    if function is operator.getitem:
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(isinstance(x, Call) and x.dtype == bool and x.kind == "array" for x in index)
    return function in (np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract)
