"""The whole idea of reverse mode on one page: record every operation, then walk back through the record.

First what is recorded: a `Node` is a value with its recipe, the primitive and the arguments that made it. Then how the
record is walked: `reachable` finds what a result was made of. `propagate` visits these nodes, newest first, and passes
the gradient of each on to its parents, through the vector-Jacobian products (vjps) of its primitive. The vjps run on
plain arrays at NumPy's speed. They can also run on nodes, which speak NumPy too (see `tensor.py`): then they are
recorded in turn, and can be differentiated again.
"""

from itertools import count
from operator import attrgetter

import numpy as np
from numpy import float64, ndarray

from .mode import NO_GRAD, mode, watcher

FREED = ()  # the recipe of a node whose graph has been freed
GONE = ("backward through a graph that an earlier backward pass has freed: "
        "give that pass retain_graph=True, or run the forward pass again")
age = count().__next__
new = object.__new__
when_it_ran = attrgetter("counter")


# What is recorded

class Primitive:
    """A function of arrays with its derivative rules.

    `vjps[i](g, ans, *args, **keywords)` is the product of g, the gradient of the result `ans`, with the Jacobian by the
    i-th argument. It can have the broadcast shape and any precision. A rule can also return `AddInto`. An argument
    without a derivative has None instead of a rule.
    """

    __slots__ = ("function", "name", "vjps")

    def __init__(self, function, vjps, name):
        self.function, self.vjps, self.name = function, vjps, name

    def __call__(self, *args, **keywords):
        """Return function(*args, **keywords), recorded if an argument is a node."""
        for value in keywords.values():
            if isinstance(value, Node):
                raise TypeError(f"{self.name} differentiates only what is passed by position; "
                                f"a Tensor was passed by keyword: {', '.join(sorted(keywords))}")
        for arg in args:
            if isinstance(arg, Node):
                return record(self, args, keywords).results()
        return self.function(*args, **keywords)


class Node:
    """A value and how it was made.

    Attributes
    ----------
    value : ndarray, NumPy scalar, or a tuple of them if the primitive has several results
    recipe : tuple or None
        (primitive, args, keywords, parents): the value is `primitive.function(*args, **keywords)`. `parents` lists the
        arguments that need a gradient, as (position, node, fingerprint). None for a leaf; FREED after a backward pass.
    counter : int
        Larger than that of any node it was made of, so that sorting by it gives an order for the walk.
    requires_grad : bool
    hooks : dict or None
        Functions that see, and can replace, the node's gradient once it is complete.
    """

    __slots__ = ("__weakref__", "counter", "hooks", "recipe", "requires_grad", "value")

    def results(self):
        """Return the node itself, or a tuple, named like NumPy's, with a node for each of several results."""
        if not isinstance(self.value, tuple):
            return self
        results = [record(RESULT, (self, i), {}) for i in range(len(self.value))]
        return self.value._make(results) if hasattr(self.value, "_make") else tuple(results)


def make(kind, value, recipe=None):
    """Return a new node; one with a recipe requires a gradient."""
    node = new(kind)
    node.value = value
    node.recipe = recipe
    node.requires_grad = recipe is not None
    node.counter = age()
    node.hooks = None
    return node


def record(primitive, args, keywords):
    """Apply a primitive to arguments, at least one of them a node; return a node that knows how it was made."""
    values, parents, present = [], [], mode.get()
    for position, arg in enumerate(args):
        if isinstance(arg, Node):
            kind = type(arg)
            values.append(arg.value)
            if arg.requires_grad and present is not NO_GRAD:
                parents.append((position, arg, fingerprint(arg)))
        else:
            values.append(np.asarray(arg) if type(arg) is list else arg)
    value = primitive.function(*values, **keywords)
    node = make(kind, value, (primitive, values, keywords, parents) if parents else None)
    if present is not None and present is not NO_GRAD:
        present.forward(node, primitive, args)
    return node


def fingerprint(node):
    """Return bytes that show whether a leaf's numbers change later; None for a result, whose numbers stay.

    For a small array they are all its bytes, for a large one the bytes of some 64 of its numbers.
    """
    if node.recipe:
        return None
    array = node.value
    return array.tobytes() if array.size <= 512 else array.ravel("K")[:: array.size // 64].tobytes()


# How the record is walked

def reachable(root, since=-1):
    """Return the operations that `root` was made of, in the order they ran, its leaves, and whether any was too old.

    A node is too old if its counter is at most `since`. The walk does not enter it, because nothing that is asked for
    can lie behind it.
    """
    operations, leaves, too_old = [], [], False
    seen, stack = {root}, [root]
    while stack:
        node = stack.pop()
        if node.recipe is None:
            leaves.append(node)
            continue
        if node.recipe is FREED:
            raise RuntimeError(GONE)
        operations.append(node)
        primitive, _, _, parents = node.recipe
        for _, parent, mark in parents:
            if mark is not None and mark != fingerprint(parent):
                raise RuntimeError(f"a Tensor of shape {parent.value.shape} was changed after {primitive.name} "
                                   "had used it: its gradient would be wrong; run the forward pass again")
            if parent.counter <= since:
                too_old = True
            elif parent not in seen:
                seen.add(parent)
                stack.append(parent)
    operations.sort(key=when_it_ran)
    return operations, leaves, too_old


def propagate(operations, ends, root, g, since=-1, differentiable=False, free=False):
    """Hand g, the gradient of `root`, down through `operations`; return what reaches each of `ends`, or None.

    The newest operation comes first, so that a node's gradient is complete when its turn comes. The list is emptied on
    the way; with `free`, each recipe is dropped too, which frees its memory. With `differentiable`, the rules run on
    nodes instead of arrays. Each walk keeps its own gradients, so several walks can overlap.
    """
    watching = watcher()
    arrived, buffers = {root: g}, set()
    while operations:
        node = operations.pop()
        if node.recipe is FREED:  # by a walk that began later: in a hook, or in another thread
            raise RuntimeError(GONE)
        primitive, args, keywords, parents = node.recipe
        if free:
            node.recipe = FREED
        g = arrived.pop(node, None)
        if g is None:
            continue
        if node.hooks:
            g = hooked(node, g)
        ans = node.value
        if differentiable:
            ans, args = node.results(), with_nodes(args, parents)
        for position, parent, _ in parents:
            if parent.counter <= since or (vjp := primitive.vjps[position]) is None:
                continue
            contribution = vjp(g, ans, *args, **keywords) if keywords else vjp(g, ans, *args)  # 2 % of a small pass
            if watching is not None:
                watching.backward(node, g, parent, contribution)
            if type(contribution) is AddInto:
                if parent.counter not in buffers:
                    make_buffer(parent, arrived, buffers)
                contribution.add_to(arrived[parent])
                continue
            value = parent.value
            numbers = type(contribution) is type(value) is float64  # which always fit
            if not numbers and (contribution.shape != value.shape or contribution.dtype is not value.dtype):
                contribution = fit(contribution, value)
            if parent not in arrived:
                arrived[parent] = contribution
            elif parent.counter in buffers:
                arrived[parent] += contribution
            else:
                arrived[parent] = arrived[parent] + contribution
    for node in ends:
        if node.hooks and node in arrived:
            arrived[node] = hooked(node, arrived[node])
    return [arrived.get(node) for node in ends]


def fit(g, value):
    """Undo broadcasting, in this one place: sum g over the axes that were added or stretched; cast to value's dtype."""
    for _ in range(g.ndim - value.ndim):
        # For many rows, a product with ones is a faster sum: 30 times as fast for 100,000 x 2.
        g = np.ones(len(g), g.dtype) @ g if g.ndim == 2 and len(g) > 64 else np.add.reduce(g)
    if g.shape != value.shape:
        stretched = tuple([i for i, n in enumerate(value.shape) if n == 1 != g.shape[i]])
        g = np.add.reduce(g, axis=stretched, keepdims=True)
    if g.dtype != value.dtype:
        g = (g.real if value.dtype.kind == "f" else g).astype(value.dtype)
    return g


# What single features need: x[i], which picks a part; several results; higher orders; hooks

class AddInto:
    """What a rule returns if only a part of its argument receives g: add it there, and make no zeros around it.

    A loop over the n elements of an array then takes n additions on the way back instead of n arrays of n zeros.
    """

    __slots__ = ("g", "index")

    def __init__(self, index, g):
        self.index, self.g = index, g

    def add_to(self, gradient):
        """Add g to a part of the argument's gradient, in place."""
        gradient[self.index] = gradient[self.index] + self.g


def make_buffer(node, arrived, buffers):
    """Copy what has arrived at a node into an array that belongs to this walk alone, so that it can be written to."""
    parts = isinstance(node.value, tuple)
    gradient = list(map(zeros_like, node.value)) if parts else zeros_like(node.value)
    if node in arrived:
        gradient += arrived[node]
    arrived[node] = gradient
    buffers.add(node.counter)


def zeros_like(value):
    """Return zeros like an array, of its subclass too; for plain arrays np.zeros is four times as fast."""
    return np.zeros(value.shape, value.dtype) if type(value) is ndarray else np.zeros_like(value)


RESULT = Primitive(lambda values, i: values[i], (lambda g, ans, values, i: AddInto(i, g),), "result")


def with_nodes(args, parents):
    """Return the arguments of an operation with nodes where a derivative may be asked for again."""
    args = list(args)
    for position, parent, _ in parents:
        args[position] = parent
    return args


def hooked(node, g):
    """Return the gradient after the node's hooks; each hook gets a copy that it can keep or change."""
    for function in tuple(node.hooks.values()):
        replacement = function(g if isinstance(g, Node) else np.array(g))
        if replacement is not None:
            if np.shape(replacement) != node.value.shape:
                raise ValueError(f"a hook returned a gradient of shape {np.shape(replacement)} "
                                 f"for a Tensor of shape {node.value.shape}")
            g = replacement if isinstance(replacement, Node) else np.array(replacement, node.value.dtype)
    return g
