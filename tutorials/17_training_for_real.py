# %% [markdown]
# # 17. Training for real
#
# **What you will see.** 1,797 handwritten digits, and two networks that learn to read them; the better one reads
# about 98.5 % of the digits it has never seen. Then the questions of everyday work. Which optimizer is best? (It
# depends on how often you may try.) Where did the training go? (Two directions out of 9,000 hold nearly the whole
# path.) And is a minimum flat or sharp?

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
from minigrad import nn
from optim import viz

# %% [markdown]
# ## The data, in three parts
#
# An image is 8 x 8 numbers between 0 (paper) and 1 (ink). We learn from one part. We choose (learning rates,
# networks, when to stop) by a second one, the *validation* part. The third is for the *test*, once, at the end. If you
# choose by the test digits, you have learned from them, too.

# %%
with np.load(tutorials.DATA / "digits.npz") as digits:
    images = (digits["images"][:, np.newaxis] / 16).astype(np.float32)
    labels = digits["labels"].astype(int)


def parts(seed):
    """Return images and labels to learn from, to choose by, and to test with."""
    rng = np.random.default_rng(seed)
    x, x_test, y, y_test = nn.train_test_split(images, labels, test_size=360, generator=rng)
    x, x_choose, y, y_choose = nn.train_test_split(x, y, test_size=300, generator=rng)
    return (x, y), (x_choose, y_choose), (x_test, y_test)


learn, choose, test = parts(seed=0)
print([len(y) for _, y in (learn, choose, test)], "digits; an image has the shape", images[0].shape)

# %% [markdown]
# ## Five lines
#
# Everything that is ever trained with gradients is trained by these: **clear the gradients, go forward, measure
# the loss, go backward, take a step**. The loss is the cross-entropy: how surprised the network is by the label.
#
# Each time an image is shown, a little random grey is laid over it. So the network never sees the same image
# twice, and cannot learn images by heart.


# %%
def train(model, optimizer, data, epochs, rng, noise=0.0, schedule=None):
    """Train a model; return the mean loss of each epoch."""
    model.train()
    history = []
    for _ in range(epochs):
        losses = []
        for x, y in nn.minibatches(*data, size=64, generator=rng):
            x = x + noise * rng.standard_normal(x.shape, dtype=np.float32)
            optimizer.zero_grad()                # forget the last gradients
            outputs = model(x)                   # forward
            loss = nn.cross_entropy(outputs, y)  # how wrong?
            loss.backward()                      # backward
            optimizer.step()                     # a step downhill
            losses.append(loss.item())
            if schedule:
                schedule.step()
        history.append(np.mean(losses))
    return history


def evaluate(model, data):
    """Return the mean loss, and how many digits are read wrong."""
    x, y = data
    model.eval()
    with minigrad.no_grad():
        outputs = model(x)
        return nn.cross_entropy(outputs, y).item(), np.sum(np.argmax(outputs, axis=1) != y)


# %% [markdown]
# ## Two networks
#
# The first is a *multilayer perceptron* (MLP). To it an image is 64 numbers in a row; it doesn't know which
# pixels are neighbours. The second is *convolutional*: it slides filters of 3 x 3 pixels over the image, so
# that a stroke means the same wherever it is.


# %%
def mlp(rng):
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 64, generator=rng), nn.ReLU(),
        nn.Linear(64, 64, generator=rng), nn.ReLU(),
        nn.Linear(64, 10, generator=rng),
    )


def convolutional(rng):
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, generator=rng), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, generator=rng), nn.BatchNorm2d(32), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10, generator=rng),
    )


print(convolutional(np.random.default_rng(0)))

# %% [markdown]
# A test on 360 digits is itself a matter of luck: with another split, three more or three fewer are read wrong. So we
# split three times.

# %%
wrong, trained = {"MLP": [], "convolutional": []}, {}
for seed in range(3):
    learn, choose, test = parts(seed)
    both = tuple(np.concatenate(pair) for pair in zip(learn, choose))  # nothing is left to be chosen: learn from both
    for name, build, epochs in ("MLP", mlp, 30), ("convolutional", convolutional, 14):
        rng = np.random.default_rng(seed)
        model = build(rng)
        optimizer = optim.AdamW(model.parameters(), lr=5e-3)
        schedule = optim.schedule.CosineAnnealingLR(optimizer, epochs * 23)  # 23 batches an epoch
        train(model, optimizer, both, epochs, rng, noise=0.2, schedule=schedule)
        wrong[name].append(evaluate(model, test)[1])
        trained[name] = model
for name, model in trained.items():
    accuracy = 1 - np.mean(wrong[name]) / 360
    print(f"{name:13s} {sum(p.size for p in model.parameters()):5d} numbers, wrong: {[int(n) for n in wrong[name]]}, "
          f"accuracy {accuracy:.2%}")

# %% [markdown]
# ## The hardest digits
#
# These are the test digits to which the convolutional network gave the lowest probability of their true label.
# Would you have read them?

# %%
x_test, y_test = test
with minigrad.no_grad():
    p = nn.functional.softmax(trained["convolutional"](x_test)).data
sureness = p[np.arange(360), y_test]
with viz.style():
    figure, axes = plt.subplots(3, 8, figsize=(9, 4.6))
    for ax, i in zip(axes.flat, np.argsort(sureness)):
        is_right = p[i].argmax() == y_test[i]
        ax.imshow(x_test[i, 0], cmap="gray_r")
        ax.set_axis_off()
        ax.set_title(f"{y_test[i]}" if is_right else f"{p[i].argmax()}, is {y_test[i]}", fontsize=11,
                     color="#404040" if is_right else "#D55E00", fontweight="normal" if is_right else "bold")
    figure.suptitle("The hardest of 360 test digits; in bold, those read wrong")
tutorials.picture(figure, "17_hardest_digits")

# %% [markdown]
# ## A fair race has a budget
#
# "Adam is better than SGD", papers say, and others say the opposite. Both have tuned, but how long? Here three
# optimizers get the same 19 learning rates, from 0.0001 to 3, for five epochs each, judged by the validation
# digits.

# %%
learn, choose, test = parts(seed=0)
lrs = np.geomspace(1e-4, 3, 19)
racers = {
    "SGD": lambda params, lr: optim.SGD(params, lr=lr),
    "SGD with momentum": lambda params, lr: optim.SGD(params, lr=lr, momentum=0.9),
    "Adam": lambda params, lr: optim.Adam(params, lr=lr),
}
nothing_learned = np.log(10)
found = {name: [] for name in racers}
for name, make in racers.items():
    for lr in lrs:
        rng = np.random.default_rng(0)
        model = mlp(rng)
        with np.errstate(all="ignore"):
            train(model, make(model.parameters(), lr), learn, 5, rng)
            loss = evaluate(model, choose)[0]
        found[name].append(min(loss, nothing_learned) if np.isfinite(loss) else nothing_learned)
    best = np.argmin(found[name])
    print(f"{name:18s} best loss {found[name][best]:.3f} at lr {lrs[best]:.2g}; "
          f"{np.sum(np.array(found[name]) < 0.3):2d} of 19 learning rates come below 0.3")

# %% [markdown]
# Suppose you may try $k$ learning rates, and have no idea: draw them at random, and keep the best. What do you get on
# average? This is the **budget curve**.

# %%
budgets = np.arange(1, 16)
rng = np.random.default_rng(0)
draws = np.array([rng.permutation(19) for _ in range(4000)])
curves = {}
for name, losses in found.items():
    curves[name] = np.array([np.array(losses)[draws[:, :k]].min(axis=1).mean() for k in budgets])
    print(f"{name:18s} with 1 try {curves[name][0]:.2f}, with 4 {curves[name][3]:.2f}, with 15 {curves[name][14]:.2f}")

# %% [markdown]
# With few tries Adam wins clearly, because more learning rates work for it. With many, momentum comes near. "Who is
# best?" has no answer without "after how many tries?".
#
# ## Where did it go?
#
# A training walks through 9,000 dimensions. We keep the weights after each epoch, find the two directions in which
# they have moved most (*principal components*), and draw path and loss on that plane.

# %%
rng = np.random.default_rng(0)
model = mlp(rng)
params = list(model.parameters())
optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
snapshots = [viz.weights(params)]
for _ in range(20):
    train(model, optimizer, learn, 1, rng)
    snapshots.append(viz.weights(params))
size = snapshots[0].size

# %% [markdown]
# ## Flat or sharp
#
# A minimum is *sharp* if a small step away from it costs much. SAM (Foret et al., 2021) looks for flat ones: it
# takes the gradient not where it is, but at the worst point nearby. We train with and without it, and then take
# a step of length 0.5 straight up the gradient.


# %%
def rise(model, data, distance=0.5):
    """Return how much the loss rises over a step of this length along the gradient."""
    params = list(model.parameters())
    model.zero_grad()
    here = nn.cross_entropy(model(data[0]), data[1])
    here.backward()
    length = np.sqrt(sum(np.sum(p.grad**2) for p in params))
    for p in params:
        p.data += distance * p.grad / length
    there = evaluate(model, data)[0]
    for p in params:
        p.data -= distance * p.grad / length
    return there - here.item()


rises = {"SGD": [], "SAM": []}
for seed in range(3):
    for name, found_rises in rises.items():
        rng = np.random.default_rng(seed)
        model_of_both = mlp(rng)
        optimizer = optim.SGD(model_of_both.parameters(), lr=0.1, momentum=0.9)
        if name == "SAM":
            optimizer = optim.SAM(optimizer, rho=0.1)
        for _ in range(20):
            for x, y in nn.minibatches(*learn, size=64, generator=rng):

                def closure(x=x, y=y, model=model_of_both):
                    model.zero_grad()
                    loss = nn.cross_entropy(model(x), y)
                    loss.backward()
                    return loss

                optimizer.step(closure)
        found_rises.append(rise(model_of_both, learn))
    print(f"start {seed}: the loss rises by {rises['SGD'][-1]:.2f} without SAM, by {rises['SAM'][-1]:.2f} with it")

# %% [markdown]
# ## The picture
#
# Left: who wins depends on the budget. Right: the path of the training, on the plane that holds most of it.

# %%
looks = {"SGD": ("#767676", ":"), "SGD with momentum": ("#D55E00", "--"), "Adam": ("#0072B2", "-")}
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6))
    for name, curve in curves.items():
        colour, line = looks[name]
        left.semilogy(budgets, curve, color=colour, linestyle=line, marker="o", markersize=4, label=name)
    left.set(title="The best of k learning rates, on average", xlabel="tries k", ylabel="validation loss",
             xticks=range(1, 16, 2))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("{x:g}")
    left.legend()


def full_loss():
    with minigrad.no_grad():
        return nn.cross_entropy(model(learn[0]), learn[1]).item()


drawing = viz.pca_path(params, snapshots, right, loss=full_loss, resolution=25)
shares = drawing.artists["shares"]
print(f"{shares.sum():.1%} of the squared distance lies in a plane, out of {size} dimensions")
tutorials.picture(figure, "17_training_for_real")

assert 1 - np.mean(wrong["convolutional"]) / 360 > 0.98
assert sum(wrong["convolutional"]) < sum(wrong["MLP"])
assert curves["Adam"][3] < 0.7 * curves["SGD with momentum"][3] < curves["SGD"][3]
assert curves["Adam"][14] > 0.4 * curves["SGD with momentum"][14]
assert shares.sum() > 0.85
assert all(with_sam < without / 2 for with_sam, without in zip(rises["SAM"], rises["SGD"]))

# %% [markdown]
# **The claim, checked.** The convolutional network reads more than 98 % of 1,080 test digits, and more than the MLP.
# With four tries Adam's loss is less than 70 % of that of SGD with momentum. Two directions hold more than 85 % of the
# squared distance. And with SAM the loss rises less than half as much, for three starts.

# %% [markdown]
# ## Exercise 17.1: The loop
#
# Write one epoch. `batches` yields pairs of inputs and labels. Return the mean loss *over all samples*; the last batch
# may be smaller than the others and must count for less.

# %% exercise 17.1


def one_epoch(model, optimizer, batches):
    """Train on each batch once; return the mean loss over all samples, a float."""
    # BEGIN SOLUTION
    total = samples = 0
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        samples += len(y)
    return total / samples
    # END SOLUTION


# %% [markdown]
# ## Exercise 17.2: The split
#
# With few data, a random test part may hold hardly any sevens. A *stratified* split takes the same share of each
# class. Return two arrays of indices, to learn from and to test with: of each class, `round(share * number)` go into
# the test part, chosen at random by `rng`.

# %% exercise 17.2


def stratified_split(labels, share, rng):
    """Return the indices to learn from, and those to test with."""
    # BEGIN SOLUTION
    learn, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(members))
        test.append(members[:count])
        learn.append(members[count:])
    return np.concatenate(learn), np.concatenate(test)
    # END SOLUTION


# %% [markdown]
# ## Exercise 17.3: A budget curve
#
# `losses` are the final losses with n learning rates. Return an array of n numbers: entry $k - 1$ is the expected
# value of the lowest loss of $k$ *different* ones, when all choices of $k$ out of n are equally likely. Do it exactly,
# without drawing: if the losses are sorted, in what share of all choices is the i-th the lowest? A run that exploded
# has the loss NaN, and counts as `worst`. The check compares with all choices for a few losses, and asks for a hundred
# losses, too: there are too many choices to try them all.

# %% exercise 17.3


def budget_curve(losses, worst):
    """Return the expected lowest loss of 1, 2, ..., n different runs, an array of shape (n,)."""
    # BEGIN SOLUTION
    n = len(losses)
    ordered = np.sort(np.where(np.isnan(losses), worst, losses))
    curve = []
    for k in range(1, n + 1):
        # The i-th is the lowest if it is chosen and the other k - 1 come from the n - 1 - i above it.
        share, expected = k / n, 0.0
        for i in range(n - k + 1):
            expected += share * ordered[i]
            share *= (n - k - i) / max(n - 1 - i, 1)
        curve.append(expected)
    return np.array(curve)
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * J. Dodge et al., "Show your work: improved reporting of experimental results", 2019: the budget curve.
# * R. Schmidt, F. Schneider, P. Hennig, "Descending through a crowded valley", 2021: fifteen optimizers, tuned fairly.
# * H. Li et al., "Visualizing the loss landscape of neural nets", 2018: paths in PCA coordinates, and landscapes. See
#   `viz.landscape`.
# * P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization", 2021.
# * E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", 1998: the data.
# * Lesson 18: the same loop, and a network that writes.
