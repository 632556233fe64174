# %% [markdown]
# # 20. The bug museum
#
# **What you will see.** Seven mistakes that everybody makes once. None of them raises an error: the program runs, the
# loss falls a little, and only the result is poor. Each exhibit shows the mistake in code, what gives it away, and an
# assertion that holds for the wrong run and not for the right one. The picture hangs all seven side by side.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np

import minigrad
import optim
import tutorials
from minigrad import Tensor
from optim import viz

# %% [markdown]
# ## The right way
#
# Most exhibits differ from this loop in one line. The surface is a bowl, steeper along $y$ than along $x$: its
# curvatures are 1 and 4.


# %%
def bowl(p):
    return (p[0] ** 2 + 4 * p[1] ** 2) / 2


def train(loss_of, optimizer_of, start, steps):
    """Forget the gradients, go forward, go backward, step; return the positions."""
    p = Tensor(np.array(start, float), requires_grad=True)
    optimizer, positions = optimizer_of([p]), [p.data.copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(p)
        loss.backward()
        optimizer.step()
        positions.append(p.data.copy())
    return np.array(positions)


start = (3, 2)
museum = {}  # the exhibits: what to draw of the right and of the wrong run, mostly losses

# %% [markdown]
# ## 1. The forgotten `zero_grad`
#
# `backward` *adds* to `.grad`. Without `zero_grad`, every step goes along the sum of all gradients so far: like
# momentum without any friction, the run swings through the valley for ever.


# %%
def train_without_zero_grad(loss_of, optimizer_of, start, steps):
    p = Tensor(np.array(start, float), requires_grad=True)
    optimizer, positions = optimizer_of([p]), [p.data.copy()]
    for _ in range(steps):
        loss = loss_of(p)                                       # where is optimizer.zero_grad()?
        loss.backward()
        optimizer.step()
        positions.append(p.data.copy())
    return np.array(positions)


def descent(params):
    return optim.SGD(params, lr=0.1)


right = train(bowl, descent, start, 200)
wrong = train_without_zero_grad(bowl, descent, start, 200)
museum["zero_grad forgotten"] = bowl(right.T)[:80], bowl(wrong.T)[:80]
print("loss after 200 steps:", bowl(right[-1]), "- in the last 40 steps of the wrong run:", bowl(wrong[-40:].T).max())
assert bowl(right[-1]) < 1e-15 and bowl(wrong[-40:].T).max() > 5

# %% [markdown]
# **How to notice it:** the loss swings back and forth in slow waves that do not fade.
#
# ## 2. No bias correction
#
# Adam's averages start at 0, so the first $m$ and $v$ are too small: by the factors $1 - \beta_1 = 0.1$ and
# $1 - \beta_2 = 0.001$. Their quotient $m / \sqrt v$ is then $0.1 / \sqrt{0.001} = 3.2$ times too *large*, and stays
# too large for a while.


# %%
class AdamWithoutCorrection(optim.Adam):
    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2) = betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m += (1 - beta1) * (grad - m)
        v += (1 - beta2) * (grad * grad - v)
        return m / (np.sqrt(v) + eps)                           # where are m_hat and v_hat?


right = train(bowl, lambda params: optim.Adam(params, lr=0.3), start, 60)
wrong = train(bowl, lambda params: AdamWithoutCorrection(params, lr=0.3), start, 60)
museum["no bias correction"] = np.abs(np.diff(right[:9, 1])), np.abs(np.diff(wrong[:9, 1]))
print("first steps:", np.abs(right[1] - right[0]), np.abs(wrong[1] - wrong[0]))
assert np.allclose(np.abs(right[1] - right[0]), 0.3)
assert np.allclose(np.abs(wrong[1] - wrong[0]), 0.3 * 0.1 / np.sqrt(0.001))

# %% [markdown]
# `optim.explain` takes a step and shows every line with its numbers, for the wrong class, too. Here is its first
# step:

# %%
p = Tensor([3.0, 2.0], requires_grad=True)
bowl(p).backward()
print(optim.explain(AdamWithoutCorrection([p], lr=0.3), element=0))

# %% [markdown]
# **How to notice it:** Adam's very first step is `lr` long in every coordinate, whatever the gradient. Here it is 3.2
# times that.
#
# ## 3. Epsilon inside the root
#
# $\sqrt{v + \epsilon}$ instead of $\sqrt v + \epsilon$ looks like the same safeguard against a division by 0. But
# $\sqrt{10^{-8}} = 10^{-4}$: inside the root, $\epsilon$ is felt by all gradients below $10^{-4}$, not only by those
# below $10^{-8}$. The bowl here has small gradients, as with a loss that was divided by the number of pixels.


# %%
def shallow(p):
    return 1e-5 * bowl(p)


class AdamWithEpsilonInside(optim.Adam):
    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m += (1 - beta1) * (grad - m)
        v += (1 - beta2) * (grad * grad - v)
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        return m_hat / np.sqrt(v_hat + eps)                     # should be np.sqrt(v_hat) + eps


right = train(shallow, lambda params: optim.Adam(params, lr=0.1), start, 100)
wrong = train(shallow, lambda params: AdamWithEpsilonInside(params, lr=0.1), start, 100)
museum["eps inside the root"] = bowl(right.T), bowl(wrong.T)

right_scaled = train(bowl, lambda params: optim.Adam(params, lr=0.1), start, 100)
wrong_scaled = train(bowl, lambda params: AdamWithEpsilonInside(params, lr=0.1), start, 100)
print("a loss 100,000 times as large moves the right run by", np.abs(right - right_scaled).max(),
      "and the wrong one by", np.abs(wrong - wrong_scaled).max())
assert np.abs(right - right_scaled).max() < 0.1 < 1 < np.abs(wrong - wrong_scaled).max()

# %% [markdown]
# **How to notice it:** multiply the loss by 1000. Adam should hardly care; if the run changes, $\epsilon$ is doing
# the work.
#
# ## 4. L2 regularisation taken for weight decay
#
# With plain gradient descent the two are the same. With Adam they are not: what is added to the *gradient* is
# divided by $\sqrt v$ like the rest of it, so weights with large or noisy gradients hardly decay. Here there is
# nothing but noise, a hundred times stronger in the first row of weights than in the second, and all should decay
# alike.


# %%
def decay_in_noise(optimizer_of, steps=400):
    """Train 2 x 50 weights on nothing but noise: what their size does is the work of the decay."""
    rng, weights = np.random.default_rng(0), optim.Parameter(np.full((2, 50), 3.0))
    optimizer, sizes = optimizer_of([weights]), []
    for _ in range(steps):
        weights.grad = rng.normal(size=(2, 50)) * [[10], [0.1]]
        optimizer.step()
        sizes.append(np.sqrt(np.mean(weights.data**2, axis=1)))
    return np.array(sizes)


right = decay_in_noise(lambda params: optim.AdamW(params, lr=0.01, weight_decay=0.7))
wrong = decay_in_noise(lambda params: optim.Adam(params, lr=0.01, weight_decay=0.7))    # should be AdamW
museum["L2 taken for decay"] = right[:, 0], wrong[:, 0]
print("noisy and quiet weights after 400 steps: AdamW", right[-1].round(2), "- Adam with L2", wrong[-1].round(2))
assert abs(right[-1, 0] / right[-1, 1] - 1) < 0.1 and wrong[-1, 0] > 5 * wrong[-1, 1]

# %% [markdown]
# **How to notice it:** look at the sizes of the weights layer by layer. AdamW shrinks all of them by the same factor.
# Under L2 in Adam the weights with large gradients stay much larger than those with small ones.
#
# ## 5. The schedule steps first
#
# `schedule.step()` belongs *after* `optimizer.step()`. The other way round, the first learning rate is never used,
# and often it is the one that matters: here each is half of the last. (The bowl is round.)


# %%
def train_with_schedule(start, steps, *, schedule_first):
    p = Tensor(np.array(start, float), requires_grad=True)
    optimizer, positions = optim.SGD([p], lr=0.8), [p.data.copy()]
    schedule = optim.schedule.ExponentialLR(optimizer, gamma=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        (np.sum(p**2) / 2).backward()
        if schedule_first:
            schedule.step()                                     # too early
        optimizer.step()
        if not schedule_first:
            schedule.step()
        positions.append(p.data.copy())
    return np.array(positions)


right = train_with_schedule(start, 12, schedule_first=False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    wrong = train_with_schedule(start, 12, schedule_first=True)
museum["schedule.step() first"] = np.sum(right**2, axis=1) / 2, np.sum(wrong**2, axis=1) / 2
print("after a step:", right[1], "and", wrong[1])
print("the warning: ", caught[0].message)
assert np.allclose(right[1], 0.2 * right[0]) and np.allclose(wrong[1], 0.6 * wrong[0])

# %% [markdown]
# **How to notice it:** print the learning rate of the first step; and read the warning.
#
# ## 6. The update before the gradient
#
# If `step` comes before the gradient of the round is in `.grad`, each step uses the gradient of the point *before*. A
# little delay does little harm as long as steps are small. With large ones the run corrects errors that it has
# already corrected: stability ends at half the learning rate, $1 / \lambda$ instead of $2 / \lambda$.

# %%
slope = minigrad.grad(bowl)


def train_with_step_first(optimizer_of, start, steps):
    p = Tensor(np.array(start, float), requires_grad=True)
    optimizer, positions = optimizer_of([p]), [p.data.copy()]
    for _ in range(steps):
        gradient = slope(p.data)
        optimizer.step()                                        # too early: p.grad is that of the last round
        p.grad = gradient
        positions.append(p.data.copy())
    return np.array(positions)


right = train(bowl, lambda params: optim.SGD(params, lr=0.27), start, 60)
wrong = train_with_step_first(lambda params: optim.SGD(params, lr=0.27), start, 60)
museum["step before the gradient"] = bowl(right.T)[:31], bowl(wrong.T)[:31]
below = train_with_step_first(lambda params: optim.SGD(params, lr=0.24), start, 600)
beyond = train_with_step_first(lambda params: optim.SGD(params, lr=0.26), start, 600)
print("first step of the wrong run:", wrong[1] - wrong[0])
assert bowl(right[-1]) < 1e-12 and np.array_equal(wrong[0], wrong[1])
assert bowl(below[-1]) < 1e-3 and bowl(beyond[-1]) > 100  # the limit is 1 / 4

# %% [markdown]
# **How to notice it:** the very first step moves nothing. With `backward` instead of `p.grad = ...` the mistake
# cannot even be made unseen, because the parameter changes between the forward and the backward pass:

# %%
p = Tensor([3.0, 2.0], requires_grad=True)
optimizer = optim.SGD([p], lr=0.1)
p.grad = slope(p.data)
loss = bowl(p)
optimizer.step()
try:
    loss.backward()
except RuntimeError as error:
    print(error)

# %% [markdown]
# ## 7. The wrong broadcast
#
# Predictions of shape `(n,)` minus targets of shape `(n, 1)` is a table of shape `(n, n)`: *every* prediction minus
# *every* target. Its mean square is a perfectly good loss, smooth and falling, of another problem: its best line is
# flat, at the mean of the targets.

# %%
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, size=20)
y = 2 * x + 1 + 0.2 * rng.normal(size=20)


def right_loss(p):
    """Return the mean squared error of the line with slope p[0] and intercept p[1]."""
    line = p[0] * x + p[1]
    return np.mean((line - y) ** 2)


def wrong_loss(p):
    targets = y[:, None]                                        # as a file with one column is read
    line = p[0] * x + p[1]
    return np.mean((line - targets) ** 2)                       # (20,) - (20, 1) is (20, 20)


right = train(right_loss, lambda params: optim.SGD(params, lr=0.3), (-1, -1), 300)
wrong = train(wrong_loss, lambda params: optim.SGD(params, lr=0.3), (-1, -1), 300)
museum["(n,) against (n, 1)"] = [right_loss(p) for p in right[:60]], [right_loss(p) for p in wrong[:60]]
print("right:", right[-1].round(3), "- wrong:", wrong[-1].round(3), "- mean of the targets:", y.mean().round(3))
assert np.allclose(right[-1], np.polyfit(x, y, 1), atol=1e-6)
assert np.allclose(wrong[-1], [0, y.mean()], atol=1e-6)

# %% [markdown]
# **How to notice it:** print the shape of `line - targets` once. Two shapes that differ are worth an `assert`.
#
# ## The picture

# %%
with viz.style():
    figure, axes = plt.subplots(2, 4, figsize=(10, 5))
    for number, (ax, (title, (right, wrong))) in enumerate(zip(axes.flat, museum.items()), 1):
        for losses, word in ((right, "right"), (wrong, "wrong")):
            ax.semilogy(losses, label=word, markevery=max(1, len(losses) // 8), markersize=5)
        ax.set(title=f"{number}. {title}", xlabel="step", ylabel="loss")
    axes[0, 1].set(ylabel="length of the step", yscale="linear")
    axes[0, 3].set(ylabel="size of the noisy weights", yscale="linear")
    axes[1, 3].axis("off")
    axes[1, 3].legend(*axes[0, 0].get_legend_handles_labels(), loc="center", fontsize=11)
tutorials.picture(figure, "20_bug_museum")

# %% [markdown]
# **The claim, checked**: at the end of its panel each wrong run has at least ten times the loss of the right one. (In
# the second panel the first step counts, and it is three times too long.)

# %%
for title, (right, wrong) in museum.items():
    where, factor = (0, 3) if "bias" in title else (-1, 10)
    print(f"{title:24} wrong / right = {wrong[where] / right[where]:.3g}")
    assert wrong[where] > factor * right[where]

# %% [markdown]
# ## The way out
#
# | exhibit | what gives it away |
# | --- | --- |
# | forgotten `zero_grad` | slow waves; `.grad` grows |
# | no bias correction | a first step longer than `lr` |
# | epsilon inside the root | multiplying the loss by 1000 changes the run |
# | L2 for decay | weights with large gradients do not shrink |
# | schedule first | the first learning rate is not the one you wrote |
# | step before the gradient | the first step moves nothing |
# | wrong broadcast | the residuals have the shape `(n, n)` |
#
# ## Try it
#
# * Explain a step of your own training loop: `optim.explain(optimizer, parameter=0, element=0).show()`.
# * In exhibit 1, lower the learning rate to 0.01. Does the run still swing?
# * In exhibit 5, use `CosineAnnealingLR`. Why does the mistake hardly matter there?
# * The exercises of this course know two hundred more mistakes: make one on purpose and see what `check` says.
