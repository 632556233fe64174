# %% [markdown]
# # 16. Geometry: Shampoo, SOAP, Muon
#
# **What you will see.** A weight matrix is not a long list of numbers: it turns and stretches its input. The
# gradient of such a matrix is lopsided. On the digits it pushes along one direction hundreds of times as hard as
# along another. Three optimizers of recent years look at the matrix as a matrix, and push along all directions nearly
# alike. On a problem that is lopsided in the same way, they end fifty times as low as Adam.

# %% setup
import sys
from pathlib import Path

sys.path.append(str(Path(globals().get("__file__", "here")).resolve().parents[1]))  # where the folder "tutorials" is

# %%
import matplotlib.pyplot as plt
import numpy as np

import optim
import tutorials
from minigrad import nn
from optim import viz

# %% [markdown]
# ## The gradient of a layer
#
# A small network reads 256 digits. We look at the gradient of its first layer, a matrix of 16 x 64. Its
# **singular values** say how hard it pushes along each of its 16 own directions: $G = U S V^T$.

# %%
with np.load(tutorials.DATA / "digits.npz") as digits:
    images, labels = digits["images"].reshape(-1, 64) / 16, digits["labels"].astype(int)


def gradient_of_first_layer(seed):
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(64, 16, generator=rng), nn.Tanh(), nn.Linear(16, 10, generator=rng))
    some = rng.choice(len(images), 256, replace=False)
    nn.cross_entropy(model(images[some]), labels[some]).backward()
    return model[0].weight.grad.astype(float)


def singular_values(matrix):
    return np.linalg.svd(matrix, compute_uv=False)


G = gradient_of_first_layer(seed=0)
print(singular_values(G).round(4))

# %% [markdown]
# The first is hundreds of times the last. Gradient descent learns along the first direction and, for a long
# time, along hardly any other.
#
# ## Steepest descent, but by which ruler?
#
# "The gradient is the direction of steepest descent." This holds only if steps are measured in the usual way. Ask:
# of all steps $D$ with $\|D\| = 1$, which one lowers the loss most, to first order? The answer depends on the norm:
#
# | norm of a step | the steepest step | the optimizer |
# | --- | --- | --- |
# | Frobenius: root of the sum of squares | $G / \|G\|_F$ | gradient descent, normalized |
# | largest entry | $\mathrm{sign}(G)$ | sign descent, and Adam nearly |
# | spectral: largest singular value | $U V^T$ | Muon, Shampoo nearly |
#
# The third ruler suits a layer: the spectral norm is the most by which the step can change an output, for inputs of
# length 1.

# %%
U, S, Vt = np.linalg.svd(G, full_matrices=False)
steepest = {"Frobenius": G / np.linalg.norm(G), "largest entry": np.sign(G), "spectral": U @ Vt}
rulers = {"Frobenius": np.linalg.norm, "largest entry": lambda D: np.abs(D).max(),
          "spectral": lambda D: singular_values(D)[0]}
print("how much a step of length 1 by the ruler (row) lowers the loss, if it points along the steepest step (column):")
for ruler, norm in rulers.items():
    gains = {name: np.sum(G * D) / norm(D) for name, D in steepest.items()}
    print(f"{ruler:14s}", "  ".join(f"{name}: {gain:.3f}" for name, gain in gains.items()))
    assert max(gains, key=gains.get) == ruler

# %% [markdown]
# In each row the largest number is on the diagonal: every step is the steepest, by its own ruler.
#
# ## How to make $U V^T$
#
# A singular value decomposition takes long. **Muon** (Jordan et al., 2024) needs products alone. A polynomial with
# odd powers, $p(X) = a X + b X X^T X + c (X X^T)^2 X$, leaves $U$ and $V$ alone and acts on each singular value:
# $\sigma \to a \sigma + b \sigma^3 + c \sigma^5$. Choose one that moves all numbers between 0 and 1 towards 1, and
# repeat it. This is **Newton-Schulz** iteration.

# %%
X = G / np.linalg.norm(G)
for i in range(6):
    print(f"after {i} steps: singular values from {singular_values(X)[-1]:.4f} to {singular_values(X)[0]:.4f}")
    A = X @ X.T
    X = 3.4445 * X + (-4.775 * A + 2.0315 * A @ A) @ X

# %% [markdown]
# Muon's three numbers are not made for convergence, but for speed: small values grow by 3.4 at each step, and in the
# end all lie *around* 1. That is good enough.
#
# **Shampoo** (Gupta, Koren, Singer, 2018) comes from Adagrad (lesson 10). It collects $L = \sum G G^T$ for the rows
# and $R = \sum G^T G$ for the columns, and steps along $L^{-1/4} G R^{-1/4}$. For a single gradient this is $U V^T$:
# $(U S^2 U^T)^{-1/4} \, U S V^T (V S^2 V^T)^{-1/4}$. **SOAP** (Vyas et al., 2024) takes only the *axes* from
# Shampoo, the eigenvectors of $L$ and $R$, and runs Adam in them. Lesson 10 showed what rotation does to Adam; SOAP
# rotates it back.


# %%
def first_step(optimizer_class, gradient, **settings):
    p = optim.Parameter(np.zeros(gradient.shape))
    p.grad = gradient.copy()
    optimizer_class([p], lr=1.0, **settings).step()
    return -p.data


methods = {"gradient descent": (optim.SGD, {}), "Adam": (optim.Adam, {}),
           "Shampoo": (optim.Shampoo, {"eps": 1e-12}), "SOAP": (optim.SOAP, {"weight_decay": 0.0}),
           "Muon": (optim.Muon, {"weight_decay": 0.0})}
spectra = {name: singular_values(first_step(kind, G, **settings)) for name, (kind, settings) in methods.items()}
ratios = {name: [] for name in methods}
for seed in range(5):
    gradient = gradient_of_first_layer(seed)
    for name, (kind, settings) in methods.items():
        s = singular_values(first_step(kind, gradient, **settings))
        ratios[name].append(s[0] / s[-1])
for name, found in ratios.items():
    print(f"{name:16s} largest / smallest singular value of the step, five networks:", np.round(found, 1))

# %% [markdown]
# ## A race on a lopsided bowl
#
# Is it any use? Take $f(W) = \tfrac12 \| A (W - W^*) B \|^2$ with $W$ of 12 x 8. $A$ and $B$ stretch some directions
# 32 times as much as others, and these directions are not those of the coordinates. That is how the layers of
# networks are curved, roughly: by what comes in, and by what goes out. Each optimizer tries nine learning
# rates that fall to a hundredth over 300 steps, and the best one counts.


# %%
def bowl(seed, rows=12, columns=8):
    rng = np.random.default_rng(seed)
    Q, P = (np.linalg.qr(rng.normal(size=(n, n)))[0] for n in (rows, columns))
    A = Q * np.geomspace(1, 1 / 32, rows) @ Q.T
    B = P * np.geomspace(1, 1 / 32, columns) @ P.T
    return A, B, rng.normal(size=(rows, columns))


def run(optimizer_class, lr, problem, steps=300, **settings):
    A, B, target = problem
    p = optim.Parameter(np.zeros(target.shape))
    optimizer = optimizer_class([p], lr=lr, **settings)
    schedule = optim.schedule.LinearLR(optimizer, 1.0, 0.01, steps)
    losses = []
    for _ in range(steps):
        residual = A @ (p.data - target) @ B
        losses.append(np.sum(residual**2) / 2)
        p.grad = A.T @ residual @ B.T
        optimizer.step()
        schedule.step()
    return np.array(losses)


racers = {"gradient descent\nwith momentum": (optim.SGD, {"momentum": 0.9}), "Adam": (optim.Adam, {}),
          "Shampoo": (optim.Shampoo, {}), "SOAP": (optim.SOAP, {"weight_decay": 0.0}),
          "Muon": (optim.Muon, {"weight_decay": 0.0})}
lrs = 10.0 ** np.arange(-3, 1.1, 0.5)
best = {name: [] for name in racers}
for seed in range(3):
    problem = bowl(seed)
    for name, (kind, settings) in racers.items():
        with np.errstate(all="ignore"):
            tried = [run(kind, lr, problem, **settings) for lr in lrs]
        best[name].append(min(tried, key=lambda losses: np.nan_to_num(losses[-1], nan=np.inf)))
ends = {name: np.array([losses[-1] / losses[0] for losses in found]) for name, found in best.items()}
for name, found in ends.items():
    print(f"{name.split(chr(10))[0]:16s} final loss / first loss on three bowls:", ", ".join(f"{x:.1e}" for x in found))

# %% [markdown]
# Newer is not always better. These steps have the same size however small the gradient is, so the learning rate *must*
# fall. They cost more products. And on vectors (biases) and embeddings they have no matrix to look at: there one
# runs AdamW beside them.
#
# ## The picture
#
# Left: one step, on the digits. Gradient descent pushes along the last of the 16 directions 600 times less than along
# the first. Right: the race.

# %%
colours = dict(zip(methods, ["#767676", "#D55E00", "#0072B2", "#009E73", "#CC79A7"]))
dashes, marks = dict(zip(methods, [":", "--", "-", "-.", "-"])), dict(zip(methods, "osD^v"))
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.8))
    for name, s in spectra.items():
        left.semilogy(range(1, 17), s / s[0], color=colours[name], linestyle=dashes[name], marker=marks[name],
                      markersize=5, label=name)
    left.set(title="How hard one step pushes", xlabel="direction of the step, by singular value",
             ylabel="singular value / largest", xticks=range(1, 17, 3))
    left.legend(loc="lower left")
    for (name, found), method in zip(best.items(), methods):
        right.semilogy(found[0] / found[0][0], color=colours[method], linestyle=dashes[method], marker="")
        right.annotate(name, (305, found[0][-1] / found[0][0]), color=colours[method], va="center",
                       annotation_clip=False)
    right.set(title="A race on a lopsided bowl", xlabel="step", ylabel="loss / first loss", xlim=(0, 300))
tutorials.picture(figure, "16_geometry")

assert min(ratios["gradient descent"]) > 300
assert max(ratios["Muon"]) < 5 and max(ratios["Shampoo"]) < 1.1 and max(ratios["SOAP"]) < 1.1
for name in ("Shampoo", "SOAP", "Muon"):
    assert np.all(ends[name] < ends["Adam"] / 10)

# %% [markdown]
# **The claim, checked.** For five networks the gradient's singular values differ by a factor of more than 300; those
# of Muon's step by less than 5, of Shampoo's and SOAP's first step by less than 1.1. On three bowls these three end at
# less than a tenth of Adam's loss.

# %% [markdown]
# ## Exercise 16.1: Newton-Schulz
#
# Write it with the classical numbers, $X \leftarrow \tfrac{15}{8} X - \tfrac{10}{8} A X + \tfrac{3}{8} A^2 X$ with
# $A = X X^T$, which converge to $U V^T$ exactly. Begin with $G$ divided by its Frobenius norm.

# %% exercise 16.1


def orthogonalized(G, steps):
    """Return U Vᵀ of a matrix, nearly: by `steps` steps of Newton-Schulz."""
    # BEGIN SOLUTION
    X = G / np.linalg.norm(G)
    for _ in range(steps):
        A = X @ X.T
        X = 15 / 8 * X - 10 / 8 * A @ X + 3 / 8 * A @ A @ X
    return X
    # END SOLUTION


# %% [markdown]
# ## Exercise 16.2: The steepest step, by four rulers
#
# Return the step $D$ of norm 1 for which $\langle G, D \rangle$, the sum of all products of entries, is largest. The
# norms are "frobenius", "largest entry" and "spectral", as above, and one that is not in the table: "row", the
# length of the longest row of $D$. (Each unit has a row of its own, so the answer for "row" is to look at each row
# alone.) $G$ has full rank and no row of zeros.

# %% exercise 16.2


def steepest_step(G, norm):
    """Return the matrix D with norm 1 and the largest inner product with G."""
    # BEGIN SOLUTION
    if norm == "frobenius":
        return G / np.linalg.norm(G)
    if norm == "largest entry":
        return np.sign(G)
    if norm == "row":
        return G / np.linalg.norm(G, axis=1, keepdims=True)
    U, _, Vt = np.linalg.svd(G, full_matrices=False)
    return U @ Vt
    # END SOLUTION


# %% [markdown]
# ## Exercise 16.3: Shampoo's root
#
# Shampoo needs $A^{-1/p}$ of a symmetric matrix with eigenvalues above 0. Write it. The check states what makes it
# the right one: it is symmetric, all its eigenvalues are positive, and multiplied with itself $p$ times and then with
# $A$ it gives the unit matrix. And it must work when the eigenvalues of $A$ go down to $10^{-8}$, or up to $10^8$.

# %% exercise 16.3


def inverse_root(A, p):
    """Return A^(-1/p) for a symmetric matrix with positive eigenvalues and a whole number p."""
    # BEGIN SOLUTION
    values, vectors = np.linalg.eigh(A)
    return vectors * values ** (-1 / p) @ vectors.T
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * V. Gupta, T. Koren, Y. Singer, "Shampoo: preconditioned stochastic tensor optimization", 2018.
# * N. Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam", 2024.
# * K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
# * J. Bernstein and L. Newhouse, "Old optimizer, new norm: an anthology", 2024: Adam, Shampoo and others as steepest
#   descent, each by its own norm.
# * `optim.show(optim.Muon)` and `optim.show(optim.SOAP)` print the library's own.
# * Lesson 18: AdamW against Muon on a small GPT.
