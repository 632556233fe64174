# %% [markdown]
# # 18. A tiny GPT
#
# **What you will see.** The network behind the chat programs, small enough for a laptop: 27,611 numbers learn from
# 4,663 first names which letter comes next. After 400 steps they beat every table of letter pairs and of letter
# triples, and invent names that sound real and are on no list. A matrix shows that no letter sees the future.
# It takes half a minute.

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
# ## Letters as numbers
#
# 5,163 first names from the census of the United States of 1990. A point marks the beginning and the end. The network
# reads the letters up to some place and predicts the next one: each name is a lesson in every one of its letters.

# %%
names = (tutorials.DATA / "names.txt").read_text().split()
letters = ".abcdefghijklmnopqrstuvwxyz"
count, length = len(letters), max(map(len, names)) + 1

codes = np.zeros((len(names), length + 1), dtype=int)  # 0 is the point
for row, name in zip(codes, names):
    row[1:len(name) + 1] = [letters.index(letter) for letter in name]
sizes = np.array([len(name) for name in names])
inputs = codes[:, :-1]
targets = np.where(np.arange(length) <= sizes[:, np.newaxis], codes[:, 1:], -100)  # cross_entropy skips -100

rng = np.random.default_rng(0)
x, x_test, y, y_test = nn.train_test_split(inputs, targets, test_size=500, generator=rng)
print(names[2000], "-> inputs", inputs[2000, :7], "targets", targets[2000, :7])

# %% [markdown]
# ## What counting can do
#
# Before we train anything: how well does a table predict? The loss is the mean surprise, $-\log p$ of the letter that
# comes. We count in the names to learn from, add 0.1 to each count, and test on the 500 others.


# %%
def table_loss(before):
    """Return the test loss of a table that looks at so many letters before."""
    seen, asked = ([tuple(row[max(0, j - before + 1):j + 1]) if before else () for row in rows for j in range(length)]
                   for rows in (x, x_test))
    table = {}
    for context, target in zip(seen, y.ravel()):
        if target >= 0:
            table.setdefault(context, np.full(count, 0.1))[target] += 1
    surprises = []
    for context, target in zip(asked, y_test.ravel()):
        if target >= 0:
            counts = table.get(context, np.ones(count))
            surprises.append(-np.log(counts[target] / counts.sum()))
    return np.mean(surprises)


tables = {"all letters alike": np.log(count), "how often each letter is": table_loss(0),
          "the letter before": table_loss(1), "the two letters before": table_loss(2)}
for name, value in tables.items():
    print(f"{name:25s} {value:.3f}")

# %% [markdown]
# Three letters before would need $27^3$ rows, and most of them would never be seen. A network shares what it learns.
#
# ## Attention
#
# Each place $i$ asks a question $q_i$, offers a key $k_j$ and says something, $v_j$. Place $i$ hears
#
# $$ \sum_j w_{ij} v_j, \qquad w_{ij} = \mathrm{softmax}_j \Bigl( \frac{q_i \cdot k_j}{\sqrt d} + m_{ij} \Bigr). $$
#
# The **causal mask** $m_{ij}$ is $-\infty$ for $j > i$: nobody may hear the future. If it could, learning to predict
# the next letter would be learning to copy it.
#
# A block is attention, and then a small network for each place alone; both *add* to what is there. Two blocks, a
# table for the letters, one for the places, and at the end a linear layer: that is a GPT.

# %%
width, heads = 32, 4
future = np.triu(np.ones((length, length), dtype=bool), 1)


class Block(nn.Module):
    def __init__(self, rng):
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True, generator=rng)
        self.network = nn.Sequential(
            nn.Linear(width, 4 * width, generator=rng), nn.GELU(), nn.Linear(4 * width, width, generator=rng))

    def forward(self, h, mask):
        z = self.norm1(h)
        h = h + self.attention(z, z, z, attn_mask=mask, need_weights=False)[0]
        return h + self.network(self.norm2(h))


class GPT(nn.Module):
    def __init__(self, rng):
        self.letter = nn.Embedding(count, width, generator=rng)
        self.place = nn.Embedding(length, width, generator=rng)
        self.blocks = nn.ModuleList([Block(rng), Block(rng)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, count, generator=rng)

    def forward(self, codes, mask=future):
        return self.after_letters(self.letter(codes), mask)

    def after_letters(self, h, mask=future):
        h = h + self.place(np.arange(length))
        for block in self.blocks:
            h = block(h, mask)
        return self.head(self.norm(h))


model = GPT(np.random.default_rng(0))
print(sum(p.size for p in model.parameters()), "numbers")

# %% [markdown]
# ## Does the mask leak?
#
# A leak is a terrible bug: the training loss is wonderful, and the model useless. Test it, in two ways. First, change
# the last letters: the predictions before must not change, not even in the last digit. Second, the derivative of each
# prediction by each letter: it must be zero above the diagonal.

# %%
changed = x[:50].copy()
changed[:, 6:] = np.random.default_rng(1).integers(1, count, size=changed[:, 6:].shape)
with minigrad.no_grad():
    before, after = model(x[:50]).data, model(changed).data
    blind = [model(codes, mask=None).data for codes in (x[:50], changed)]
print("largest change before place 6: with the mask", np.abs(before - after)[:, :6].max(),
      "without", np.abs(blind[0] - blind[1])[:, :6].max().round(3))


def influence(mask):
    """Return how strongly the prediction at each place (row) depends on the letter at each place (column)."""
    rows = []
    for place in range(length):
        h = minigrad.Tensor(model.letter(x[:1]).data, requires_grad=True)
        np.sum(model.after_letters(h, mask)[0, place] ** 2).backward()
        rows.append(np.linalg.norm(h.grad[0], axis=1))
    return np.array(rows)


with_mask, without_mask = influence(future), influence(None)
above = np.triu_indices(length, 1)
print("influence of the future: with the mask", with_mask[above].max(), "without", without_mask[above].max().round(3))
assert np.array_equal(before[:, :6], after[:, :6]) and not with_mask[above].any() and without_mask[above].all()

# %% [markdown]
# ## Training
#
# The loop of lesson 17. Steps are clipped to a norm of 1, and the learning rate warms up and falls along a cosine
# (lesson 12). We train twice from the same start: once all with AdamW; once the matrices inside the blocks with Muon
# (lesson 16), and the rest with AdamW.


# %%
def train(with_muon, steps=400, seed=0):
    """Return a trained GPT and its test losses: step and loss, a row for every 25th step."""
    rng = np.random.default_rng(seed)
    model = GPT(rng)
    inside = [p for name, p in model.named_parameters() if name.startswith("blocks") and p.ndim == 2]
    rest = [p for p in model.parameters() if not any(p is q for q in inside)]
    if with_muon:
        optimizers = [optim.Muon(inside, lr=0.02), optim.AdamW(rest, lr=5e-3)]
    else:
        optimizers = [optim.AdamW(model.parameters(), lr=1e-2)]
    schedules = [optim.schedule.warmup_cosine(optimizer, steps // 8, steps) for optimizer in optimizers]
    history, step = [], 0
    while step < steps:
        for codes, following in nn.minibatches(x, y, size=64, drop_last=True, generator=rng):
            if step == steps:
                break
            model.zero_grad()
            loss = nn.cross_entropy(model(codes).reshape(-1, count), following.reshape(-1))
            loss.backward()
            optim.clip_grad_norm_(model.parameters(), 1.0)
            for part in (*optimizers, *schedules):
                part.step()
            step += 1
            if step % 25 == 0 or step == 1:
                with minigrad.no_grad():
                    outputs = model(x_test).reshape(-1, count)
                    history.append((step, nn.cross_entropy(outputs, y_test.reshape(-1)).item()))
    return model, np.array(history)


model, history = train(with_muon=False)
muon_model, muon_history = train(with_muon=True)
for (step, loss), (_, muon_loss) in zip(history[::4], muon_history[::4]):
    print(f"step {step:3.0f}: test loss {loss:.3f} with AdamW, {muon_loss:.3f} with Muon and AdamW")

# %% [markdown]
# ## What does it invent?
#
# To write a name, begin with the point, ask for the probabilities of the next letter, draw one, append it, and ask
# again until the next point. A **temperature** divides the outputs first: a low one makes the network play safe, a
# high one makes it wild.


# %%
def invent(model, how_many, temperature, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.zeros((how_many, length), dtype=int)
    for place in range(length - 1):
        with minigrad.no_grad():
            outputs = model(codes).data[:, place].astype(float) / temperature
        p = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        codes[:, place + 1] = [rng.choice(count, p=row) for row in p]
    return ["".join(letters[code] for code in row[1:]).split(".")[0] for row in codes]


known = set(names)
for temperature in (0.3, 0.7, 1.0, 2.0):
    invented = invent(muon_model, 200, temperature)
    new = np.mean([name not in known for name in invented])
    print(f"temperature {temperature}: {new:4.0%} are new:", ", ".join(dict.fromkeys(invented[:9])))

# %% [markdown]
# ## The picture
#
# Left: which letter can change which prediction. Right: the test loss on the way down, past what a table can do.

# %%
with viz.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.8), gridspec_kw={"width_ratios": [1, 1.35]})
    shown = np.log10(np.where(with_mask > 0, with_mask, np.nan))
    image = left.imshow(shown, cmap="viridis")
    left.set_facecolor("#E8E8E8")
    left.grid(False)
    left.annotate("the future:\nno influence at all", (8.0, 2.0), ha="center")
    left.set(title="Does the letter (column) change\nthe prediction (row)?", xlabel="letter at place",
             ylabel="prediction at place")
    figure.colorbar(image, ax=left, label="log₁₀ of the derivative", shrink=0.8)
    right.plot(*history.T, color="#D55E00", linestyle="--", marker="", label="AdamW")
    right.plot(*muon_history.T, color="#0072B2", linestyle="-", marker="", label="Muon for the matrices inside")
    for name, value in tables.items():
        right.axhline(value, color="#767676", linewidth=1, linestyle=":", marker="")
        right.annotate(f"a table: {name}" if name != "all letters alike" else name, (398, value + 0.015), ha="right",
                       color="#505050", fontsize=9)
    right.set(title="27,611 numbers learn to spell", xlabel="step", ylabel="test loss: mean surprise", xlim=(0, 400))
    right.legend(loc="center right", bbox_to_anchor=(1, 0.74))
tutorials.picture(figure, "18_tiny_gpt")

assert history[0, 1] > 3 and history[-1, 1] < 2.08 and muon_history[-1, 1] < 2.05
assert max(history[-1, 1], muon_history[-1, 1]) < min(tables.values()) - 0.05
assert np.mean([name not in known for name in invent(muon_model, 200, 1.0)]) > 0.5

# %% [markdown]
# **The claim, checked.** After 400 steps the test loss is below 2.1, and below that of every table. Nothing of the
# future has any influence, exactly. More than half of the names invented at temperature 1 are on no list.

# %% [markdown]
# ## Exercise 18.1: A mask that does not leak
#
# Write attention with a causal mask in NumPy, for one sequence and one head: $Q$ and $K$ have shape (T, d), $V$ has
# shape (T, e). Place $i$ hears places $j \le i$, with the weights $\mathrm{softmax}_j (q_i \cdot k_j / \sqrt d)$ over
# these alone. The scores may be as large as 1000: subtract the largest of a row before you take `np.exp`.

# %% exercise 18.1


def causal_attention(Q, K, V):
    """Return what each place hears, an array of shape (T, e)."""
    # BEGIN SOLUTION
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    scores[np.triu_indices(len(Q), 1)] = -np.inf
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ V
    # END SOLUTION


# %% [markdown]
# ## Exercise 18.2: Sampling
#
# Return the probabilities from which the next letter is drawn: the softmax of the outputs divided by the temperature,
# over the `most` letters with the largest outputs; all others get 0. (Outputs differ from one another.) Outputs
# divided by a small temperature are huge: subtract the largest first. The outputs that you are given must not change.

# %% exercise 18.2


def next_letter(outputs, temperature, most):
    """Return probabilities of the same shape (n,) as the outputs."""
    # BEGIN SOLUTION
    scores = outputs / temperature
    scores[np.argsort(outputs)[:-most]] = -np.inf
    p = np.exp(scores - scores.max())
    return p / p.sum()
    # END SOLUTION


# %% [markdown]
# ## Exercise 18.3: AdamW against Muon
#
# The check trains a small network for 100 steps: it reads three letters and predicts the fourth. AdamW alone, with the
# best of four learning rates, comes to a loss of 2.32. Do better: divide the parameters of the model between one
# `optim.Muon` and one `optim.AdamW`, and choose their learning rates. The check:
#
# * each parameter belongs to exactly one of the optimizers that you return as a list;
# * Muon has the matrices inside the blocks (their names begin with "blocks"), and only these: no biases, no
#   embedding, not the last layer;
# * after 100 steps the loss is below 2.30, for two starts.

# %% exercise 18.3


def optimizers(model):
    """Return a list of a Muon and an AdamW for the parameters of a model."""
    # BEGIN SOLUTION
    inside = [p for name, p in model.named_parameters() if name.startswith("blocks") and p.ndim == 2]
    rest = [p for p in model.parameters() if not any(p is q for q in inside)]
    return [optim.Muon(inside, lr=0.05), optim.AdamW(rest, lr=0.01)]
    # END SOLUTION


# %% [markdown]
# ## Read on
#
# * A. Vaswani et al., "Attention is all you need", 2017.
# * A. Radford et al., "Language models are unsupervised multitask learners", 2019: GPT-2, with the norms where they
#   are here.
# * A. Karpathy, "makemore" and "Let's build GPT", 2022 and 2023: letters and names, in PyTorch, at length.
# * A. Holtzman et al., "The curious case of neural text degeneration", 2020: on sampling.
# * `minigrad/nn/attention.py` is the library's own attention. Lesson 19: write your own optimizer for it.
