# %% [markdown]
# # 21. The derivative written out
#
# **What you will see.** Automatic differentiation leaves no code behind: a tape is recorded, walked back, and thrown
# away. What would you have written by hand? Here you first write it, and then let the computer write it: the NumPy
# calls that a run makes, one below the other, are a program. It reads like yours, gives the same numbers, needs no
# tape, and is many times as fast as the tape on small problems.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import timeit

import matplotlib.pyplot as plt
import numpy as np

import minigrad
import tutorials
from minigrad.programs import javascript
from optim import viz

# %% [markdown]
# ## By hand
#
# Rosenbrock's function is $f(x, y) = a^2 + 100\, b^2$ with $a = 1 - x$ and $b = y - x^2$. The chain rule gives
#
# $$ \frac{\partial f}{\partial x} = -2a - 400\, b\, x, \qquad \frac{\partial f}{\partial y} = 200\, b . $$


# %%
def rosenbrock(p):
    x, y = p
    a = 1 - x
    b = y - x**2
    return a**2 + 100 * b**2


def by_hand(p):
    x, y = p
    a = 1 - x
    b = y - x * x
    return a * a + 100 * (b * b), np.array([-400 * b * x - 2 * a, 200 * b])


p = np.array([-1.5, 2.0])
print("by hand:    ", *by_hand(p))
print("on the tape:", *minigrad.value_and_grad(rosenbrock)(p))

# %% [markdown]
# ## By the program
#
# `minigrad.program` runs the function on arrays that write down every NumPy call made with them. It knows nothing
# of derivatives. But minigrad's rules are NumPy too, so the walk back is written down as well.

# %%
written = minigrad.program(minigrad.value_and_grad(rosenbrock), p)
print(written)
print("the program:", *written(p))

# %% [markdown]
# The names and the comments are yours: they come from the lines of `rosenbrock`. This is not what was recorded,
# though. The recording has a line for each call, and much in it is idle: copies, sums with zero, products with one.

# %%
recorded = minigrad.program(minigrad.value_and_grad(rosenbrock), p, simplify=False)
print(recorded)

# %% [markdown]
# Each simplification is one that you would make, such as "$x \cdot 1$ is $x$" or "what was computed before is not
# computed again". None of them changes a bit of the result. So $3 \cdot (7x)$ stays as it is: $21x$ is rounded once
# instead of twice.
#
# ## A network, and a training step
#
# The same works for anything made of NumPy calls. Read the second half of this program from its end to its
# beginning, beside the lines of the function.


# %%
def network(W1, b1, W2, b2, x, y):
    h = np.tanh(x @ W1 + b1)
    error = h @ W2 + b2 - y
    return np.mean(error**2)


rng = np.random.default_rng(0)
parameters = [rng.normal(size=(2, 16)), np.zeros(16), rng.normal(size=(16, 1)) / 4, np.zeros(1)]
x, y = rng.normal(size=(32, 2)), rng.normal(size=(32, 1))
by_all = minigrad.value_and_grad(network, argnums=(0, 1, 2, 3))
print(minigrad.program(by_all, *parameters, x, y))


# %% [markdown]
# An update is NumPy as well. Everything that changes from step to step has to be an argument, the number of the
# step $t$ too: what is not an argument is frozen.


# %%
def step(theta, m, v, t, x, y):
    loss, grad = minigrad.value_and_grad(lambda theta: np.mean((x @ theta - y)**2))(theta)
    m += 0.1 * (grad - m)
    v += 0.01 * (grad**2 - v)
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.99**t)
    theta -= 0.1 * m_hat / (np.sqrt(v_hat) + 1e-8)
    return loss


theta, m, v = np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((2, 1))
training = minigrad.program(step, theta, m, v, 1, x, y)
print(training)
for t in range(1, 4):
    print(f"step {t}: loss {training(theta, m, v, t, x, y):.6f}")

# %% [markdown]
# ## What is not a straight line
#
# A program is a list of calls. It cannot branch. If your function does, and the branch depends on a number of the
# run, the program would be wrong for other numbers. So it is refused, and the message names your line:


# %%
def folded(p):
    if p[0] > 0:
        return p[0] + p[1]
    return p[1] - p[0]


try:
    minigrad.program(folded, p)
except TypeError as error:
    print(error)

# %% [markdown]
# Random numbers, the clock, and numbers that leave NumPy (`float(x)`) are refused too. To find them, the function
# runs several times, with the same numbers and with others, and the recordings are compared.
#
# ## The same calls in another language
#
# A list of calls can be printed in any language. This is how a web page runs the rules of this library: not a copy
# of them, but what they did.

# %%
print(javascript(minigrad.value_and_grad(rosenbrock), p))

# %% [markdown]
# ## The picture
#
# How many calls were recorded, and how many are left? And how long does a value with its gradient take on the tape,
# as a program, and by hand?


# %%
def logistic(w, x, y):
    return np.mean(np.log(1 + np.exp(-y * (x @ w))))


CASES = {"Rosenbrock": (minigrad.value_and_grad(rosenbrock), p),
         "logistic regression": (minigrad.value_and_grad(logistic), np.ones(2), x, np.sign(y[:, 0])),
         "network": (by_all, *parameters, x, y)}


def lines_of(program):
    """Return how many lines of a program are not comments."""
    return sum(1 for line in program.text.splitlines()[1:] if not line.strip().startswith("#"))


def microseconds(function, *args):
    """Return how long a call takes, the best of several rounds."""
    return min(timeit.repeat(lambda: function(*args), number=100, repeat=7)) * 1e4


counts, times = {}, {}
for name, (function, *args) in CASES.items():
    program = minigrad.program(function, *args)
    counts[name] = lines_of(minigrad.program(function, *args, simplify=False)), lines_of(program)
    times[name] = microseconds(function, *args), microseconds(program, *args)
    print(f"{name:20s} {counts[name][0]:3d} lines recorded, {counts[name][1]:2d} left; "
          f"{times[name][0]:6.1f} us on the tape, {times[name][1]:5.1f} us written out")
hand = microseconds(by_hand, p)

with viz.style():
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
    rows = np.arange(len(CASES))
    for ax, pairs, labels in ((axes[0], counts, ("recorded", "simplified")), (axes[1], times, ("tape", "program"))):
        for k, (label, marker) in enumerate(zip(labels, "os")):
            ax.plot([pair[k] for pair in pairs.values()], rows, marker, label=label)
        for row, (before, after) in enumerate(pairs.values()):
            ax.annotate("", (after, row), (before, row), arrowprops={"arrowstyle": "->", "color": "0.5", "shrinkA": 6,
                                                                     "shrinkB": 6})
        ax.legend(loc="upper right")
        ax.margins(0.12)
        ax.set_ylim(-0.5, 3)
    axes[1].plot(hand, 0, "D", color="0.3", markersize=4)
    axes[1].annotate("by hand", (hand, 0), (0, -14), textcoords="offset points", ha="center", fontsize=8)
    axes[0].set(yticks=rows, yticklabels=list(CASES), xlabel="lines", title="What is left of the recording")
    axes[1].set(xscale="log", xlabel="µs for a value and its gradient", title="What it costs")
tutorials.picture(figure, "21_the_derivative_written_out")

# %% [markdown]
# **The claim, checked.** At most two thirds of the recorded lines are left. The programs give the numbers of the
# tape, to the last bit, and take less than two thirds of its time; on Rosenbrock's function, less than a fifth.

# %%
for name, (function, *args) in CASES.items():
    assert counts[name][1] <= counts[name][0] * 2 / 3
    assert minigrad.program(function, *args).check() == 0
    assert times[name][1] < times[name][0] * 2 / 3
assert times["Rosenbrock"][1] < times["Rosenbrock"][0] / 5

# %% [markdown]
# ## Exercise 21.1: A network's gradients by hand
#
# Write the program of `network` yourself: the loss, and its gradients by `W1`, `b1`, `W2` and `b2`, in this order.
# The biases are added to every row, so their gradients are sums over the rows.

# %% exercise 21.1


def network_gradients(W1, b1, W2, b2, x, y):
    """Return the loss of the network, and its gradients by W1, b1, W2 and b2."""
    # BEGIN SOLUTION
    h = np.tanh(x @ W1 + b1)
    error = h @ W2 + b2 - y
    derror = 2 * error / error.size
    dz = derror @ W2.T * (1 - h * h)
    return np.mean(error * error), x.T @ dz, dz.sum(axis=0), h.T @ derror, derror.sum(axis=0)
    # END SOLUTION


# %% [markdown]
# ## Exercise 21.2: Nothing is computed twice
#
# A program is a list of statements, each a tuple of a name, an operation, and the names of its arguments: $u = x \cdot
# y$ is `("u", "*", "x", "y")`. Every name is assigned once. Return the list without the statements that compute again
# what an earlier one has computed; later statements read the earlier one's name instead. Do not reorder arguments:
# two calls are the same only if their arguments are, in order.

# %% exercise 21.2


def computed_once(statements):
    """Return the statements without those that repeat an earlier one."""
    # BEGIN SOLUTION
    first, stands_for, kept = {}, {}, []
    for name, operation, *arguments in statements:
        call = (operation, *[stands_for.get(argument, argument) for argument in arguments])
        if call in first:
            stands_for[name] = first[call]
        else:
            first[call] = name
            kept.append((name, *call))
    return kept
    # END SOLUTION


# %% [markdown]
# ## Exercise 21.3: A branch that is no branch
#
# Huber's loss is $x^2 / 2$ where $|x| \le 1$, and $|x| - 1/2$ elsewhere. Write the sum of it over an array as a
# function that `minigrad.program` takes, and that is right wherever the numbers lie. The check writes out your
# function's gradient near 0, and runs that program far from 0 too.

# %% exercise 21.3


def huber(x):
    """Return the sum of Huber's loss over an array."""
    # BEGIN SOLUTION
    size = np.abs(x)
    return np.sum(np.where(size <= 1, x**2 / 2, size - 1 / 2))
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * `minigrad/programs/recording.py`: how NumPy is watched.
# * A. Wiltschko, B. van Merriënboer and D. Moldovan, "Tangent: automatic differentiation using source code
#   transformation in Python" (2017): derivatives as Python source, by reading source instead of watching calls.
# * J. Reed et al., "torch.fx: practical program capture and transformation for deep learning in Python" (2022).
