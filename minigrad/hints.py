"""What to write instead of a name that does not exist here: one that PyTorch has, or one that is misspelt."""

# Methods and attributes of a tensor
OF_TENSOR = {
    "exp": "np.exp(t)", "log": "np.log(t)", "log2": "np.log2(t)", "log10": "np.log10(t)", "log1p": "np.log1p(t)",
    "sqrt": "np.sqrt(t)", "rsqrt": "1 / np.sqrt(t)", "square": "t ** 2", "pow": "t ** y", "abs": "np.abs(t)",
    "sin": "np.sin(t)", "cos": "np.cos(t)", "tan": "np.tan(t)", "tanh": "np.tanh(t)", "atan": "np.arctan(t)",
    "sigmoid": "minigrad.sigmoid(t)", "relu": "minigrad.relu(t)", "softmax": "minigrad.softmax(t, axis=-1)",
    "log_softmax": "minigrad.log_softmax(t, axis=-1)", "logsumexp": "minigrad.logsumexp(t, axis=-1)",
    "erf": "minigrad.erf(t)", "sign": "np.sign(t)", "floor": "np.floor(t)", "ceil": "np.ceil(t)",
    "maximum": "np.maximum(t, u)", "minimum": "np.minimum(t, u)", "clamp": "t.clip(low, high)",
    "norm": "np.linalg.norm(t)", "det": "np.linalg.det(t)", "inverse": "np.linalg.inv(t)",
    "mm": "t @ u", "bmm": "t @ u", "mv": "t @ v", "matmul": "t @ u", "outer": "np.outer(t, u)",
    "add": "t + u", "sub": "t - u", "mul": "t * u", "div": "t / u", "neg": "-t",
    "t": "t.T", "view": "t.reshape(shape)", "permute": "t.transpose(axes)", "unsqueeze": "np.expand_dims(t, axis)",
    "expand": "np.broadcast_to(t, shape)", "tile": "np.tile(t, repetitions)", "flip": "np.flip(t, axis)",
    "roll": "np.roll(t, shift, axis)", "split": "np.split(t, sections, axis)", "chunk": "np.array_split(t, n, axis)",
    "gather": "np.take_along_axis(t, indices, axis)", "masked_fill": "np.where(mask, value, t)",
    "tril": "np.tril(t)", "triu": "np.triu(t)", "diag": "np.diag(t)", "isnan": "np.isnan(t)",
    "clone": "t.copy(), or t.detach().copy() for the numbers alone", "numel": "t.size", "dim": "t.ndim",
    "to": "t.astype(dtype); the only device is the processor", "cpu": "t; the only device is the processor",
    "cuda": "t; the only device is the processor",
    "type": "t.astype(dtype)", "float": "t.astype(np.float32)", "double": "t.astype(np.float64)",
    "half": "t.astype(np.float16)", "long": "t.astype(np.int64)", "int": "t.astype(np.int32)",
    "zero_": "t.data[...] = 0", "fill_": "t.data[...] = value", "copy_": "t.data[...] = other",
    "add_": "t.data += other", "sub_": "t.data -= other", "mul_": "t.data *= other", "div_": "t.data /= other",
    "clamp_": "np.clip(t.data, low, high, out=t.data)",
    "normal_": "t.data[...] = rng.normal(mean, std, t.shape), with rng = np.random.default_rng(0)",
    "uniform_": "t.data[...] = rng.uniform(low, high, t.shape), with rng = np.random.default_rng(0)",
}

# Functions and names of the package
OF_PACKAGE = {
    "randn": "minigrad.Tensor(rng.normal(size=shape)), with rng = np.random.default_rng(0)",
    "rand": "minigrad.Tensor(rng.uniform(size=shape)), with rng = np.random.default_rng(0)",
    "manual_seed": "rng = np.random.default_rng(seed), and draw from rng",
    "from_numpy": "minigrad.Tensor(array)", "as_tensor": "minigrad.Tensor(array)", "tensor": "minigrad.Tensor(data)",
    "cat": "np.concatenate", "optim": "import optim", "norm": "np.linalg.norm", "mm": "np.matmul", "bmm": "np.matmul",
    "clamp": "np.clip", "unsqueeze": "np.expand_dims", "set_grad_enabled": "with minigrad.no_grad():",
    "inference_mode": "with minigrad.no_grad():", "functional": "minigrad.nn.functional",
    "autograd": "minigrad.grad", "func": "minigrad.grad",
    "Parameter": "minigrad.Tensor(data, requires_grad=True)", "float": "np.float32", "double": "np.float64",
    "long": "np.int64", "save": "optim.save", "load": "optim.load",
}

# Keywords
OF_KEYWORD = {"dim": "axis", "keepdim": "keepdims", "dims": "axes"}

# What `nn` has elsewhere, or under another name
OF_NETWORKS = {
    "F": "from minigrad.nn import functional as F", "utils": "optim.clip_grad_norm_ for nn.utils.clip_grad_norm_",
    "DataLoader": "nn.minibatches(x, y, size=32)", "parameter": "nn.Parameter(data)", "modules": "nn.Module",
    "BCELossWithLogits": "nn.BCEWithLogitsLoss()", "ModuleDict": "nn.Sequential({name: module, ...})",
}

# Arguments of functions and classes under names that other libraries, or other functions here, give to them. Of several
# the first that the function takes is meant.
OF_ARGUMENT = {
    "batch_size": ["size"], "dim": ["axis"], "axis": ["dim"], "keepdim": ["keepdims"],
    "rate": ["p"], "drop": ["p"], "dropout": ["p"], "prob": ["p"], "probability": ["p"],
    "alpha": ["negative_slope"], "slope": ["negative_slope"],
    "seed": ["generator=np.random.default_rng(seed)"], "rng": ["generator"],
    "random_state": ["generator=np.random.default_rng(random_state)"],
    "units": ["out_features", "hidden_size"], "input_dim": ["in_features", "input_size", "num_embeddings"],
    "output_dim": ["out_features", "embedding_dim"], "filters": ["out_channels"], "layers": ["num_layers"],
    "size_average": ["reduction"], "logits": ["input"], "output": ["input"], "labels": ["target"], "y": ["target"],
}
TO_LEAVE_OUT = {
    "device": "the only device is the processor", "inplace": "no module changes its input",
    "shuffle": "each call draws a new order",
}


def instead(word, names):
    """Return what to write for a keyword, given the names that a function takes, as the end of a message."""
    for text in OF_ARGUMENT.get(word, []):
        if text.partition("=")[0] in names:
            return f": write {text}" if "=" in text else f": write {text}= for {word}="
    return f": leave it out, {TO_LEAVE_OUT[word]}" if word in TO_LEAVE_OUT else did_you_mean(word, names)


def did_you_mean(word, names, place=""):
    """Return a question about the name that is nearest to a word, as the end of a message; "" if none is near."""
    from difflib import get_close_matches  # here, to keep `import minigrad` short

    known = {name.lower(): name for name in reversed(names)}  # of tanh and Tanh the first
    return "".join([f": did you mean {place}{known[near]}?" for near in get_close_matches(word.lower(), known, 1)])
