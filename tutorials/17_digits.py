# %% [markdown]
# # 2. A network learns to read digits
#
# 1,797 handwritten digits, 8 by 8 pixels each. We show a small network four fifths of them, again
# and again, until it reads them; then we test it on the rest, which it has never seen.
#
# The training loop is written out by hand, since it is the lesson: **clear the gradients, go forward,
# measure the loss, go backward, take a step**. Everything that is ever trained with gradients is trained by
# these five lines.

# %%
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import minigrad
import optim
from minigrad import nn
from optim import viz

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#767676"  # told apart by colour-blind readers too

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
# ## The data
#
# An image is 64 numbers between 0 (paper) and 1 (ink); a label says which digit it is.

# %%
with np.load(here / "data" / "digits.npz") as digits:
    images = (digits["images"].reshape(-1, 64) / 16).astype(np.float32)
    labels = digits["labels"].astype(int)

print(images.shape, images.dtype, "- and the first labels:", labels[:10])

# %% [markdown]
# What the network is tested on must not be what it learned from, or learning by heart would pass for
# reading. So a fifth of the digits, drawn at random, is held out.

# %%
rng = np.random.default_rng(0)
order = rng.permutation(len(images))
held_out = len(images) // 5
test, train = order[:held_out], order[held_out:]

print(len(train), "digits to learn from,", len(test), "to be tested on")

# %% [markdown]
# ## The network
#
# Three affine maps with a kink after each but the last. What comes out is ten numbers, one a digit: the
# larger a number, the surer the network. The weights start as small random numbers, and the seed makes them
# the same in every run.

# %%
model = nn.Sequential(
    nn.Linear(64, 128, generator=rng),
    nn.ReLU(),
    nn.Linear(128, 64, generator=rng),
    nn.ReLU(),
    nn.Linear(64, 10, generator=rng),
)
print(model)
print(sum(parameter.size for parameter in model.parameters()), "numbers to be learned")

# %% [markdown]
# ## The loss
#
# The softmax turns the ten outputs $z$ into probabilities, and the **cross-entropy** is how surprised the
# network is by the true label $y$:
#
# $$ \ell(z, y) = -\log \frac{e^{z_y}}{\sum_k e^{z_k}} $$
#
# Nothing has been learned yet, so all digits should be about equally likely, and the surprise about $\log
# 10 = 2.30$. It is worth a look: a loss that starts elsewhere often tells of a mistake.

# %%
loss = nn.cross_entropy(model(images[train]), labels[train])
print(f"loss before training: {loss.item():.2f}")

# %% [markdown]
# ## One step by hand
#
# `backward` walks back from the loss and leaves in every parameter's `.grad` the direction in which the
# loss grows fastest. An optimizer then moves every parameter a little the other way. Adam does so with
# steps of about `lr`, whatever the size of the gradient.

# %%
optimizer = optim.Adam(model.parameters(), lr=2e-3)

loss.backward()
bias = model[4].bias
print(f"the bias of output 0: {bias.data[0]:.4f}, its gradient: {bias.grad[0]:.4f}")
optimizer.step()
print(f"after a step:         {bias.data[0]:.4f}")

# %% [markdown]
# ## How well does it do?
#
# Two numbers: the mean loss, which training lowers, and the accuracy, which we care about. Neither is
# differentiated, and `no_grad` spares the work of recording.


# %%
def evaluate(which):
    """Return the mean loss and the accuracy on the digits with these numbers."""
    with minigrad.no_grad():
        outputs = model(images[which])
        loss = nn.cross_entropy(outputs, labels[which])
    return loss.item(), np.mean(np.argmax(outputs, axis=1) == labels[which])


# %% [markdown]
# ## The training loop
#
# An *epoch* shows every training digit once, in a new order, 32 at a time: a few digits give a rough
# gradient, and a rough gradient now is worth more than an exact one later.
#
# One trick: every time a digit is shown, a little random grey is laid over it. The network never sees the
# same image twice, so it cannot learn images by heart and has to learn digits.

# %%
epochs, batch_size, noise = 60, 32, 0.2
history = {"train": [evaluate(train)], "test": [evaluate(test)]}

for epoch in range(epochs):
    order = rng.permutation(train)
    for start in range(0, len(order), batch_size):
        batch = order[start:start + batch_size]
        x = images[batch] + noise * rng.standard_normal((len(batch), 64), dtype=np.float32)

        optimizer.zero_grad()                               # forget the last gradients
        outputs = model(x)                                  # forward
        loss = nn.cross_entropy(outputs, labels[batch])     # how wrong?
        loss.backward()                                     # backward
        optimizer.step()                                    # a step downhill

    history["train"].append(evaluate(train))
    history["test"].append(evaluate(test))
    if (epoch + 1) % 10 == 0:
        print(f"epoch {epoch + 1:2d}: test loss {history['test'][-1][0]:.3f}, accuracy {history['test'][-1][1]:.1%}")

# %% [markdown]
# ## The curves
#
# On the digits that it trains on, the loss falls and falls. On those held out it soon stops falling: from
# there on, the network only grows surer of what it knows. The gap between the two curves is the price of
# having few data.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for name in ("train", "test"):
        losses, accuracies = np.transpose(history[name])
        left.semilogy(losses, label=f"{name} digits", markevery=10)
        right.plot(100 * accuracies, markevery=10)
    left.set(title="Loss", xlabel="epoch", ylabel="mean cross-entropy")
    left.yaxis.set_major_formatter("{x:g}")
    right.set(title="Accuracy, from 88 % up", xlabel="epoch", ylabel="digits read right, %", ylim=(88, 100.2))
    left.legend()
finish(figure, "02_digits_curves.png")

# %% [markdown]
# ## A page of digits
#
# The 40 test digits that the network finds hardest, hardest first: those whose true label it gives the
# lowest probability. Would you have read them?

# %%
with minigrad.no_grad():
    outputs = model(images[test]).data
probabilities = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
predictions = np.argmax(outputs, axis=1)
sureness = probabilities[np.arange(len(test)), labels[test]]

figure, axes = plt.subplots(4, 10, figsize=(10, 5), layout="constrained")
for ax, i in zip(axes.flat, np.argsort(sureness)):
    right_answer = predictions[i] == labels[test][i]
    ax.imshow(images[test][i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set(color=GREY if right_answer else VERMILLION, linewidth=0.8 if right_answer else 3)
    ax.set_title(f"{predictions[i]}" if right_answer else f"{predictions[i]}, is {labels[test][i]}",
                 color=BLUE if right_answer else VERMILLION, fontweight="normal" if right_answer else "bold")
mistakes = np.count_nonzero(predictions != labels[test])
figure.suptitle(f"What the network reads: {mistakes} of {len(test)} wrong (framed), and the hardest of the others")
finish(figure, "02_digits_page.png")

# %%
test_loss, accuracy = history["test"][-1]
print(f"test accuracy: {accuracy:.1%} of {len(test)} digits")

# %% [markdown]
# ## Try it
#
# * Leave the noise away (`noise = 0`). The training loss falls faster and lower. Does the network read
#   better?
# * Replace `optim.Adam(..., lr=2e-3)` by `optim.SGD(..., lr=0.1, momentum=0.9)`. Which learning rate is too
#   much?
# * Comment out `optimizer.zero_grad()`. Gradients add up from step to step: what does that do to the
#   curves?
# * Take the two `nn.ReLU()` out. Three affine maps in a row are one affine map: how far does that get?
