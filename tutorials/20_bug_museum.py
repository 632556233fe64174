# %% [markdown]
# # 3. The bug museum
#
# Seven mistakes that everybody makes once. None of them raises an error: the program runs, the loss falls a
# little, and only the result is poor. So each exhibit shows three things: **the mistake in code**, **the
# wrong path beside the right one**, and **the line where the two runs part**, told by `optim.explain` with
# the numbers that went in.

# %%
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad
import optim
from minigrad import Tensor
from optim.viz import Surface, contour, style

here = Path(__file__).parent if "__file__" in globals() else Path.cwd()


def finish(figure, name):
    """Show the figure in a notebook; from the command line, write it to tutorials/figures."""
    if "ipykernel" in sys.modules:
        plt.show()
        return
    path = here / "figures" / name
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)
    print("wrote", path)
    plt.close(figure)


# %% [markdown]
# ## The guide
#
# A `Visit` walks along with a run: before every step it notes where the parameter is, and of the first
# steps it keeps the explanation. `the_parting` then looks for the first value that came out differently in
# two runs. `exhibit` draws both.


# %%
class Visit:
    """Where a run went, and what happened in its first steps."""

    def __init__(self):
        self.positions, self.told = [], []

    def note(self, p, optimizer):
        """Note the position; keep what the step that comes now will do, if there is a gradient."""
        self.positions.append(p.data.copy())
        if len(self.positions) <= 3:
            self.told.append(optim.explain(optimizer).rows if p.grad is not None else [])


def values_of(rows):
    """Return the rows by what they set: the key is the name and how often it has been set before."""
    found, counts = {}, {}
    for row in rows:
        for name, value in row.values.items():
            found[name, counts.get(name, 0)] = value, row
            counts[name] = counts.get(name, 0) + 1
    return found


def the_parting(right, wrong):
    """Print the first line whose result differs between two visits."""
    for step, (expected, got) in enumerate(zip(right.told, wrong.told), 1):
        if not got:
            print(f"step {step}\n    right: {expected[-1].formula}\n    wrong: nothing moves, there is no gradient yet")
            return
        expected = values_of(expected)
        for key, (value, row) in values_of(got).items():
            if key in expected and not np.array_equal(value, expected[key][0]):
                for word, one in ("right", expected[key][1]), ("wrong", row):
                    print(f"step {step}, {word}:  {one.source.strip()}\n              {one.formula}")
                return


def exhibit(surface, right, wrong, words, *, measure="The loss", scale="log"):
    """Draw the paths of two visits over a surface, and their losses by step; return the figure."""
    with style():
        figure, (left, beside) = plt.subplots(1, 2, figsize=(11, 4.8), width_ratios=[1.15, 1])
        contour(surface, left)
        left.set_title("The way")
        for visit, word, look in zip((right, wrong), words, plt.rcParams["axes.prop_cycle"]):
            path = np.array(visit.positions)
            left.plot(*path.T, **look, markersize=4.5, markevery=max(1, len(path) // 30), zorder=3)
            left.plot(*path[-1], **look, markersize=7.5, zorder=5)
            losses = [max(surface(point), 1e-16) for point in path]
            beside.plot(losses, **look, markevery=max(1, len(path) // 12), label=word)
        left.plot(*right.positions[0], "o", color="white", markeredgecolor="black", markersize=9, zorder=6)
        beside.set(title=measure, xlabel="step", yscale=scale)
        beside.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(*beside.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


# %% [markdown]
# ## The right way
#
# Most exhibits differ from this loop in one line. The surface is a bowl, steeper along $y$ than along $x$.

# %%
bowl = Surface(lambda p: (p[0] ** 2 + 4 * p[1] ** 2) / 2, name="bowl", domain=((-4, 4), (-3, 3)), start=(3, 2),
               minima=(0, 0))


def train(loss_of, optimizer_of, start, steps):
    """Forget the gradients, go forward, go backward, step."""
    p, visit = Tensor(np.array(start, float), requires_grad=True), Visit()
    optimizer = optimizer_of([p])
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(p)
        loss.backward()
        visit.note(p, optimizer)
        optimizer.step()
    visit.positions.append(p.data.copy())
    return visit


# %% [markdown]
# ## 1. The forgotten `zero_grad`
#
# `backward` *adds* to `.grad`. Without `zero_grad`, every step goes along the sum of all gradients so far:
# like momentum without any friction, the run swings through the valley for ever.


# %%
def train_without_zero_grad(loss_of, optimizer_of, start, steps):
    p, visit = Tensor(np.array(start, float), requires_grad=True), Visit()
    optimizer = optimizer_of([p])
    for _ in range(steps):
        loss = loss_of(p)                                       # where is optimizer.zero_grad()?
        loss.backward()
        visit.note(p, optimizer)
        optimizer.step()
    visit.positions.append(p.data.copy())
    return visit


def descent(params):
    return optim.SGD(params, lr=0.1)


right = train(bowl, descent, bowl.start, 40)
wrong = train_without_zero_grad(bowl, descent, bowl.start, 40)
the_parting(right, wrong)
finish(exhibit(bowl, right, wrong, ("with zero_grad", "without: gradients add up")), "03_zero_grad.png")

# %% [markdown]
# **How to notice it:** the loss swings to and fro in slow waves, and the norm of `.grad` grows while the
# loss does not.
#
# ## 2. No bias correction
#
# Adam's averages start at 0, so the first $m$ and $v$ are too small: by the factors $1 - \beta_1 = 0.1$ and
# $1 - \beta_2 = 0.001$. Their quotient $m / \sqrt v$ is then $0.1 / \sqrt{0.001} = 3.2$ times too *large*,
# and stays too large for a while.


# %%
class AdamWithoutCorrection(optim.Adam):
    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2) = betas
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        phi = m / (np.sqrt(v) + eps)                            # where are m_hat and v_hat?
        return phi


right = train(bowl, lambda params: optim.Adam(params, lr=0.3), bowl.start, 40)
wrong = train(bowl, lambda params: AdamWithoutCorrection(params, lr=0.3), bowl.start, 40)
the_parting(right, wrong)
finish(exhibit(bowl, right, wrong, ("Adam", "without bias correction")), "03_bias_correction.png")

# %% [markdown]
# **How to notice it:** Adam's very first step is `lr` long in every coordinate, whatever the gradient. Here
# it is 3.2 times that.
#
# ## 3. Epsilon inside the root
#
# $\sqrt{v + \epsilon}$ instead of $\sqrt v + \epsilon$ looks like the same safeguard against a division by
# 0. But $\sqrt{10^{-8}} = 10^{-4}$: inside the root, $\epsilon$ is felt by all gradients below $10^{-4}$,
# not only by those below $10^{-8}$. The bowl here is a bowl of small gradients, as with a loss that was
# divided by the number of pixels.

# %%
shallow = Surface(lambda p: 1e-5 * bowl.function(p), name="shallow bowl", domain=bowl.domain, start=bowl.start,
                  minima=(0, 0))


class AdamWithEpsilonInside(optim.Adam):
    def update(self, grad, state, param, *, betas, eps):
        (beta1, beta2), t = betas, state["step"]
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        phi = m_hat / np.sqrt(v_hat + eps)                      # should be np.sqrt(v_hat) + eps
        return phi


right = train(shallow, lambda params: optim.Adam(params, lr=0.1), shallow.start, 100)
wrong = train(shallow, lambda params: AdamWithEpsilonInside(params, lr=0.1), shallow.start, 100)
the_parting(right, wrong)
finish(exhibit(shallow, right, wrong, ("epsilon outside the root", "epsilon inside")), "03_epsilon.png")

# %% [markdown]
# **How to notice it:** multiply the loss by 1000. Adam should hardly care; if the run changes, $\epsilon$
# is doing the work.
#
# ## 4. L2 regularisation taken for weight decay
#
# With plain gradient descent the two are the same. With Adam they are not: what is added to the *gradient*
# is divided by $\sqrt v$ like the rest of it, so weights with large or noisy gradients hardly decay. Here
# there is nothing but noise, a hundred times stronger along $x$ than along $y$, and both weights should
# decay alike.

# %%
weights = Surface(lambda p: p[0] ** 2 + p[1] ** 2, name="squared size of the weights", domain=((-1, 4), (-1, 4)),
                  start=(3, 3), minima=(0, 0))


def decay_in_noise(optimizer_of, steps=400):
    """Train on a loss that is nothing but noise: any change in the weights' size is the decay's."""
    rng, visit = np.random.default_rng(0), Visit()
    p = Tensor(np.array(weights.start), requires_grad=True)
    optimizer = optimizer_of([p])
    for _ in range(steps):
        optimizer.zero_grad()
        noise = rng.normal(size=2) * [10, 0.1]
        np.sum(noise * p).backward()
        visit.note(p, optimizer)
        optimizer.step()
    visit.positions.append(p.data.copy())
    return visit


right = decay_in_noise(lambda params: optim.AdamW(params, lr=0.01, weight_decay=0.7))
wrong = decay_in_noise(lambda params: optim.Adam(params, lr=0.01, weight_decay=0.7))    # should be AdamW
the_parting(right, wrong)
words = "AdamW: decay beside the gradient", "Adam: decay inside the gradient"
figure = exhibit(weights, right, wrong, words, scale="linear", measure="Squared size of the weights")
figure.axes[0].set(xlabel="weight with noisy gradients", ylabel="weight with quiet gradients")
finish(figure, "03_decay.png")

# %% [markdown]
# **How to notice it:** look at the weights' sizes layer by layer. Under L2 in Adam those with small
# gradients vanish, and the others do not shrink at all.
#
# ## 5. The schedule steps first
#
# `schedule.step()` belongs *after* `optimizer.step()`. The other way round, the first learning rate is
# never used, and often it is the one that matters: here each is half of the last. (The bowl is round, so
# that gradient descent runs straight.)

# %%
round_bowl = Surface(lambda p: (p[0] ** 2 + p[1] ** 2) / 2, name="round bowl", domain=bowl.domain, start=bowl.start,
                     minima=(0, 0))


def train_with_schedule(start, steps, *, schedule_first):
    p, visit = Tensor(np.array(start, float), requires_grad=True), Visit()
    optimizer = optim.SGD([p], lr=0.8)
    schedule = optim.schedule.ExponentialLR(optimizer, gamma=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        round_bowl(p).backward()
        if schedule_first:
            schedule.step()                                     # too early
        visit.note(p, optimizer)
        optimizer.step()
        if not schedule_first:
            schedule.step()
    visit.positions.append(p.data.copy())
    return visit


right = train_with_schedule(round_bowl.start, 12, schedule_first=False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    wrong = train_with_schedule(round_bowl.start, 12, schedule_first=True)
the_parting(right, wrong)
words = "optimizer.step(), then schedule.step()", "schedule.step() first"
finish(exhibit(round_bowl, right, wrong, words), "03_schedule.png")

# %% [markdown]
# **How to notice it:** print the learning rate of the first step; and read the warning, which is all there
# is to see:

# %%
print(caught[0].message)

# %% [markdown]
# ## 6. The update before the gradient
#
# If `step` comes before the gradient of the round is in `.grad`, each step uses the gradient of the point
# *before*. A little delay does little harm as long as steps are small. With large ones the run corrects
# errors that it has already corrected: stability ends at half the learning rate.

# %%
slope = minigrad.grad(bowl.function)


def train_with_step_first(optimizer_of, start, steps):
    p, visit = Tensor(np.array(start, float), requires_grad=True), Visit()
    optimizer = optimizer_of([p])
    for _ in range(steps):
        gradient = slope(p.data)
        visit.note(p, optimizer)
        optimizer.step()                                        # too early: p.grad is that of the last round
        p.grad = gradient
    visit.positions.append(p.data.copy())
    return visit


def large_steps(params):
    return optim.SGD(params, lr=0.255)


right = train(bowl, large_steps, bowl.start, 20)
wrong = train_with_step_first(large_steps, bowl.start, 20)
the_parting(right, wrong)
words = "gradient, then step", "step first: gradients come a round late"
finish(exhibit(bowl, right, wrong, words), "03_step_first.png")

# %% [markdown]
# **How to notice it:** the very first step moves nothing. With `backward` in the place of `p.grad = ...`
# the mistake cannot even be made unseen, since the parameter would have changed between the forward and the
# backward pass:

# %%
p = Tensor([3.0, 2.0], requires_grad=True)
optimizer = large_steps([p])
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
# Predictions of shape `(n,)` minus targets of shape `(n, 1)` is a table of shape `(n, n)`: *every*
# prediction minus *every* target. Its mean square is a perfectly good loss, smooth and falling, of another
# problem: its best line is flat, at the mean of the targets.

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


best = np.polyfit(x, y, 1)
line_error = Surface(lambda p: sum((p[0] * xi + p[1] - yi) ** 2 for xi, yi in zip(x, y)) / len(x),
                     name="squared error of a line", domain=((-1.5, 3), (-1.5, 2.5)), start=(-1, -1), minima=best)

right = train(right_loss, lambda params: optim.SGD(params, lr=0.1), line_error.start, 60)
wrong = train(wrong_loss, lambda params: optim.SGD(params, lr=0.1), line_error.start, 60)
the_parting(right, wrong)
words = "(n,) against (n,)", "(n,) against (n, 1)"
figure = exhibit(line_error, right, wrong, words, measure="The true squared error")
figure.axes[0].set(xlabel="slope", ylabel="intercept")
finish(figure, "03_broadcast.png")

# %% [markdown]
# **How to notice it:** print the shape of `line - targets` once. Two shapes that differ are worth an
# `assert`.
#
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
