"""From an explained backward pass to the boxes and edges of a picture; a graph that is too large is folded.

Operations are taken in the order in which they ran, and neighbours in this order are folded into one box: those of the
same call of a module, and those that repeat. So no edge between two boxes ever runs backwards.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

FEW = 3  # operations that are named in the title of a folded box
LONGEST = 1000  # the longest sequence of operations whose repetition is searched for


@dataclass(eq=False)
class Box:
    """A box of the picture.

    Attributes
    ----------
    kind : str
        "operation", "parameter", "constant" or "folded".
    title : str
    value : ndarray or list
    rows : list of Row
        The rows that it shows; empty for a constant.
    """

    kind: str
    title: str
    value: object
    rows: list = field(default_factory=list)

    @property
    def inside(self):
        """What a folded box holds, in a few lines."""
        operations = [row for row in self.rows if row.operation]
        counts = Counter("operation" if row.operation else "parameter" for row in self.rows)
        lines = [f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts.items()]
        if len(operations) > 1:
            lines.insert(1, ", ".join(row.operation for row in operations[:FEW]) + ", …" * (len(operations) > FEW))
        return lines


@dataclass(eq=False)
class Edge:
    """An edge between two boxes, with the contributions that run back along it."""

    source: Box
    target: Box
    contributions: list = field(default_factory=list)


@dataclass(eq=False)
class Block:
    """Operations, oldest first, that are drawn as one box; `title` is "" for a single one that is not folded."""

    rows: list
    kind: str
    title: str = ""

    @property
    def signature(self):
        """What blocks that repeat have in common: the operations and their shapes."""
        return tuple([(row.operation, shape_of(row.value)) for row in self.rows])


class Graph:
    """The boxes and edges of an explanation with its operations in these blocks.

    Parameters and unnamed constants that only one folded block uses are inside that block.

    Attributes
    ----------
    boxes : list of Box
        Each before those that its edges lead to.
    edges : list of Edge
        One for each argument of an operation; to or from a folded box, one for each pair of boxes.
    """

    def __init__(self, explanation, blocks):
        self.explanation = explanation
        results = list(map(box_of, blocks))
        self.home = {row.step: box for box in results for row in box.rows}  # the box of each row, by its step
        parameters, self.constants = list(self._parameters()), {}
        self.edges = self._edges([row for block in blocks for row in block.rows])
        self.boxes = [*parameters, *self.constants.values(), *results]

    def _parameters(self):
        """Yield a box for each leaf that is not inside a folded one."""
        users = {}
        for row in self.explanation.rows:
            for argument in row.arguments:
                users.setdefault(argument.step, set()).add(self.home[row.step])
        for row in self.explanation.rows:
            if row.operation:
                continue
            using = list(users.get(row.step, ()))
            if len(using) == 1 and using[0].kind == "folded":
                self.home[row.step] = using[0]
                using[0].rows.append(row)
            else:
                self.home[row.step] = Box("parameter", self.explanation.label(row.step), row.value, [row])
                yield self.home[row.step]

    def _edges(self, rows):
        """Return the edges to these operations, and make the boxes of constants that they need."""
        edges = {}
        for row in rows:
            target = self.home[row.step]
            for argument in row.arguments:
                source = self.home[argument.step] if argument.step else self._constant(row, argument)
                if source is None or source is target:
                    continue
                key = (source, target) if "folded" in (source.kind, target.kind) else (row.step, argument.position)
                edge = edges.setdefault(key, Edge(source, target))
                edge.contributions += [give for give in row.contributions if give.argument == argument.position]
        return list(edges.values())

    def _constant(self, row, argument):
        """Return the box of a constant, the same for all of a name; None for one that is inside a folded box."""
        if not argument.name and self.home[row.step].kind == "folded":
            return None
        key = (argument.name, shape_of(argument.value)) if argument.name else (row.step, argument.position)
        return self.constants.setdefault(key, Box("constant", argument.name, argument.value))


def box_of(block):
    """Return the box of a block."""
    kind = "folded" if block.title else "operation"
    return Box(kind, block.title or operation_title(block.rows[0]), block.rows[-1].value, list(block.rows))


def operation_title(row):
    """Return the title of an operation's box, as in "b = square", "sum axis=0" or "x[0]"."""
    whole = row.arguments[0].name if row.operation == "getitem" else ""
    title = whole + row.settings if whole else f"{row.operation} {row.settings}".strip()
    return f"{row.name} = {title}" if row.name else title


# Folding

def folded(explanation, limit, depth):
    """Return the Graph with at most `limit` boxes, or with the modules at this depth folded."""
    rows = [row for row in reversed(explanation.rows) if row.operation]
    leaves = {row.step for row in explanation.rows if not row.operation}
    blocks = [Block([row], row.operation) for row in rows]
    graph = Graph(explanation, blocks if depth is None else by_module(rows, leaves, depth))
    deepest = max((len(row.origin.calls) for row in rows), default=0)
    while len(graph.boxes) > limit and depth is None and deepest:
        graph = Graph(explanation, blocks := by_module(rows, leaves, deepest))
        deepest -= 1
    while len(graph.boxes) > limit and len(blocks) > 1:
        graph = Graph(explanation, blocks := shortened(blocks))
    return graph


def by_module(rows, leaves, depth):
    """Return the operations, with those of each call of a module at this depth in one block."""
    def call_of(row):
        calls = row.origin.calls
        return calls[depth - 1] if len(calls) >= depth else row.step

    blocks = []
    for call, group in groupby(rows, call_of):
        group = list(group)
        has_parameters = any(argument.step in leaves for row in group for argument in row.arguments)
        if isinstance(call, int) or (len(group) == 1 and not has_parameters):
            blocks.append(Block(group, group[0].operation))
        else:
            blocks.append(Block(group, call.kind, f"{call.kind} {call.path}".strip()))
    return blocks


def shortened(blocks):
    """Return fewer blocks: with a sequence that repeats folded, or else with neighbours joined in twos.

    In a long row of equal blocks the first and the last stay, to show what goes in and comes out.
    """
    start, period, count = best_run([block.signature for block in blocks])
    if not count:
        return [joined(blocks[i:i + 2]) for i in range(0, len(blocks), 2)]
    run = blocks[start:start + period * count]
    if period == 1:
        middle = [run[0], repeated(run[1:-1]), run[-1]] if count > FEW else [repeated(run)]
    else:
        middle = [joined(run[i:i + period]) for i in range(0, len(run), period)]
    return blocks[:start] + middle + blocks[start + period * count:]


def best_run(signatures):
    """Return (start, period, count) of the repetition that spans the most; count is 0 if nothing repeats."""
    numbers = {}
    sequence = np.array([numbers.setdefault(signature, len(numbers)) for signature in signatures])
    best, most = (0, 0, 0), 0
    for period in range(1, min(len(sequence) // 2, LONGEST) + 1):
        ends = np.flatnonzero(np.append(sequence[:-period] != sequence[period:], True))
        lengths = np.diff(ends, prepend=-1) - 1  # of the stretches that equal what comes a period later
        i = lengths.argmax()
        count = int(lengths[i]) // period + 1
        if count > 1 and count * period > most:
            best, most = (int(ends[i] - lengths[i]), period, count), count * period
    return best


def joined(blocks):
    """Return different blocks as one."""
    rows = [row for block in blocks for row in block.rows]
    if len(blocks) == 1:
        return blocks[0]
    kinds = ", ".join(block.kind for block in blocks)
    kind = kinds if kinds.count(",") < FEW else f"{len(rows)} operations"
    return Block(rows, kind, kind)


def repeated(blocks):
    """Return blocks that repeat as one."""
    kind = blocks[0].kind
    return Block([row for block in blocks for row in block.rows], kind,
                 f"{len(blocks)} × {f'({kind})' if ',' in kind else kind}")


def shape_of(value):
    """Return the shape of an array; of several, a tuple of shapes."""
    return tuple(map(shape_of, value)) if isinstance(value, list) else np.shape(value)
