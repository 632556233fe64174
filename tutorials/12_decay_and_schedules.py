# %% [markdown]
# # 12. Decay and schedules
#
# **What you will see.** Two lines of code that look the same and are not: weight decay inside Adam's gradient,
# and beside it. One of them hardly touches the weights with large gradients, and crushes the others. Then learning
# rates that fall: 30 runs in one pass show what a schedule is worth, and an optimizer without any schedule keeps
# up at every moment.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import optim
import tutorials
from minigrad import Tensor, nn
from optim import schedule, viz

# %% [markdown]
# ## Weight decay, in two places
#
# Smaller weights often generalise better. There are two ways to shrink them a little in every step. *L2
# regularisation* adds $\lambda \theta$ to the gradient. *Decay* subtracts $\gamma \lambda \theta$ from the
# weight itself. For gradient descent they are the same. In Adam, everything in the gradient is divided by
# $\sqrt{\hat v}$, the regularisation too:
#
# $$ \text{L2:} \quad \theta \leftarrow \theta - \gamma \, \frac{\hat m(g + \lambda \theta)}{\sqrt{\hat v} + \epsilon},
#    \qquad \text{AdamW:} \quad \theta \leftarrow \theta - \gamma \, \frac{\hat m(g)}{\sqrt{\hat v} + \epsilon}
#    - \gamma \lambda \theta . $$
#
# As a chain of links, only the order differs:

# %%
p, q = optim.Parameter([1.0]), optim.Parameter([1.0])
l2 = optim.chain([p], optim.add_decayed_weights(0.1), optim.scale_by_adam(), lr=0.01)
adamw = optim.chain([q], optim.scale_by_adam(), optim.add_decayed_weights(0.1), lr=0.01)
for _ in range(10):
    p.grad, q.grad = np.ones(1), np.ones(1)
    l2.step()
    adamw.step()
print("decay inside the gradient:", p.data, "- beside it:", q.data)

# %% [markdown]
# ## How fast do weights decay?
#
# Let the gradient be nothing but noise, so that all that shrinks the weights is the decay. The noise is of 25
# sizes, from 0.1 to 100, with 50 runs each: 1,250 weights in one pass. (Half of the runs get the noise of the
# others with the opposite sign, so that it cancels in the mean.) The weights should fall like $e^{-\gamma
# \lambda t}$; we measure $\lambda$.

# %%
sizes = np.geomspace(0.1, 100, 25)[:, None]


def measured_decay(optimizer_class, weight_decay=0.02, lr=1e-3, steps=1000, seed=0):
    """Return the rate at which the weights decay, for each size of the noise."""
    rng = np.random.default_rng(seed)
    p = optim.Parameter(np.ones((25, 50)))
    optimizer = optimizer_class([p], lr=lr, weight_decay=weight_decay)
    for _ in range(steps):
        noise = rng.normal(size=(25, 25))
        p.grad = sizes * np.concatenate([noise, -noise], axis=1)
        optimizer.step()
    return -np.log(p.data.mean(axis=1)) / (lr * steps)


decay = {"Adam with L2": measured_decay(optim.Adam), "AdamW": measured_decay(optim.AdamW)}
slopes = {name: np.polyfit(np.log(sizes[:, 0]), np.log(rate), 1)[0] for name, rate in decay.items()}
for name, rate in decay.items():
    print(f"{name:12s} at sizes 0.1, 3.2, 100: {rate[0]:.5f}, {rate[12]:.5f}, {rate[24]:.5f}; slope {slopes[name]:.3f}")

# %% [markdown]
# With L2, the decay is $\lambda$ divided by the size of the gradients. A weight with large, noisy
# gradients hardly decays at all; a weight with small gradients is crushed. AdamW treats all alike.
#
# ## Learning rates that fall
#
# Lesson 9 had the reason: at a constant rate, a cloud of noise remains. Large steps are good at first, small
# ones in the end. A *schedule* is a function of the step. The most common one is half a cosine:
#
# $$ \gamma_t = \gamma \, \frac{1 + \cos(\pi t / T)}{2} . $$
#
# A *warm-up* comes before it: the rate rises in a straight line for some steps, because a network is most easily
# thrown off at the very start.

# %%
optimizer = optim.SGD([optim.Parameter([0.0])], lr=1.0)
rising_and_falling = schedule.SequentialLR(
    optimizer, [schedule.LinearLR(optimizer, 0.1, 1.0, 5), schedule.CosineAnnealingLR(optimizer, 20)], [5])
print(rising_and_falling.values(26).round(2))

# %% [markdown]
# ## A fair comparison
#
# The task is to classify the digits by softmax regression. A fifth of the labels are wrong on purpose, so there
# is noise that does not go away. The loss is convex, so we know its minimum. Each schedule runs with the same
# six learning rates and five seeds, 30 runs in one pass, and counts with the best of its learning rates, in the
# median over the seeds.

# %%
with np.load(tutorials.DATA / "digits.npz") as digits:
    X = np.column_stack([digits["images"].reshape(-1, 64) / 16, np.ones(1797)])
    y = digits["labels"].astype(int)
rng = np.random.default_rng(0)
y = np.where(rng.random(len(y)) < 0.2, rng.integers(10, size=len(y)), y)

W = Tensor(np.zeros((65, 10)), requires_grad=True)
exact = optim.LBFGS([W], max_iter=800, line_search_fn="strong_wolfe")


def closure():
    exact.zero_grad()
    loss = nn.cross_entropy(X @ W, y)
    loss.backward()
    return loss


exact.step(closure)
lowest = closure().item()
print(f"the lowest loss is {lowest:.4f}")

# %%
lrs, seeds = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0]), 5


def excess(W):
    """Return how far the loss over all digits is above its minimum, by learning rate and seed."""
    z = X @ W
    z -= z.max(axis=-1, keepdims=True)
    losses = np.log(np.exp(z).sum(axis=-1)) - z[:, np.arange(len(y)), y]
    return losses.mean(axis=1).reshape(len(lrs), seeds) - lowest


def train(optimizer_class, steps, make_schedule=None, seed=0):
    """Train with all learning rates and seeds at once; return some steps, and the median excess loss at each."""
    rng = np.random.default_rng(seed)
    W = Tensor(np.zeros((len(lrs) * seeds, 65, 10)), requires_grad=True)
    optimizer = optimizer_class([W], lr=np.repeat(lrs, seeds)[:, None, None])
    scheduler = make_schedule(optimizer) if make_schedule else None
    looks = np.unique(np.geomspace(16, steps, 13).round().astype(int))
    seen = []
    for step in range(1, steps + 1):
        batch = np.tile(rng.integers(len(X), size=(seeds, 16)), (len(lrs), 1))
        optimizer.zero_grad()
        loss = nn.cross_entropy((X[batch] @ W).reshape(-1, 10), y[batch].ravel())
        (loss * len(W)).backward()              # the mean is over all runs; each needs its own gradient
        optimizer.step()
        if scheduler:
            scheduler.step()
        if step in looks:
            if hasattr(optimizer, "averaged"):
                with optimizer.averaged():
                    seen.append(np.median(excess(W.data), axis=1))
            else:
                seen.append(np.median(excess(W.data), axis=1))
    return looks, np.array(seen)


def cosine(steps):
    return lambda optimizer: schedule.CosineAnnealingLR(optimizer, steps)


def warmup(steps):
    tenth = steps // 10
    return lambda optimizer: schedule.SequentialLR(
        optimizer,
        [schedule.LinearLR(optimizer, 0.1, 1.0, tenth), schedule.CosineAnnealingLR(optimizer, steps - tenth)],
        [tenth])


results = {
    "constant": train(optim.SGD, 1000),
    "cosine": train(optim.SGD, 1000, cosine(1000)),
    "warm-up and cosine": train(optim.SGD, 1000, warmup(1000)),
    "Schedule-Free": train(optim.ScheduleFreeSGD, 1000),
}
print("excess loss after 1000 steps, with lr =", *lrs)
for name, (_, seen) in results.items():
    print(f"{name:18s}", *[f"{value:7.4f}" for value in seen[-1]])

# %% [markdown]
# Read the rows. A constant rate is best when it is small, and is then too slow. A falling rate may start four to
# eight times as high, and ends much lower. The warm-up changes next to nothing here: a convex loss has no
# dangerous start. (Lesson 15 has one that does.)
#
# ## No schedule at all
#
# A cosine has to know $T$, the end, before it starts. If you stop earlier, you stop at a high rate; if you go
# on, there is no rate left. *Schedule-Free* (Defazio et al., 2024) averages instead: $z$ takes plain steps, $x$
# is the mean of all $z$, and the gradient is taken in between, at $y$:
#
# $$ y_t = (1 - \beta) z_t + \beta x_t, \qquad z_{t+1} = z_t - \gamma \nabla f(y_t), \qquad
#    x_{t+1} = x_t + \frac{z_{t+1} - x_t}{t + 1} . $$
#
# The comparison has to be fair to the cosine: it gets a run of its own for each end, with its best learning rate
# for that end. Schedule-Free gets one run and one learning rate.

# %%
ends = (125, 250, 500, 1000)
cosines = {end: train(optim.SGD, end, cosine(end)) for end in ends}
looks, seen = results["Schedule-Free"]
free = seen[:, np.argmin(seen[-1])]
for end in ends:
    print(f"stop after {end:4d}: the best cosine {cosines[end][1][-1].min():.4f}, "
          f"Schedule-Free {np.interp(end, looks, free):.4f}")

# %% [markdown]
# It is as good as each of them, at the time when that one ends. What it costs: another array as large as the
# parameters, and the mean, not the parameter, is the result. It also needs a larger learning rate than the
# others. What the comparison does not say is how it looks on your network: this loss is convex, and its noise
# never goes away. Take the wrong labels out (`< 0.0`). Does a falling rate still gain as much?
#
# ## The picture
#
# Left, what is left of the decay, by the size of the gradients. Right, four cosines, each with its end, and
# the two that need no end.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.8))
    for (name, rate), colour, marker in zip(decay.items(), ("#D55E00", "#0072B2"), "so"):
        label = f"{name}: slope {round(slopes[name], 2) + 0:.2f}"
        left.loglog(sizes[:, 0], rate, marker, color=colour, linestyle="none", label=label)
    left.loglog(sizes[:, 0], 0.02 / sizes[:, 0], color="#767676", linestyle="-", linewidth=1, marker="")
    left.loglog(sizes[:, 0], np.full(25, 0.02), color="#767676", linestyle="-", linewidth=1, marker="")
    left.set(title="How fast weights decay (λ = 0.02)", xlabel="size of the gradients", ylabel="measured decay")
    left.legend(loc="lower left")

    for end, (at, values) in cosines.items():
        best = values[:, np.argmin(values[-1])]
        right.loglog(at, best, color="#0072B2", linestyle="-", linewidth=1.2, marker="",
                     label="cosine, one run for each end" if end == 125 else None)
        right.plot(at[-1], best[-1], "o", color="#0072B2", markersize=7)
    at, values = results["constant"]
    right.loglog(at, values[:, np.argmin(values[-1])], color="#767676", linestyle="-.", marker="", label="constant")
    right.loglog(looks, free, color="#D55E00", linestyle="--", linewidth=2.2, marker="", label="Schedule-Free, one run")
    right.set(title="Excess loss, each with its best learning rate", xlabel="step")
    right.set_xticks(ends, map(str, ends))
    right.set_xticks([], minor=True)
    right.set_yticks([0.07, 0.1, 0.2, 0.5, 1], ["0.07", "0.1", "0.2", "0.5", "1"])
    right.set_yticks([], minor=True)
    right.legend(loc="lower left")
tutorials.picture(figure, "12_decay_and_schedules")

assert abs(slopes["Adam with L2"] + 1) < 0.02 and abs(slopes["AdamW"]) < 0.01
assert results["constant"][1][-1].min() > 1.3 * results["cosine"][1][-1].min()
assert all(np.interp(end, looks, free) < 1.1 * cosines[end][1][-1].min() for end in ends)

# %% [markdown]
# **The claim, checked.** With L2 in Adam the decay of a weight is inversely proportional to its gradients (slope
# -1), with AdamW it does not depend on them (slope 0). A cosine ends at least 1.3 times as low as the best
# constant rate, and one run of Schedule-Free is at most 10 % above the best cosine of each length.

# %% [markdown]
# ## Exercise 12.1: AdamW as a chain
#
# Put AdamW together from the links `optim.scale_by_adam(b1, b2, eps)` and
# `optim.add_decayed_weights(weight_decay)`. A chain passes the gradient through its links, from left to right,
# then multiplies by `lr` and subtracts.

# %% exercise 12.1


def my_adamw(params, lr, betas, eps, weight_decay):
    """Return an optimizer that walks where optim.AdamW walks."""
    # BEGIN SOLUTION
    b1, b2 = betas
    return optim.chain(params, optim.scale_by_adam(b1, b2, eps), optim.add_decayed_weights(weight_decay), lr=lr)
    # END SOLUTION


# %% [markdown]
# ## Exercise 12.2: Warm-up and cosine
#
# Write the whole schedule as a function of the step $t = 0, 1, \dots$. In the warm-up the rate rises by the same
# amount in each step: it is `peak / warmup` in step 0, and `peak` in step `warmup - 1`. From step `warmup` on it
# is half a cosine, which starts at `peak` and would be 0 in step `total`.

# %% exercise 12.2


def warmup_cosine(t, peak, warmup, total):
    """Return the learning rate of step t, for 0 <= t < total."""
    # BEGIN SOLUTION
    if t < warmup:
        return peak * (t + 1) / warmup
    part = (t - warmup) / (total - warmup)
    return peak * (1 + np.cos(np.pi * part)) / 2
    # END SOLUTION


# %% [markdown]
# ## Exercise 12.3: Schedule-Free
#
# Write it with the three lines from above. The parameter is $y$; keep $z$ and $x$ in the state. `update` is
# given the gradient at $y$ and returns what is *subtracted* from $y$, times the learning rate: solve $y_{t+1} =
# y_t - \gamma \phi$ for $\phi$. The first step is $t = 0$, but `state["step"]` counts from 1. The check: it
# walks where `optim.ScheduleFreeSGD` walks, and `state["x"]` is the mean of all $z$ after each step.

# %% exercise 12.3


class MyScheduleFree(optim.Optimizer):
    def __init__(self, params, lr=1.0, momentum=0.9):
        super().__init__(params, lr=lr, momentum=momentum)

    def init_state(self, param):
        return {"step": 0, "z": param.copy(), "x": param.copy()}

    def update(self, grad, state, param, *, lr, momentum):
        # BEGIN SOLUTION
        z, x = state["z"], state["x"]
        z -= lr * grad
        x += (z - x) / state["step"]
        y = (1 - momentum) * z + momentum * x
        return (param - y) / lr
        # END SOLUTION


# %% [markdown]
# ## Read on
#
# * I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019: AdamW.
# * I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017: the cosine.
# * A. Defazio et al., "The road less scheduled", 2024: Schedule-Free, and why it works.
# * A. Hägele et al., "Scaling laws and compute-optimal training beyond fixed training durations", 2024: a
#   constant rate and a short cool-down at the end.
# * `optim.schedule` has the schedules of PyTorch, and `viz.schedule` draws them.
