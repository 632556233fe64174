# %% [markdown]
# # 3. Shared nodes, and a tape of your own
#
# **What you will see.** As soon as a value is used twice, the walk back needs care: slopes that arrive along
# different paths are added, and no node may pass on its slope before all of it has arrived. A walk without the
# right order is not slightly wrong. After four doublings it says 416 instead of 16, after eight 170 million
# instead of 256. Sorting cures it. Then forty lines are enough for a tape of your own, which uses
# minigrad's table of rules and differentiates to any order.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

import minigrad
import tutorials
from minigrad.registry import TABLE
from optim import viz

# %% [markdown]
# ## Record
#
# A node is a value, and how it came about: a function and its arguments. NumPy asks any object that has a method
# `__array_ufunc__` what to do with a function, and the mixin turns operators into functions (`a * b` into
# `np.multiply(a, b)`). So this class can record whatever is computed with it.


# %%
class Node(np.lib.mixins.NDArrayOperatorsMixin):
    """A value and how it came about: a function of NumPy and its arguments."""

    ages = itertools.count()
    __eq__, __hash__ = object.__eq__, object.__hash__  # a node equals itself alone

    def __init__(self, value, function=None, args=()):
        self.value, self.function, self.args, self.age = value, function, args, next(self.ages)

    def __array_ufunc__(self, function, method, *args):
        values = [arg.value if isinstance(arg, Node) else arg for arg in args]
        return Node(function(*values), function, args)

    def parents(self):
        """Return the arguments that are nodes, each with its position."""
        return [(position, arg) for position, arg in enumerate(self.args) if isinstance(arg, Node)]


x = Node(3.0)
y = x * x + 1
print(y.value, "made by", y.function.__name__, "from", [arg.value for _, arg in y.parents()], "and 1")

# %% [markdown]
# Here `x` is used twice in one product. Its slope is the sum of both: $x$ by the first way and $x$ by the
# second, together $2x$. **Slopes that arrive at the same node are added.**
#
# ## Walk back, without thinking about the order
#
# `TABLE` is minigrad's table of rules: `TABLE[np.multiply].vjps[0]` is the rule for the first factor. A first
# attempt: keep a pile of nodes to visit, take one, pass its slope on to its parents, and put these on the pile.


# %%
def careless_gradient(result, leaf):
    """Walk back from the result, in whatever order the pile has."""
    arrived, pile = {result: 1.0}, [result]
    while pile:
        node = pile.pop()
        for position, parent in node.parents():
            slope = TABLE[node.function].vjps[position](arrived[node], node, *node.args)
            arrived[parent] = arrived.get(parent, 0.0) + slope
            pile.append(parent)
    return arrived[leaf]


def doubled(x, times):
    """Return x, doubled some times: each node is used twice by the next."""
    for _ in range(times):
        x = x + x
    return x


for times in (1, 2, 4, 8):
    x = Node(1.0)
    print(f"{times} doublings: careless {careless_gradient(doubled(x, times), x):,.0f}, right {2**times}")

# %% [markdown]
# What went wrong? A node is on the pile twice. The first time it passes on the half that has arrived so far.
# The second time it passes on *everything* that has arrived, the first half included. Each level multiplies the
# mistake.
#
# One cure is to pass on only what has just arrived. This is right, but it walks every *path* of the graph,
# and there are $2^n$ of them.


# %%
def gradient_by_paths(result, leaf):
    """Walk every path from the result to the leaf; return the slope and how many rules were called."""
    total, calls, pile = 0.0, 0, [(result, 1.0)]
    while pile:
        node, g = pile.pop()
        if node is leaf:
            total += g
        for position, parent in node.parents():
            pile.append((parent, TABLE[node.function].vjps[position](g, node, *node.args)))
            calls += 1
    return total, calls


# %% [markdown]
# ## Why sort?
#
# The good cure: visit each node once, after everything that uses it. A node is always *younger* than what it was
# made of. So the right order is simply by age, the youngest first.


# %%
def youngest_first(result):
    """Return all nodes that the result was made of, each once, and none before a node that uses it."""
    found, waiting = {result}, [result]
    while waiting:
        for _, parent in waiting.pop().parents():
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return sorted(found, key=lambda node: node.age, reverse=True)


def gradient(result, leaf):
    """Return the slope of the result with respect to the leaf, as a node."""
    arrived = {result: Node(1.0)}
    for node in youngest_first(result):
        for position, parent in node.parents():
            slope = TABLE[node.function].vjps[position](arrived[node], node, *node.args)
            arrived[parent] = arrived[parent] + slope if parent in arrived else slope
    return arrived[leaf]


x = Node(1.0)
print("eight doublings, sorted:", gradient(doubled(x, 8), x).value)

# %% [markdown]
# That is the whole tape: a class that records, a function that sorts, a function that walks back. Forty
# lines, and the rules are those of minigrad.
#
# ## To any order, for nothing
#
# In `gradient` the slopes are nodes, and the rules are plain NumPy. So the walk back records itself, and its result
# can be differentiated again. The third derivative of tanh:

# %%
x = Node(0.5)
first = gradient(np.tanh(x), x)
second = gradient(first, x)
third = gradient(second, x)
t = np.tanh(0.5)
on_paper = 1 - t**2, -2 * t * (1 - t**2), (6 * t**2 - 2) * (1 - t**2)
print("by the tape:", first.value, second.value, third.value)
print("on paper:   ", *on_paper)
assert np.allclose([first.value, second.value, third.value], on_paper, rtol=1e-13)

# %% [markdown]
# ## The picture
#
# Left: the answers. Right: the work. The sorted walk is the only one that is right *and* cheap.

# %%
depths = range(1, 9)
careless, right, by_paths, path_calls, sorted_calls = [], [], [], [], []
for times in depths:
    x = Node(1.0)
    y = doubled(x, times)
    careless.append(careless_gradient(y, x))
    slope, calls = gradient_by_paths(y, x)
    by_paths.append(slope)
    path_calls.append(calls)
    right.append(gradient(y, x).value)
    sorted_calls.append(sum(len(node.parents()) for node in youngest_first(y)))

with viz.style():
    figure, (left, beside) = plt.subplots(1, 2, figsize=(10, 4.5))
    left.semilogy(depths, right, label="youngest first: right")
    left.semilogy(depths, careless, label="without order: wrong")
    left.annotate("416", (4, 416), textcoords="offset points", xytext=(-28, 4))
    left.annotate("16", (4, 16), textcoords="offset points", xytext=(4, -14))
    left.set(title="The slope of n doublings", xlabel="doublings n", ylabel="slope that comes out")
    beside.semilogy(depths, sorted_calls, label="youngest first: 2n rules")
    beside.semilogy(depths, path_calls, label="every path: right, but slow")
    beside.set(title="The work", xlabel="doublings n", ylabel="rules called")
    left.legend()
    beside.legend()
tutorials.picture(figure, "03_shared_nodes")

# %% [markdown]
# **The claim, checked.**

# %%
assert careless[3] == 416 and careless[7] > 1.7e8
assert right == by_paths == [2.0**times for times in depths]
assert path_calls == [2 ** (times + 1) - 2 for times in depths]
assert sorted_calls == [2 * times for times in depths]

# %% [markdown]
# ## What minigrad's tape adds
#
# Read `minigrad/tape.py` now: it is this lesson with six additions. Each has a reason, and a program shows it.
#
# | in `tape.py` | what it does | without it |
# | --- | --- | --- |
# | `fit` | undoes broadcasting | a slope has another shape than its value |
# | `fingerprint` | notices that a leaf has changed | rules use values that are not those of the forward pass |
# | `with_nodes` | gives nodes to rules only if a second derivative is wanted | every walk back is recorded |
# | `FREED` | lets go of the arrays behind a result after the walk | old results keep all of them alive |
# | `AddInto` | adds single elements to one buffer | n elements cost n arrays of n zeros |
# | `hooked` | shows a slope to whoever asked, and takes a replacement | you cannot look or clip in the middle |

# %%
assert all(hasattr(minigrad.tape, name) for name in ("fit", "fingerprint", "with_nodes", "FREED", "AddInto", "hooked"))

# %% [markdown]
# **Shapes.** A bias of one number, multiplied with three: it matters three times, and its slope is the sum of the
# three. Our tape returns three numbers for one.

# %%
inputs = np.array([1.0, 2.0, 3.0])
bias = Node(0.5)
print("our tape:", gradient(bias * inputs, bias).value)
print("minigrad:", minigrad.grad(lambda bias: np.sum(bias * inputs))(0.5))

# %% [markdown]
# **Changed leaves.** Change a value between the forward pass and the walk back. Our tape answers, wrongly; minigrad
# refuses.

# %%
x = Node(np.array(3.0))
y = x * x
x.value[...] = 100.0
print("our tape multiplies with the value of today:", gradient(y, x).value)
x = minigrad.Tensor(3.0, requires_grad=True)
y = x * x
x.data[...] = 100.0
try:
    y.backward()
except RuntimeError as error:
    print("minigrad:", error)

# %% [markdown]
# **Recording the walk.** Our walk back records itself, whether anybody wants a second derivative or not. For
# one number this is nothing; for a network it doubles time and memory.

# %%
x = Node(0.5)
y = np.tanh(x * x)
before = next(Node.ages)
gradient(y, x)
print("nodes made forward: 2, nodes made by the walk back:", next(Node.ages) - before - 1)

# %% [markdown]
# **Freeing.** Keep a thousand losses of our tape in a list, and you keep every array that they were made of. minigrad
# lets go of them in the walk back, and says so if you walk back twice.

# %%
x = Node(np.ones(10_000))
losses = [np.tanh(x * k) * 2.0 for k in range(10)]
held = {id(node): node.value.nbytes for loss in losses for node in youngest_first(loss)}
print(f"ten losses on our tape hold {sum(held.values()) / 1e6:.1f} MB")
x = minigrad.Tensor(3.0, requires_grad=True)
y = x * x
y.backward()
try:
    y.backward()
except RuntimeError as error:
    print("minigrad:", error)

# %% [markdown]
# **Single elements.** The slope of `x[i]` is an array of zeros with one number in it. A loop over a thousand
# elements would make a thousand such arrays, a million zeros. `AddInto` says "add this number there", and there is
# one array.

# %%
x = minigrad.Tensor(np.arange(4.0), requires_grad=True)
(x[0] * x[1] + x[0] * x[3]).backward()
print("four elements were used, and one array was filled:", x.grad)

# %% [markdown]
# **Hooks.** Somebody wants to see a slope on its way, or to limit it.

# %%
x = minigrad.Tensor(3.0, requires_grad=True)
middle = x * x
middle.register_hook(lambda g: np.clip(g, -1, 1))
(1000 * middle).backward()
print("with the slope of the middle limited to 1:", x.grad)

# %% [markdown]
# ## Exercise 3.1: Accumulate
#
# In a walk, `arrived` is a dictionary from nodes to the slopes that have arrived so far. Write the function that adds
# one more. One trap: an array that is passed on may be shared. A sum passes the *same* array on to both
# of its arguments, so nobody may change it in place.

# %% exercise 3.1


def accumulate(arrived, node, slope):
    """Add a slope, an array, to what has arrived at a node; change no array in place."""
    # BEGIN SOLUTION
    if node in arrived:
        arrived[node] = arrived[node] + slope
    else:
        arrived[node] = slope
    # END SOLUTION


# %% [markdown]
# ## Exercise 3.2: The right order, without ages
#
# PyTorch's tape and many others know no ages. Find an order from the graph alone. `parents` is a dictionary: from
# each node, here a string, to the list of nodes that it was made of. Return a list of all nodes that `result` was
# made of, itself included, in which each is listed once, and before its parents.
#
# Graphs may be thousands of nodes deep, and Python does not allow so deep a recursion: use a pile of your own.
# (One way: count how often each node is used; a node is ready when all its uses are done.)

# %% exercise 3.2


def walk_order(result, parents):
    """Return the nodes behind a result, itself first, each once and before its parents."""
    # BEGIN SOLUTION
    uses, seen, pile = {}, {result}, [result]
    while pile:
        for parent in parents[pile.pop()]:
            uses[parent] = uses.get(parent, 0) + 1
            if parent not in seen:
                seen.add(parent)
                pile.append(parent)
    order, ready = [], [result]
    while ready:
        node = ready.pop()
        order.append(node)
        for parent in parents[node]:
            uses[parent] -= 1
            if uses[parent] == 0:
                ready.append(parent)
    return order
    # END SOLUTION


# %% [markdown]
# ## Exercise 3.3: A graph that breaks the walk over paths
#
# With doublings every node has the same parent twice. Is this what makes the walk over paths slow? Build a graph of
# $n$ nodes in which no node has more than two parents, and these are different, and which still has at least
# $1.4^n$ paths from its result to a leaf.
#
# Return the dictionary of parents, for nodes numbered from 0; the last, $n - 1$, is the result, and node 0 is the
# only one without parents. The check counts nodes, parents and paths, for $n$ = 10, 20 and 40.

# %% exercise 3.3


def many_paths(n):
    """Return a graph of n nodes, as a dictionary of parents, with at least 1.4**n paths from node n - 1 to node 0."""
    # BEGIN SOLUTION
    return {node: [parent for parent in (node - 1, node - 2) if parent >= 0] for node in range(n)}
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * `minigrad/tape.py`, with this lesson beside it.
# * A. Karpathy, micrograd: a tape for single numbers in a hundred lines.
# * A. Griewank and A. Walther, *Evaluating Derivatives* (2008), chapter 3.
