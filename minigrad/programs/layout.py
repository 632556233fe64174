"""From a list of calls to statements that a person would write: names, lines, and changes in place.

A value that is used once, in a line of the same origin, is written where it is used. A value that has a name of the
reader's, or several uses, has its own statement. Values written into their first argument are written in place
(`m *= b`) if nothing reads the old numbers later.
"""

import builtins
import keyword
import operator
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np

from .calls import Assertion, Attribute, Call, calls_in, mapped
from .expressions import ATOM, LOOSEST, OPERATORS, OWN, SIGN, TIMES, array_text, expression, literal
from .places import assigned
from .reader import source
from .simplifications import VIEWS
from .trace import item_path

WIDTH = 92
ORDINARY = {"getitem": "part", "multiply": "product", "matmul": "product", "add": "total", "subtract": "difference",
            "divide": "ratio", "mul": "product", "sub": "difference", "truediv": "ratio", "negative": "negative",
            "neg": "negative", "pow": "power", "exp": "exponential", "greater": "mask", "less": "mask", "equal": "mask",
            "greater_equal": "mask", "less_equal": "mask", "zeros_like": "zeros", "absolute": "size", "T": "turned",
            "assigned": "filled", "array": "stacked", "broadcast_to": "spread", "sum": "total", "reduce": "total",
            "max": "largest", "min": "smallest", "sliding_window_view": "windows", "reshape": "reshaped",
            "swapaxes": "swapped", "transpose": "turned", "stack": "stacked", "concatenate": "joined",
            "maximum": "larger", "minimum": "smaller", "where": "chosen", "square": "squared", "floor": "whole",
            "clip": "clipped"}
TAKEN = {"np", "operator", "base64", "assigned", "added_at", *keyword.kwlist, *dir(builtins)}


@dataclass
class Statement:
    """A line of a program, or two: the call that it is about, and its text."""

    call: object
    text: str


class Layout:
    """The statements of a program.

    Parameters
    ----------
    args, parameters : the structure of the arguments, and what each is called
    steps, result, writes, rebound : of a Trace, simplified or not
    free : dict
        The Calls of arrays that are read at each call, by their paths.
    raw : bool
        Whether each call is to have a line of its own.
    """

    def __init__(self, args, parameters, steps, result, writes, rebound, free, title, raw=False):
        self.args, self.parameters, self.steps, self.raw = args, parameters, steps, raw
        self.result, self.writes, self.rebound, self.title = result, writes, rebound, title
        self.names, self.taken, self.constants, self.own = {}, Counter(), {}, {}
        self.free = {}
        for path, call in free.items():
            self.free[path] = self.names[id(call)] = self.unused(path)
        for name in parameters:
            self.unused(name)
        self.unpacking = list(self.unpacked())
        self.uses = self.count_uses()
        self.kept = set()  # values that are written into later, and so need a name
        self.writes_last = bool(writes)
        self.slots = self.in_place() if not raw else {}
        self.texts = {}
        self.statements = [self.statement(step) for step in steps if self.stands_alone(step)]
        self.endings = [f"{self.names[id(argument)]}[...] = {self.show(value)}" for argument, value in writes
                        if self.names.get(id(argument)) != self.names.get(id(value))]
        self.endings += [f"{path} = {structure_text(value, self.show)}" for path, value in rebound]

    # Names

    def unused(self, wanted):
        """Return a name that nothing else has: the wanted one, or it with a number."""
        name = re.sub(r"\W+", "_", wanted).strip("_") or "x"
        name = f"{name}_" if name in TAKEN or name[0].isdigit() else name
        self.taken[name] += 1
        while self.taken[name] > 1:
            numbered = f"{name}_{self.taken[name]}" if name[-1].isdigit() else f"{name}{self.taken[name]}"
            if numbered not in self.taken:
                self.taken[numbered] = 1
                return numbered
            self.taken[name] += 1
        return name

    def unpacked(self):
        """Name the arrays in the arguments; yield the lines that take lists and dictionaries apart."""
        for parameter, arg in zip(self.parameters, self.args):
            if isinstance(arg, Call):
                self.names[id(arg)] = parameter
                continue
            leaves = list(paths_in(arg, parameter))
            for call, path, last in leaves:
                wanted = call.name or (last if isinstance(last, str) else path)
                self.names[id(call)] = self.unused(wanted)
            for start in range(0, len(leaves), 6):
                some = leaves[start:start + 6]
                yield (f"{', '.join([self.names[id(call)] for call, _, _ in some])} = "
                       f"{', '.join([path for _, path, _ in some])}")

    def name(self, call):
        """Return the name of a value: the reader's, or one after what it is."""
        if id(call) not in self.names:
            self.names[id(call)] = self.unused(self.wanted_name(call))
        return self.names[id(call)]

    def wanted_name(self, call):
        """Return what a value is best called."""
        if call.name:
            return call.name
        about = present(call.slope_of)
        if about is not None and (about.name or id(about) in self.names):
            return "d" + (self.names.get(id(about)) or about.name)
        if call.function is operator.getitem and isinstance(call.args[0], Call) and type(call.args[1]) is int:
            return f"{self.names.get(id(call.args[0]), 'part')}_{call.args[1]}"
        name = getattr(call.function, "__name__", "value")
        return ORDINARY.get(name, name)

    # What has its own line

    def count_uses(self):
        """Return how often each value is used, and note where."""
        uses, self.users = Counter(), defaultdict(list)
        for step in self.steps:
            parts = step.condition if isinstance(step, Assertion) else (step.args, step.keywords)
            for call in calls_in(parts):
                uses[id(call)] += 1
                self.users[id(call)].append(step)
        for call in calls_in((self.result, [value for _, value in [*self.writes, *self.rebound]])):
            uses[id(call)] += 1
            self.users[id(call)].append(None)
        return uses

    def stands_alone(self, step):
        """Return whether a step has its own line."""
        if isinstance(step, Assertion) or self.raw or id(step) in self.slots or id(step) in self.kept:
            return True
        if step.function == Attribute("T") and None not in self.users[id(step)]:  # costs nothing, and reads well
            return False
        if self.uses[id(step)] != 1:
            return True
        user, = self.users[id(step)]
        if user is None:
            return step.kind == "tuple" or self.writes_last or len(self.text_of(step)[0]) > (12 if step.name else 30)
        if isinstance(user, Assertion) or step.kind == "tuple":
            return step.kind == "tuple"
        same_line = step.origin.source_line == user.origin.source_line and bool(step.origin.rule) == bool(
            user.origin.rule)
        if step.name and not step.origin.rule and not (step.function is operator.getitem and same_line):
            return True
        if step.slope_of is not None and step.slope_of.name and not same_line:
            return True
        longest = WIDTH - 24 if same_line else 24
        return len(self.text_of(step)[0]) > longest

    def text_of(self, call):
        """Return the text of a call and how tightly it holds together."""
        if id(call) not in self.texts:
            if call.function in OWN:
                self.own[call.function.__name__] = OWN[call.function]
            self.texts[id(call)] = expression(plain_numbers(call), self.show)
        return self.texts[id(call)]

    def show(self, x, tightness=LOOSEST):
        """Return the text of an argument: a name, the call itself where it is used once, or a literal."""
        if not isinstance(x, Call):
            text = literal(x, self.show)
            return f"({text})" if (text.startswith("-") and tightness > SIGN) or (
                " ** " in text and tightness > TIMES) else text
        if id(x) in self.names:
            return self.names[id(x)]
        if x.array is not None:
            return self.constant(x)
        if x.function is None or self.stands_alone(x):
            return self.name(x)
        text, own = self.text_of(x)
        return text if own >= tightness else f"({text})"

    def constant(self, call):
        """Return how a frozen array is written: as an expression if it is short, otherwise by a name."""
        text = array_text(call.array) if call.array.size <= 4 or uniform(call.array) else ""
        if text and len(text) < 40:
            return text
        self.constants[self.name_of_constant(call)] = call.array
        return self.names[id(call)]

    def name_of_constant(self, call):
        if id(call) not in self.names:
            self.names[id(call)] = self.unused("frozen")
        return self.names[id(call)]

    # In place

    def in_place(self):
        """Return, for each call that can write into its first argument, the old value of that argument.

        Nothing may read the old numbers later; anything that reads them earlier gets its own line.
        """
        order = {id(step): i for i, step in enumerate(self.steps)}
        readers, memory = self.readers()
        of_arguments, slots, starts = self.written_to_arguments(), {}, {}
        for step in self.steps:
            if isinstance(step, Assertion) or not step.written or not isinstance(step.args[0], Call) or not (
                    step.function in OPERATORS or step.function is assigned):
                continue
            old = step.args[0]
            start = starts.get(id(old), old)  # the first value in this memory
            owned = step.memory is old.memory and (
                id(step) in of_arguments if start.function is None else memory[id(start)] is start)
            others = [user for user in readers[id(old)] if user is not step]
            if owned and all(user is not None and order[id(user)] < order[id(step)] for user in others):
                slots[id(step)], starts[id(step)] = old, start
                self.kept.update(map(id, [old, *others]))
        # Whether an argument is written to after the last statement: what is returned has to be computed before.
        self.writes_last = any(starts.get(id(value)) is not argument for argument, value in self.writes)
        return slots

    def readers(self):
        """Return which steps read the memory of each value, itself or by a view, and whose memory each value has."""
        memory, readers = {}, defaultdict(list)
        for step in self.steps:
            if not isinstance(step, Assertion):
                first = step.args[0] if step.args and isinstance(step.args[0], Call) else None
                memory[id(step)] = memory.get(id(first), first) if step.function in VIEWS and first else step
        for value, users in self.users.items():
            readers[id(memory[value]) if value in memory else value] += users
        for argument, value in self.writes:  # at the end an argument is overwritten
            if value is not argument and None in readers[id(argument)]:
                readers[id(argument)].remove(None)
        return readers, memory

    def written_to_arguments(self):
        """Return the calls, by their identity, that turn an argument step by step into what it holds in the end."""
        found = set()
        for argument, value in self.writes:
            chain = []
            while value is not argument and value.memory is argument.memory and value.written and (
                    isinstance(value.args[0], Call)):
                chain.append(id(value))
                value = value.args[0]
            found.update(chain if value is argument else ())
        return found

    def statement(self, step):
        """Return the line of a step."""
        if isinstance(step, Assertion):
            text = self.show(step.condition, ATOM if not isinstance(step.outcome, bool) else LOOSEST)
            if not isinstance(step.outcome, bool):
                return Statement(step, f"assert {text} == {literal(step.outcome, self.show)}")
            return Statement(step, f"assert {text}" if step.outcome else f"assert not ({text})")
        if id(step) in self.slots:
            return Statement(step, self.written_in_place(step))
        text, _ = self.text_of(step)
        if step.function is assigned:
            return Statement(step, self.copied_and_written(step))
        return Statement(step, f"{self.name(step)} = {text}")

    def written_in_place(self, step):
        """Return `m *= b` or `m[i] = x`; the value has the old one's name from then on."""
        name = self.names[id(step)] = self.show(self.slots[id(step)])
        if step.function is assigned:
            value = step.args[2]
            spot = f"{name}[{expression(index_call(step), self.show)[0][len(name) + 1:-1]}]"
            return f"{spot} = {self.show(value)}"
        symbol, _ = OPERATORS[step.function]
        return f"{name} {symbol}= {self.show(plain_numbers(step).args[1])}"

    def copied_and_written(self, step):
        """Return the two statements that write into a copy."""
        array, _, value = step.args
        name = self.name(step)
        place = expression(index_call(step), self.show)[0][len(self.show(array, 11)):]
        return f"{name} = {self.show(array, 11)}.copy()\n{name}{place} = {self.show(value)}"


def present(call):
    """Return the present replacement of a call."""
    while isinstance(call, Call) and call.became is not None:
        call = call.became
    return call if isinstance(call, Call) else None


def index_call(step):
    """Return the call that reads what `assigned` writes."""
    return Call(operator.getitem, step.args[:2], {}, 0.0)


def uniform(array):
    """Return whether all numbers of an array are the same."""
    return array.size > 1 and array.dtype.kind in "fc" and bool(np.all(array == array.flat[0]))


def plain_numbers(call):
    """Return a call with Python's numbers instead of NumPy's, where the result is the same; 2 for 2.0."""
    forms = [x.dtype for x in calls_in((call.args, call.keywords)) if x.kind in ("array", "scalar")]
    of_masks = call.dtype == float and forms and all(form.kind == "b" for form in forms)
    if not (call.dtype in forms or call.dtype == bool or of_masks) or not forms:
        return call
    operators = call.function in OPERATORS and forms[0].kind == "f"

    def plain(x):
        if isinstance(x, np.generic) and (x.dtype == call.dtype or operators):
            x = x.item()
        whole = operators and isinstance(x, float) and x.is_integer() and abs(x) < 1e6 and str(x) != "-0.0"
        return x if isinstance(x, Call) else int(x) if whole else mapped(plain, x)

    changed = Call(call.function, plain(call.args), plain(call.keywords), 0.0)
    changed.dtype, changed.kind, changed.shape = call.dtype, call.kind, call.shape
    return changed


def paths_in(structure, path, last=None):
    """Yield (call, path, last key) for each Call in an argument."""
    if isinstance(structure, Call):
        yield structure, path, last
    elif isinstance(structure, dict):
        for key, item in structure.items():
            yield from paths_in(item, item_path(path, key), key)
    elif isinstance(structure, (list, tuple)):
        for i, item in enumerate(structure):
            yield from paths_in(item, f"{path}[{i}]", i)


# The whole text

def written_out(layout):
    """Return the text of a program as a function."""
    lines = [f"def {layout.title}({', '.join(layout.parameters)}):"]
    lines += [f"    {line}" for line in layout.unpacking]
    walking_back, heading = False, None
    backward = any(s.call.origin.rule for s in layout.statements if s.call.origin)
    for statement in merged(layout.statements, layout):
        origin = statement.call.origin
        remark = source(origin.source_line).removeprefix("return ")
        if backward and remark and (heading is None or bool(origin.rule) != walking_back):
            walking_back = bool(origin.rule)
            lines.append("    # backward" if walking_back else "    # forward" if heading is None else "    # then")
            heading = ""
        if remark and remark != heading and not repeats(remark, statement.text):
            lines.append(f"    # {'back through ' * walking_back}{shortened(remark)}")
        heading = remark or heading
        lines += [wrapped(f"    {line}") for line in statement.text.split("\n")]
    lines += [wrapped(f"    {line}") for line in layout.endings]
    lines.append(wrapped(f"    return {returned(layout.result, layout.show)}"))
    return "\n".join(lines) + "\n"


def wrapped(line, width=110):
    """Return a statement in lines of at most `width` columns, as far as its brackets allow breaking it."""
    lines, depth, start, spot = [], 0, 0, None
    for i, letter in enumerate(line):
        depth += (letter in "([{") - (letter in ")]}")
        if i - start + 8 * bool(lines) >= width and spot is not None:
            lines.append(line[start:spot].rstrip())
            start, spot = spot, None
        if letter == " " and depth > 0 and line[i - 1] == "," and not set(line) & set("\"'"):
            spot = i + 1
    lines.append(line[start:])
    return "\n        ".join(lines)


def merged(statements, layout):
    """Yield the statements, those that take an array apart joined to one: x, y = p[0], p[1]."""
    group = []
    for statement in [*statements, None]:
        call = statement and statement.call
        parts = isinstance(call, Call) and call.function is operator.getitem and type(call.args[1]) is int and (
            " = " in statement.text)
        if group and (not parts or call.args[0] is not group[0].call.args[0] or layout.raw
                      or call.origin.source_line != group[0].call.origin.source_line):
            yield joined(group)
            group = []
        if parts:
            group.append(statement)
        elif statement is not None:
            yield statement


def joined(group):
    """Return statements that take an array apart as one."""
    pairs = [statement.text.split(" = ") for statement in group]
    whole = group[0].call.args[0]
    text = f"{', '.join([name for name, _ in pairs])} = {', '.join([part for _, part in pairs])}"
    if len(group) > 1 and whole.shape and [s.call.args[1] for s in group] == list(range(whole.shape[0])):
        text = f"{', '.join([name for name, _ in pairs])} = {pairs[0][1].rpartition('[')[0]}"
    return Statement(group[0].call, text)


def repeats(remark, text):
    """Return whether a statement says the same as the reader's line."""
    return re.sub(r"\s+", "", remark) == re.sub(r"\s+", "", text) or remark.startswith(("@", "def "))


def shortened(remark, width=88):
    """Return a line that fits."""
    return remark if len(remark) <= width else remark[:width - 4] + " ..."


def returned(result, show):
    """Return what a program returns: a tuple without its brackets."""
    text = structure_text(result, show)
    return text[1:-1] if type(result) is tuple and len(result) > 1 else text


def structure_text(x, show):
    """Return a structure of values as an expression."""
    if isinstance(x, Call):
        return show(x)
    return literal(x, partial(lambda x, tightness=LOOSEST: structure_text(x, show)))
