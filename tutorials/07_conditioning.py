# %% [markdown]
# # 7. Conditioning
#
# **What you will see.** Sixteen years of the American economy, six columns of numbers, and a straight-line fit
# that any statistics program finds at once. Gradient descent hardly moves. We look at its error in the right
# coordinates, and six straight lines appear: one for each *eigenvector*, each with a slope that you can compute
# in your head. Then we repair the problem twice: by changing the data, and by changing the step sizes.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigrad
import optim
import tutorials
from minigrad import Tensor
from optim import viz

# %% [markdown]
# ## The data
#
# In 1967 James Longley gave these numbers to the statistics programs of his day, and many of them printed wrong
# results. We predict how many people had work from six other columns.

# %%
names = ["prices", "GNP", "unemployed", "armed forces", "population", "year"]
table = np.loadtxt(tutorials.DATA / "longley.csv", delimiter=",", skiprows=1)
employed, columns = table[:, 1], table[:, 2:]
for name, first, last in zip(names, columns[0], columns[-1]):
    print(f"{name:12s} {first:9g} in 1947, {last:9g} in 1962")

# %% [markdown]
# ## How bad is it?
#
# We fit $y \approx X w$ by least squares: $f(w) = \frac{1}{2n} \|X w - y\|^2$. Its second derivative, the
# *Hessian*, is $H = X^T X / n$, the same at every $w$. The *eigenvalues* of $H$ are the curvatures of $f$: in
# which direction it is steep, in which it is flat. The ratio of the largest to the smallest is the **condition
# number** $\kappa$.
#
# Two cheap repairs help a lot: subtract the mean of each column, and divide each column by its standard
# deviation.


# %%
def condition(X):
    singular = np.linalg.svd(X, compute_uv=False)     # the eigenvalues of X^T X are their squares
    return (singular[0] / singular[-1]) ** 2


centred = columns - columns.mean(axis=0)
X = centred / columns.std(axis=0)
y = (employed - employed.mean()) / employed.std()

print(f"as they are, with a column of ones: {condition(np.column_stack([np.ones(16), columns])):.1e}")
print(f"centred:                            {condition(centred):.1e}")
print(f"centred and scaled:                 {condition(X):.1e}")

# %% [markdown]
# The first number is worse than the precision of a computer can handle. The last, 12,220, is still bad: GNP,
# population, prices and the year all grow together, so the data hardly show which of them matters.
#
# ## Gradient descent
#
# The steepest direction limits the learning rate: above $2 / \lambda_{\max}$ the error grows. We stay a little
# below.


# %%
def loss(w):
    return np.mean((X @ w - y) ** 2) / 2


hessian = minigrad.hessian(loss)(np.zeros(6))
eigenvalues, vectors = np.linalg.eigh(hessian)
print("eigenvalues:", eigenvalues.round(4))

best = np.linalg.solve(hessian, X.T @ y / 16)
lr = 1.9 / eigenvalues[-1]

w = Tensor(np.zeros(6), requires_grad=True)
optimizer = optim.SGD([w], lr=lr)
for step in range(1001):
    optimizer.zero_grad()
    value = loss(w)
    value.backward()
    if step in (0, 10, 100, 1000):
        distance = np.linalg.norm(w.data - best)
        print(f"step {step:4d}: loss {value.item():.5f}, distance to the solution {distance:.3f}")
    optimizer.step()

# %% [markdown]
# The loss looks fine after a hundred steps. But the weights are nowhere near the solution after a thousand!
#
# ## The right coordinates
#
# Let $e = w - w^*$ be the error. The gradient of $f$ is $H e$, so one step of gradient descent is
#
# $$ e_{t+1} = e_t - \gamma H e_t = (I - \gamma H) \, e_t . $$
#
# Along an eigenvector $v_i$ of $H$, this is multiplication by a number: $v_i^T e_{t+1} = (1 - \gamma \lambda_i)
# \, v_i^T e_t$. The six directions do not touch each other. **Each error shrinks by its own factor $|1 - \gamma
# \lambda_i|$**, so on a logarithmic axis it falls along a straight line of slope $\log |1 - \gamma \lambda_i|$.

# %%
surface = viz.Surface(loss, name="Longley's data", start=np.zeros(6), minima=best, domain=[(-5, 5)] * 6)
run = viz.record("SGD", surface, steps=1000, lr=lr)
errors = np.abs((run.positions - best) @ vectors)

predicted = np.log(np.abs(1 - lr * eigenvalues))
for i in range(6):
    exact = np.flatnonzero(errors[:, i] > 1e-9)       # below, we would measure rounding errors
    measured = np.polyfit(exact, np.log(errors[exact, i]), 1)[0]
    print(f"eigenvalue {eigenvalues[i]:.5f}: slope {measured:.6f}, predicted {predicted[i]:.6f}")
    assert np.isclose(measured, predicted[i], rtol=1e-4)

# %% [markdown]
# The flattest direction loses 0.016 % of its error a step. To make it ten times smaller takes 14,800 steps.
#
# ## First repair: change the data
#
# Rotate the data into the eigenvectors, and divide each new column by the root of its eigenvalue. This is called
# *whitening*. All curvatures become 1, and gradient descent with `lr = 1` needs a single step.

# %%
white = X @ vectors / np.sqrt(eigenvalues)
w = Tensor(np.zeros(6), requires_grad=True)
optimizer = optim.SGD([w], lr=1.0)
(np.mean((white @ w - y) ** 2) / 2).backward()
optimizer.step()

back = vectors / np.sqrt(eigenvalues) @ w.data        # in the old coordinates
print(f"condition number {condition(white):.3f}; after one step, distance {np.linalg.norm(back - best):.1e}")
assert np.linalg.norm(back - best) < 1e-8

# %% [markdown]
# Whitening needs all eigenvectors, which costs more than solving the problem. Optimizers such as those of
# lessons 10, 14 and 16 do it approximately, while they run.
#
# ## Second repair: change the step sizes
#
# After $k$ steps with *different* learning rates the error along $v_i$ is $p(\lambda_i)$ times what it was,
# where
#
# $$ p(\lambda) = (1 - \gamma_1 \lambda) (1 - \gamma_2 \lambda) \cdots (1 - \gamma_k \lambda) . $$
#
# This is a polynomial with $p(0) = 1$, and its roots $1 / \gamma_j$ are ours to choose. We want it small on the
# whole interval from $\lambda_{\min}$ to $\lambda_{\max}$. The best such polynomial has been known since 1854:
# its roots are *Chebyshev's points*.


# %%
def chebyshev_steps(low, high, k):
    """Return k learning rates for curvatures from low to high."""
    angles = (2 * np.arange(k) + 1) * np.pi / (2 * k)
    return 1 / ((high + low) / 2 + (high - low) / 2 * np.cos(angles))


k = 1024
steps = chebyshev_steps(eigenvalues[0], eigenvalues[-1], k)
limit = 2 / eigenvalues[-1]
print(f"learning rates from {steps.min():.3f} to {steps.max():.0f}; {np.mean(steps > limit):.0%} are above {limit:.3f}")

# %% [markdown]
# Half of these steps are beyond the limit of stability! Each makes some errors grow, and others make up for it.
# The order matters: the errors must not grow too much on the way, or rounding ruins the result. This one mixes
# long and short steps:


# %%
def mixed(k):
    """Return the numbers from 0 to k - 1 in an order that lets no error grow for long; k is a power of 2."""
    order = [0]
    while len(order) < k:
        order = [j for i in order for j in (i, 2 * len(order) - 1 - i)]
    return np.array(order)


print("the order of 8 steps:", mixed(8))
in_turn = steps[mixed(k)]


def schedule(optimizer):
    return optim.schedule.LambdaLR(optimizer, lambda t: in_turn[t % k])


chebyshev = viz.record("SGD(lr=1)", surface, steps=k, schedule=schedule, label="Chebyshev's steps")
constant = viz.record("SGD", surface, steps=k, lr=2 / (eigenvalues[0] + eigenvalues[-1]), label="the best constant lr")

# %% [markdown]
# Theory promises a factor $1 / T_k$ at worst, where $T_k\bigl(\tfrac{\kappa + 1}{\kappa - 1}\bigr) =
# \cosh\bigl(k \operatorname{arcosh} \tfrac{\kappa + 1}{\kappa - 1}\bigr)$.

# %%
kappa = eigenvalues[-1] / eigenvalues[0]
promised = 1 / np.cosh(k * np.arccosh((kappa + 1) / (kappa - 1)))
left_of = {run.label: run.distances[-1] / run.distances[0] for run in (constant, chebyshev)}
print({name: f"{part:.1e}" for name, part in left_of.items()}, f"promised: {promised:.1e}")

# %% [markdown]
# ## The picture
#
# On the left, the error of plain gradient descent along each eigenvector: straight lines. On the right, the same
# number of gradients, spent in two ways.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6))
    viz.eigen_errors(run, left)
    left.set(title="Six errors, six slopes: log |1 − lr λ|", ylim=(1e-10, 10))
    left.legend(loc="lower right", title="eigenvalue, predicted rate |1 − lr λ|")
    for trajectory, colour, style in (constant, "#D55E00", "--"), (chebyshev, "#0072B2", "-"):
        right.semilogy(trajectory.distances, color=colour, linestyle=style, marker="", label=trajectory.label)
    right.plot(k, promised * constant.distances[0], "*", color="black", markersize=12, label="promised after 1024")
    right.set(title="1024 gradients, two choices of step sizes", xlabel="step", ylabel="distance to the solution")
    right.legend(loc="lower left")
tutorials.picture(figure, "07_conditioning")

assert left_of["the best constant lr"] > 0.6
assert left_of["Chebyshev's steps"] < promised < 1e-7

# %% [markdown]
# **The claim, checked.** Each error falls with the slope $\log |1 - \gamma \lambda_i|$. The best constant
# learning rate leaves two thirds of the distance after 1024 steps; Chebyshev's steps leave less than a
# ten-millionth.

# %% [markdown]
# ## Exercise 7.1: The best constant learning rate
#
# The slowest direction has the factor $\max_i |1 - \gamma \lambda_i|$. Only the two ends of the spectrum matter:
# the flattest direction and the steepest. Which $\gamma$ makes the larger of their two factors as small as
# possible? For `np.diag([1.0, 3.0])` it is 0.5.

# %% exercise 7.1


def best_lr(H):
    """Return the learning rate with which gradient descent converges fastest if H is the Hessian, shape (n, n)."""
    # BEGIN SOLUTION
    eigenvalues = np.linalg.eigvalsh(H)
    return 2 / (eigenvalues[0] + eigenvalues[-1])
    # END SOLUTION


# %% [markdown]
# ## Exercise 7.2: Whitening
#
# Return data $Z$ made from the columns of $X$, each column with mean 0, and with the covariance $Z^T Z / n = I$.

# %% exercise 7.2


def whiten(X):
    """Return the rows of X, shape (n, d) with n > d, as white data of the same shape."""
    # BEGIN SOLUTION
    X = X - X.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(X.T @ X / len(X))
    return X @ vectors / np.sqrt(eigenvalues)
    # END SOLUTION


# %% [markdown]
# ## Exercise 7.3: As many steps as dimensions
#
# Chebyshev's points are the best choice if all you know is the interval. If you know all $n$ eigenvalues, $n$
# steps are enough, whatever the condition number is. Which learning rates are these? Your function is checked by
# this property: after steps of gradient descent with the rates that it returns, nothing is left of any error.

# %% exercise 7.3


def steps_to_the_end(H):
    """Return at most n learning rates, after which gradient descent stands at the minimum; H has shape (n, n)."""
    # BEGIN SOLUTION
    return 1 / np.linalg.eigvalsh(H)[::-1]
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * J. W. Longley, "An appraisal of least squares programs for the electronic computer from the point of view of
#   the user", 1967: the data, and what it did to the programs.
# * G. H. Golub and R. S. Varga, "Chebyshev semi-iterative methods", 1961: the same polynomial by a recurrence
#   with momentum, which needs no ordering. That is where the next lesson begins.
# * F. Pedregosa, "Residual polynomials and the Chebyshev method", 2020: a blog with more pictures.
# * Lesson 8 gets most of this gain without knowing the eigenvalues one by one.
