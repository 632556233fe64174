# %% [markdown]
# # 19. Write your own
#
# **What you will see.** A formula from a paper of 2024 becomes an optimizer of eight lines. A program checks it and
# names the mistake that we plant. It beats momentum in a fair race, becomes a link of a chain, and gets a page of its
# own. At the end we ask with which learning rates it can train a network. The border between yes and no is not a
# line: zoom in, and it is as ragged as before.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import optim
import tutorials
from optim import viz

# %% [markdown]
# ## From the paper to the code
#
# Momentum has a weakness: it goes on along an old direction after the slope has turned. "Cautious optimizers"
# (Liang et al., 2024) need one more line. Where the step $u_t$ and the gradient $g_t$ disagree in sign, do not move:
#
# $$ b_t = \mu \, b_{t-1} + g_t, \qquad
#    \theta_t = \theta_{t-1} - \gamma \; b_t \odot \mathbb{1}[\, b_t \odot g_t > 0 \,] . $$
#
# An optimizer of this library is a class with three parts. `__init__` names the hyperparameters and their defaults.
# `init_state` returns the memory of one parameter at the beginning. `update` is the formula; it returns what
# is multiplied by the learning rate and subtracted.


# %%
class CautiousMomentum(optim.Optimizer):
    def __init__(self, params, lr=0.01, momentum=0.9):
        super().__init__(params, lr=lr, momentum=momentum)

    def init_state(self, param):
        return {"b": np.zeros_like(param)}

    def update(self, grad, state, param, *, momentum):
        b = state["b"]
        b *= momentum
        b += grad
        return np.where(b * grad > 0, b, 0)


# %% [markdown]
# ## Check it
#
# `optim.check` makes the class do each thing twice, in two ways that must agree: whole and in pieces, at once and
# resumed from a file, with one learning rate and with many. It says in words what is wrong. First ours, and then one
# with the most common mistake, a memory that is computed and lost:

# %%
print(optim.check(CautiousMomentum))


class Forgetful(CautiousMomentum):
    def update(self, grad, state, param, *, momentum):
        b = momentum * state["b"] + grad
        return np.where(b * grad > 0, b, 0)


try:
    optim.check(Forgetful)
except AssertionError as error:
    complaint = str(error)
    print(complaint)
assert "Forgetful" in complaint

# %% [markdown]
# `check` cannot know whether you copied the formula rightly. For that, take a step on paper: from $b = 0$ with the
# gradients 1, 1 and -1, $\mu = 0.5$ and $\gamma = 1$, the memory is 1, 1.5 and -0.25. All agree in sign with their
# gradients, so all are made.

# %%
p = optim.Parameter([0.0])
optimizer = CautiousMomentum([p], lr=1.0, momentum=0.5)
for g, expected in ((1.0, -1.0), (1.0, -2.5), (-1.0, -2.25), (0.1, -2.25)):
    p.grad = np.array([g])
    optimizer.step()
    print(f"gradient {g:4g}: b {optimizer.state[p]['b'][0]:6.3f}, parameter {p.data[0]:6.3f}")
    assert np.isclose(p.data[0], expected)

# %% [markdown]
# In the last step the gradient is 0.1 and the memory -0.025: they disagree, and the parameter stays.
#
# ## A fair race
#
# Fair means: the same surfaces, the same starts, the same number of steps, and for each optimizer the best of the same
# learning rates. `viz.tuned_race` does this. Fifteen starts on each surface, and the median counts.

# %%
contestants = {"SGD": "SGD", "momentum": "SGD(momentum=0.9)", "cautious momentum": CautiousMomentum, "Adam": "Adam"}
medians = {}
for name in ("illconditioned_bowl", "booth", "himmelblau", "rosenbrock", "beale"):
    surface = viz.surfaces.get(name)
    around = 0.1 * np.random.default_rng(0).normal(size=(2, 15))
    race = viz.tuned_race(surface, contestants, start=np.array(surface.start)[:, np.newaxis] + around, steps=200)
    medians[name] = [np.nanmedian(run.losses[-1]) - surface.minimum for run in race]
    print(f"{name:20s}", ", ".join(f"{label} {loss:.1e}" for label, loss in zip(contestants, medians[name])))
medians = np.array(list(medians.values()))

# %% [markdown]
# Caution brings momentum farther, on all five. But look at the first column: on the two round bowls, plain SGD is as
# good. And there is no noise here; in minibatches the sign of a gradient says less. Before you believe a paper, or
# yourself, run the race where you want to use it (lesson 17).
#
# ## A page of its own
#
# One call makes a page with sliders, to send to a friend. Drag the start, change the momentum: the page runs your own
# `update`, printed as JavaScript from what your lines did.

# %%
page = Path(globals().get("__file__", "here")).parent / "figures" / "19_write_your_own.html"
page.parent.mkdir(exist_ok=True)
viz.page(viz.tuned_race("illconditioned_bowl", contestants, steps=100), page)
print("wrote", page)

# %% [markdown]
# ## A link of a chain
#
# `optim.rule_of` turns your class into a link. Then clipping, weight decay and anything else can come before and
# after it, without a line of code.

# %%
p = optim.Parameter(np.array([3.0, -4.0]))
chain = optim.chain([p], optim.clip_by_global_norm(1.0), optim.rule_of(CautiousMomentum, momentum=0.9),
                    optim.add_decayed_weights(0.1), lr=0.1)
for _ in range(3):
    p.grad = 100 * p.data
    chain.step()
    print(p.data.round(4))

# %% [markdown]
# ## Where can it train?
#
# A small network has two layers, and each may have a learning rate of its own. Take a pair of rates for each pixel and
# train with your optimizer: 40,000 networks side by side. (A hyperparameter may be an array, in your class, too.)

# %%
rates = np.geomspace(0.1, 1000, 200)
whole = viz.trainability_map(rates, rates, CautiousMomentum, steps=100)


def at_border(trained):
    """Return where a pixel differs from the one on its right or from the one above."""
    return (trained[1:, 1:] != trained[:-1, 1:]) | (trained[1:, 1:] != trained[1:, :-1])


def dimension(trained):
    """Return the dimension of the border, as in lesson 13: from all pixels, and from every second one."""
    fine, coarse = at_border(trained).mean(), at_border(trained[::2, ::2]).mean()
    return 2 - np.log2(coarse / fine)


border = at_border(whole["trained"])
sums = np.array([[border[i:i + 20, j:j + 20].sum() for j in range(0, 176, 5)] for i in range(0, 176, 5)])
row, column = 5 * np.array(np.unravel_index(sums.argmax(), sums.shape))  # the square with the longest border
x, y = rates[[column, column + 20]], rates[[row, row + 20]]
zoom = viz.trainability_map(np.geomspace(*x, 200), np.geomspace(*y, 200), CautiousMomentum, steps=100)
circle = np.hypot(*np.meshgrid(np.arange(200) - 100, np.arange(200) - 100)) < 70
print(f"dimension of the border: {dimension(whole['trained']):.2f}, ten times as large "
      f"{dimension(zoom['trained']):.2f}; of a circle {dimension(circle):.2f}")

# %% [markdown]
# ## The picture
#
# Blue: it learns; the lighter, the sooner. Orange: it does not. Right: the square, ten times as large.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.8))
whole.plot(left)
zoom.plot(right)
left.plot(x[[0, 1, 1, 0, 0]], y[[0, 0, 1, 1, 0]], color="black", linestyle="-", linewidth=1.5, marker="")
left.set_title("Where cautious momentum trains a network")
right.set_title("The square, ten times as large")
right.get_legend().remove()
tutorials.picture(figure, "19_write_your_own")

assert np.all(medians[:, 2] < medians[:, 1] / 10)
assert dimension(circle) < 1.1
assert dimension(whole["trained"]) > 1.3 and dimension(zoom["trained"]) > 1.3

# %% [markdown]
# **The claim, checked.** A smooth line, such as a circle, has the dimension 1. The border has more than 1.3, in the
# whole and ten times as large. And in the race cautious momentum ends at less than a tenth of momentum's loss, on all
# five surfaces.

# %% [markdown]
# ## Exercise 19.1: A rule of your own
#
# From the paper on AdEMAMix (Pagliardini, Ablin, Grangier, 2024), with two memories, a fast and a slow one:
#
# $$ m_1 \leftarrow \beta_1 m_1 + (1 - \beta_1) g, \quad m_2 \leftarrow \beta_3 m_2 + (1 - \beta_3) g, \quad
#    v \leftarrow \beta_2 v + (1 - \beta_2) g^2, $$
# $$ \theta \leftarrow \theta - \gamma \Bigl( \frac{m_1 / (1 - \beta_1^t) + \alpha m_2}
#    {\sqrt{v / (1 - \beta_2^t)} + \epsilon} + \lambda \theta \Bigr) . $$
#
# `slow` is $\beta_3$ and `weight_decay` is $\lambda$. The slow memory is *not* corrected.

# %% exercise 19.1


class MyAdEMAMix(optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), slow=0.9999, alpha=5.0, eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr=lr, betas=betas, slow=slow, alpha=alpha, eps=eps, weight_decay=weight_decay)

    def init_state(self, param):
        # BEGIN SOLUTION
        return {"step": 0, "m1": np.zeros_like(param), "m2": np.zeros_like(param), "v": np.zeros_like(param)}
        # END SOLUTION

    def update(self, grad, state, param, *, betas, slow, alpha, eps, weight_decay):
        # BEGIN SOLUTION
        (beta1, beta2), t, m1, m2, v = betas, state["step"], state["m1"], state["m2"], state["v"]
        m1 *= beta1
        m1 += (1 - beta1) * grad
        m2 *= slow
        m2 += (1 - slow) * grad
        v *= beta2
        v += (1 - beta2) * grad * grad
        top = m1 / (1 - beta1**t) + alpha * m2
        return top / (np.sqrt(v / (1 - beta2**t)) + eps) + weight_decay * param
        # END SOLUTION


# %% [markdown]
# ## Exercise 19.2: A chain
#
# Put AdamW together from links, with clipping before it: the gradient is clipped to the global norm `max_norm`, then
# Adam scales it, then the decay of the weights is added, which Adam must not scale. Return the `optim.chain`.
# The links are `optim.clip_by_global_norm(max_norm)`, `optim.scale_by_adam(b1=..., b2=..., eps=...)` and
# `optim.add_decayed_weights(decay)`.

# %% exercise 19.2


def clipped_adamw(params, lr, betas, eps, decay, max_norm):
    """Return a chain that is AdamW on clipped gradients."""
    # BEGIN SOLUTION
    return optim.chain(
        params,
        optim.clip_by_global_norm(max_norm),
        optim.scale_by_adam(b1=betas[0], b2=betas[1], eps=eps),
        optim.add_decayed_weights(decay),
        lr=lr,
    )
    # END SOLUTION


# %% [markdown]
# ## Exercise 19.3: A fair race
#
# `run(name, lr, seed)` trains once and returns the final loss; NaN if it exploded. Return a dictionary: for each name
# the pair of the best learning rate and its score. The rules:
#
# * each name gets each learning rate with the seeds 0 to 4, and no run is made twice;
# * the best rate has the lowest *median* of these five final losses; NaN counts as infinite;
# * the score is the median over five *new* seeds, 5 to 9, with the best rate alone. If you report the five that you
#   chose by, you report your luck, too.

# %% exercise 19.3


def fair_race(run, names, lrs):
    """Return {name: (best lr, median final loss on new seeds)}."""
    # BEGIN SOLUTION
    def median(name, lr, seeds):
        losses = np.array([run(name, lr, seed) for seed in seeds])
        return np.median(np.where(np.isnan(losses), np.inf, losses))

    result = {}
    for name in names:
        best = lrs[np.argmin([median(name, lr, range(5)) for lr in lrs])]
        result[name] = best, median(name, best, range(5, 10))
    return result
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * K. Liang, L. Chen, B. Liu, Q. Liu, "Cautious optimizers: improving training with one line of code", 2024.
# * M. Pagliardini, P. Ablin, D. Grangier, "The AdEMAMix optimizer: better, faster, older", 2024.
# * J. Sohl-Dickstein, "The boundary of neural network trainability is fractal", 2024.
# * F. Schneider, L. Balles, P. Hennig, "DeepOBS: a deep learning optimizer benchmark suite", 2019.
# * `optim.explain(optimizer)` shows a step of your own optimizer line by line, with its numbers, and
#   `optim.worksheet(optimizer)` turns it into an exercise for paper.
# * Lesson 20: the bug museum.
