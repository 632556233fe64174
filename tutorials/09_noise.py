# %% [markdown]
# # 9. Noise and minibatches
#
# **What you will see.** Four thousand runs that never arrive. They hop around the minimum for ever, as a cloud
# whose size we predict from the learning rate and the batch size. Then the mean of each run's path, which lies
# far inside its cloud.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import optim
import tutorials
from optim import viz

# %% [markdown]
# ## A gradient from a few examples
#
# A loss over data is a mean over examples, $f(\theta) = \frac{1}{n} \sum_i f_i(\theta)$. Its gradient costs a
# look at all $n$ of them. A *minibatch* of $B$ examples, drawn at random, costs $B / n$ as much, and its
# gradient is right *on average*.
#
# Our example is as small as possible: one parameter that learns a mean, $f_i(\theta) = (\theta - a_i)^2 / 2$.
# The $a_i$ are real: how much ink is on each of 1,797 handwritten digits, shifted and scaled to mean 0 and
# variance 1.

# %%
with np.load(tutorials.DATA / "digits.npz") as digits:
    ink = digits["images"].sum(axis=(1, 2)).astype(float)
a = (ink - ink.mean()) / ink.std()
rng = np.random.default_rng(0)


def minibatch_gradient(theta, batch_size):
    """Return the gradient at theta of the mean loss of a few examples; of many runs, each with its own examples."""
    batch = rng.integers(len(a), size=(batch_size, *np.shape(theta)))
    return theta - a[batch].mean(axis=0)


theta = 3.0
print("the full gradient:     ", theta - a.mean())
print("from 10 examples:      ", *[f"{minibatch_gradient(theta, 10):.2f}" for _ in range(6)])
many = minibatch_gradient(np.full(20_000, theta), 10)
print(f"the mean of 20,000:     {many.mean():.3f}, their variance {many.var():.4f}, which is about 1 / 10")

# %% [markdown]
# ## Runs that do not arrive
#
# A parameter with 4,000 entries is 4,000 runs in one pass.


# %%
def cloud(lr, batch_size=1, runs=4000, start=0.0, steps=None):
    """Return where many runs of SGD are after so many steps that only the noise still matters."""
    steps = int(20 + 4 / lr) if steps is None else steps
    p = optim.Parameter(np.full(runs, start))
    optimizer = optim.SGD([p], lr=lr)
    for _ in range(steps):
        p.grad = minibatch_gradient(p.data, batch_size)
        optimizer.step()
    return p.data


for steps in (0, 10, 100, 1000):
    where = cloud(0.1, start=3.0, steps=steps, runs=1000)
    print(f"after {steps:4d} steps: mean {where.mean():6.3f}, variance {where.var():.4f}")

# %% [markdown]
# The runs arrive at the minimum *on average*. But their cloud stops shrinking.
#
# ## How large is the cloud?
#
# One step is $\theta_{t+1} = (1 - \gamma) \, \theta_t + \gamma \, \bar a$, with the mean $\bar a$ of the batch.
# The two terms are independent, so their variances add up:
#
# $$ \operatorname{Var} \theta_{t+1} = (1 - \gamma)^2 \operatorname{Var} \theta_t + \gamma^2 \, \frac{\sigma^2}{B} . $$
#
# The cloud stops changing when both sides are equal. Solve for the variance:
#
# $$ \operatorname{Var} \theta = \frac{\gamma}{2 - \gamma} \, \frac{\sigma^2}{B} \;\approx\; \frac{\gamma}{B} \,
#    \frac{\sigma^2}{2} . $$

# %%
measured, predicted, settings = [], [], []
for batch_size in (1, 4, 16):
    for lr in (0.02, 0.1, 0.3, 1.0):
        where = cloud(lr, batch_size)
        settings.append((lr, batch_size))
        measured.append(np.mean(where**2))
        predicted.append(lr / (2 - lr) / batch_size)
        print(f"lr {lr:4}, batch of {batch_size:2d}: {measured[-1]:.5f}, predicted {predicted[-1]:.5f}")
measured, predicted = np.array(measured), np.array(predicted)

# %% [markdown]
# Only the ratio $\gamma / B$ matters, as long as $\gamma$ is small: a batch four times as large allows a
# learning rate four times as large, for the same noise and in a quarter of the steps. This is the *linear
# scaling rule* for training on many machines. It ends where the learning rate meets the limit of stability, here
# $\gamma = 2$.
#
# ## Averaging
#
# A small learning rate shrinks the cloud, but also slows the way to it. There is a better way: keep the large
# steps, and look at the **mean of the path**. `optim.SWA` wraps any optimizer and keeps this mean.

# %%
n = 1000
averaged = []
for lr in (0.02, 0.1, 0.3, 1.0):
    p = optim.Parameter(cloud(lr))
    optimizer = optim.SWA(optim.SGD([p], lr=lr))
    for _ in range(n):
        p.grad = minibatch_gradient(p.data, 1)
        optimizer.step()
    with optimizer.averaged():
        averaged.append(np.mean(p.data**2))
    print(f"lr {lr:4}: variance of the points {lr / (2 - lr):.4f}, of the mean of {n} points {averaged[-1]:.5f}")
averaged = np.array(averaged)

# %% [markdown]
# The variance of the mean is about $1 / n$, *whatever the learning rate*: as good as the plain mean of
# $n$ examples. The noise of successive steps cancels. Polyak and Ruppert proved it for general problems.
#
# ## The picture
#
# On the left the clouds of three learning rates, with the normal distribution of the predicted variance. On the
# right all twelve settings: one line, with no parameter fitted.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6))
    x = np.linspace(-1.5, 1.5, 400)
    for lr, colour in (0.3, "#D55E00"), (0.1, "#0072B2"), (0.02, "#009E73"):
        variance = lr / (2 - lr)
        left.hist(cloud(lr), bins=60, density=True, color=colour, alpha=0.35)
        left.plot(x, np.exp(-(x**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance), color=colour, marker="",
                  linestyle="-", label=f"lr = {lr}: predicted variance {variance:.4f}")
    left.set(title="4000 runs each: where they are, for ever", xlabel="θ; the minimum is at 0", ylabel="density",
             ylim=(0, 5.2))
    left.legend(loc="upper right")

    right.plot([5e-4, 2], [5e-4, 2], color="#767676", linestyle="-", linewidth=1, marker="")
    for batch_size, look in (1, "o"), (4, "s"), (16, "^"):
        chosen = [size == batch_size for _, size in settings]
        right.plot(predicted[chosen], measured[chosen], look, markersize=8, linestyle="none",
                   label="single examples" if batch_size == 1 else f"batches of {batch_size}")
    right.plot(predicted[:4], averaged, "*", color="black", markersize=12, linestyle="none",
               label=f"the mean of {n} steps")
    right.set(title="One line for all learning rates and batches", xscale="log", yscale="log",
              xlabel="predicted: lr / (2 − lr) / B", ylabel="measured: mean of θ²")
    right.legend(loc="upper left")
tutorials.picture(figure, "09_noise")

assert np.allclose(measured, predicted, rtol=0.15)
assert np.allclose(averaged, 1 / n, rtol=0.2)

# %% [markdown]
# **The claim, checked.** For every learning rate and batch size the variance of the cloud is
# $\frac{\gamma}{2 - \gamma} \frac{\sigma^2}{B}$, and the variance of the mean of $n$ steps is $\sigma^2 / n$ for
# every learning rate.

# %% [markdown]
# ## Exercise 9.1: An unbiased batch
#
# The loss is $f(w) = \frac{1}{2n} \|X w - y\|^2$ over all $n$ rows. Return its gradient, estimated from the rows
# in `batch` only. The estimate must be right on average if rows are drawn at random *with* replacement, so that
# a row that was drawn twice counts twice.

# %% exercise 9.1


def batch_gradient(w, X, y, batch):
    """Return an unbiased estimate of the gradient, shape (d,).

    w has shape (d,), X shape (n, d), y shape (n,), and batch, shape (B,), holds numbers of rows.
    """
    # BEGIN SOLUTION
    rows = X[batch]
    return rows.T @ (rows @ w - y[batch]) / len(batch)
    # END SOLUTION


# %% [markdown]
# ## Exercise 9.2: Linear scaling, exactly
#
# The linear scaling rule is right for small learning rates only. For our one-dimensional loss you can do better:
# which learning rate keeps the cloud *exactly* as large when the batch size changes? Start from the formula for
# the variance.

# %% exercise 9.2


def scaled_lr(lr, batch_size, new_batch_size):
    """Return the learning rate for batches of another size with which the variance of the cloud stays the same."""
    # BEGIN SOLUTION
    ratio = lr / (2 - lr) * new_batch_size / batch_size
    return 2 * ratio / (1 + ratio)
    # END SOLUTION


# %% [markdown]
# ## Exercise 9.3: An optimizer that averages
#
# Write SGD that keeps the mean of all points it has stepped to in `state["mean"]`, without a list of them.
# `update` is given the parameter as it is *before* the step, and `lr`, because its signature asks for it;
# `state["step"]` is the number of this step, from 1. Your class is checked by this property: it walks where
# `optim.SGD` walks, and `state["mean"]` is always the mean of the points after steps 1 to $t$.

# %% exercise 9.3


class AveragedSGD(optim.Optimizer):
    def __init__(self, params, lr=1e-2):
        super().__init__(params, lr=lr)

    def init_state(self, param):
        return {"step": 0, "mean": np.zeros_like(param)}

    def update(self, grad, state, param, *, lr):
        # BEGIN SOLUTION
        point = param - lr * grad
        state["mean"] += (point - state["mean"]) / state["step"]
        return grad
        # END SOLUTION


# %% [markdown]
# ## Read on
#
# * H. Robbins and S. Monro, "A stochastic approximation method", 1951: learning rates that fall like $1 / t$ let
#   the cloud vanish.
# * B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
# * P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017: the linear scaling rule,
#   and the warm-up that it needs.
# * S. Mandt, M. Hoffman, D. Blei, "Stochastic gradient descent as approximate Bayesian inference", 2017: the
#   cloud in many dimensions.
# * Lesson 12: schedules, which turn the learning rate down at the right time.
