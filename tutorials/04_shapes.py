# %% [markdown]
# # 4. Shapes
#
# **What you will see.** The derivative of a function from arrays to arrays is a matrix, the Jacobian, and a picture
# of it shows at a glance what the function does: which inputs reach which outputs. We look at four of them:
# broadcasting, a sum, a matrix product, and softmax. None of them is ever built in practice. A rule only has to
# multiply by its transpose, and each of the four does so in one line.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import tutorials
from minigrad import jacobian, vjp
from optim import viz

# %% [markdown]
# ## The Jacobian
#
# The Jacobian of $y = f(x)$ has a row for each number in $y$ and a column for each number in $x$:
#
# $$ J_{ij} = \partial y_i / \partial x_j $$
#
# In lesson 2 a rule multiplied the slope that came in by a derivative. For arrays it is the same, with a sum over all
# the outputs that an input reaches:
#
# $$ \bar x_j = \sum_i \bar y_i \, J_{ij}, \qquad \bar x = J^T \bar y $$
#
# This is why it is called a vector-Jacobian product.
#
# ## Broadcasting
#
# NumPy stretches an array of shape (3, 1) to (3, 4) by repeating its column. So each of the three numbers is used four
# times, and lesson 3 said what that means: the four slopes are added.


# %%
def broadcast(column):
    return np.broadcast_to(column, (3, 4))


def matrix_of(function, x):
    """Return the Jacobian as a matrix: a row for each output, a column for each input."""
    return np.reshape(jacobian(function)(x), (-1, np.size(x)))


rng = np.random.default_rng(0)
column = rng.normal(size=(3, 1))
stretched = matrix_of(broadcast, column)
print("from", column.shape, "to", broadcast(column).shape, "- the Jacobian has the shape", stretched.shape)
print(stretched.astype(int))

# %% [markdown]
# Each row has one 1: each output is a copy of one input. Its transpose adds up the copies. So the rule of broadcasting
# is a **sum over the axes that were stretched**, and nothing else:

# %%
g = rng.normal(size=(3, 4))
print("transpose times g:", (stretched.T @ g.ravel()).round(3))
print("sum over the axis:", g.sum(axis=1).round(3))
print("minigrad's vjp:   ", vjp(broadcast)(column, g).ravel().round(3))
assert np.allclose(stretched.T @ g.ravel(), g.sum(axis=1))

# %% [markdown]
# And a sum is broadcasting seen from behind: its Jacobian is the transpose of the one above. The rule of a sum is
# to *repeat* the slope.
#
# ## A matrix product
#
# In $C = A B$ each number of $C$ depends on one row of $A$. With respect to $A$ the Jacobian is made of copies of
# $B^T$, one for each row. To multiply by its transpose means to multiply by $B^T$ from the right:
#
# $$ \bar A = \bar C \, B^T, \qquad \bar B = A^T \, \bar C $$
#
# If you forget which factor goes where, look at the shapes: there is only one way to make them fit.

# %%
A, B = rng.normal(size=(3, 2)), rng.normal(size=(2, 4))
product = matrix_of(lambda A: np.matmul(A, B), A)
C_bar = rng.normal(size=(3, 4))
A_bar = C_bar @ B.T
B_bar = A.T @ C_bar
assert np.allclose(product.T @ C_bar.ravel(), A_bar.ravel())
assert np.allclose(product, np.kron(np.eye(3), B.T))
print("the Jacobian of A B with respect to A:", product.shape, "of which", np.mean(product == 0), "are zeros")

# %% [markdown]
# ## Softmax
#
# Softmax turns numbers into probabilities, $p_i = e^{z_i} / \sum_k e^{z_k}$. Here every output depends on every input,
# because all share the sum. If one probability grows, the others must shrink:
#
# $$ J = \operatorname{diag}(p) - p \, p^T $$


# %%
def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


z = np.array([0.5, 2.0, -1.0, 1.2, 0.1])
p = softmax(z)
shared = matrix_of(softmax, z)
assert np.allclose(shared, np.diag(p) - np.outer(p, p))
print("columns sum to", shared.sum(axis=0).round(15), "- what one wins the others lose")

# %% [markdown]
# The cross-entropy of the true class $c$ is $-\log p_c$. The two together have a slope that needs no matrix at
# all: $p - y$, where $y$ is 1 for the true class and 0 elsewhere. *Predicted minus true*, as in linear regression.

# %%
true_class = 3
slope = -shared[true_class] / p[true_class]  # the chain rule: -1 / p_c times row c of the Jacobian
print("by the chain rule:", slope.round(6))
print("p - y:            ", (p - np.eye(5)[true_class]).round(6))

# %% [markdown]
# ## The picture
#
# Four Jacobians. Rows are outputs, columns inputs; blue is negative, red positive, white is zero.

# %%
total = matrix_of(lambda x: np.sum(x, axis=1), g)
panels = [(stretched, "broadcast (3, 1) to (3, 4)"), (total, "sum (3, 4) over axis 1"),
          (product, "A B with respect to A"), (shared, "softmax of 5 numbers")]
with viz.style():
    figure, axes = plt.subplots(1, 4, figsize=(12, 4.4), width_ratios=[1, 1.7, 1.1, 1.3])
    for ax, (matrix, title) in zip(axes, panels):
        edge = np.abs(matrix).max()
        ax.imshow(matrix, cmap="RdBu_r", vmin=-edge, vmax=edge)
        ax.set(title=title, xlabel=f"{matrix.shape[1]} inputs", ylabel=f"{matrix.shape[0]} outputs")
        ax.set_xticks(np.arange(matrix.shape[1] + 1) - 0.5, [])
        ax.set_yticks(np.arange(matrix.shape[0] + 1) - 0.5, [])
        ax.tick_params(length=0)
        ax.grid(True, color="0.8")
        ax.set_anchor("N")
tutorials.picture(figure, "04_shapes")

# %% [markdown]
# **The claim, checked.** Each output of broadcasting has one input; a sum is its transpose; a product is blocks on
# the diagonal; softmax shares everything. And none of the matrices is needed: every rule is one line.

# %%
assert np.all(stretched.sum(axis=1) == 1) and set(np.unique(stretched)) == {0.0, 1.0}
assert np.array_equal(total, stretched.T)
assert np.count_nonzero(product) == 3 * B.size
assert np.all(shared != 0) and np.abs(shared.sum(axis=0)).max() < 1e-15
assert np.allclose(slope, p - np.eye(5)[true_class], rtol=1e-13)

# %% [markdown]
# ## Exercise 4.1: Undo broadcasting
#
# The slope `g` of a result has the result's shape. Some argument of shape `shape` was broadcast to it. Return the
# slope of that argument. There are two cases: axes that were *added* in front, as from (4,) to (3, 4), and axes of
# length 1 that were *stretched*, as from (3, 1) to (3, 4). Both can happen at once.

# %% exercise 4.1


def unbroadcast(g, shape):
    """Return g, summed over the axes that broadcasting from `shape` has added or stretched."""
    # BEGIN SOLUTION
    added = g.ndim - len(shape)
    g = np.sum(g, axis=tuple(range(added)))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return np.sum(g, axis=stretched, keepdims=True)
    # END SOLUTION


# %% [markdown]
# ## Exercise 4.2: The rule of a layer
#
# A layer computes $Y = X W + b$, where $X$ has a row for each example: the shapes are (n, k), (k, m) and (m,). Return
# the slopes with respect to $X$, $W$ and $b$, each in the shape of its array.

# %% exercise 4.2


def layer_vjp(g, X, W, b):
    """Return the slopes of X, W and b, where g is the slope of X @ W + b."""
    # BEGIN SOLUTION
    return g @ W.T, X.T @ g, np.sum(g, axis=0)
    # END SOLUTION


# %% [markdown]
# ## Exercise 4.3: Softmax with cross-entropy
#
# The last layer of most networks. `logits` has shape (n, k), a row for each example; `labels` holds n whole numbers,
# the true classes. Return the mean cross-entropy and its slope with respect to the logits.
#
# The check: the loss is right to twelve digits; the slope agrees with finite differences; adding a number to all logits
# of a row, 1000 to one and 2000 to the next, changes nothing; logits that differ by 1000 do not overflow; and the
# arguments are left as they were.

# %% exercise 4.3


def cross_entropy(logits, labels):
    """Return the mean of -log p of the true classes, and its slope with respect to the logits."""
    # BEGIN SOLUTION
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    p = np.exp(shifted) / np.sum(np.exp(shifted), axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = np.mean(np.log(np.sum(np.exp(shifted), axis=1)) - shifted[rows, labels])
    slope = p.copy()
    slope[rows, labels] -= 1
    return loss, slope / len(labels)
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * `fit` in `minigrad/tape.py` is `unbroadcast`, in the one place where minigrad does it.
# * M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008).
# * T. Parr and J. Howard, "The matrix calculus you need for deep learning" (2018).
