"""Wrong calls of every public function and class, made from their signatures: minigrad answers each in words.

Each function is called in a way that works, with one argument after the other replaced by text, by numbers out of
range, by arrays of another shape, and so on. Not every replacement is wrong; where one raises an error, this must come
from a `raise` of minigrad, be of a conventional type, and name the argument and what it got.
"""

import contextlib
import inspect
import linecache
import re
import traceback
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn

CONVENTIONAL = (TypeError, ValueError, IndexError, KeyError, RuntimeError)
WRONG = ["text", -1, 2.5, float("nan"), [1.0, "a"], {"a": 1}, object(), (1, 2, 3), np.zeros((2, 0, 5)),
         np.full((2, 3), "text"), Tensor(np.ones((2, 1, 2, 1, 2))), len]
IMAGES, ROWS, GENERATOR = np.ones((1, 2, 6, 6)), np.ones((4, 3)), np.random.default_rng(0)


def quadratic(x):
    """Return a number, for transforms."""
    return np.sum(np.square(x))


# What works, by the names of parameters, and in some functions otherwise. Only required arguments are looked up.
VALID = {
    **dict.fromkeys(["in_features", "out_features", "in1_features", "in2_features", "num_features", "in_channels",
                     "out_channels", "input_size", "hidden_size", "num_embeddings", "embedding_dim"], 2),
    "kernel_size": 2, "normalized_shape": 3, "embed_dim": 4, "num_heads": 2, "seed": 0, "nonlinearity": "relu",
    "x": ROWS, "input": ROWS, "data": ROWS, "function": quadratic, "inputs": (ROWS,), "arrays": (ROWS,), "args": (),
    "rules": (lambda g, ans, x: g,), "val": 1.0, "modules": (), "keywords": {}, "kwargs": {}, "running_mean": None,
    "running_var": None, "input1": ROWS, "input2": ROWS, "generator": GENERATOR, "query": ROWS, "key": ROWS,
    "value": ROWS, "module": nn.Linear(3, 2), "parameters": {"bias": np.zeros(2)}, "target": np.array([0, 1, 2, 1]),
}
OF_FUNCTION = {
    **{name: {"target": ROWS} for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div",
                                           "binary_cross_entropy", "binary_cross_entropy_with_logits",
                                           "hinge_embedding_loss", "margin_ranking_loss")},
    "linear": {"weight": np.ones((2, 3))}, "bilinear": {"weight": np.ones((2, 3, 3))},
    "glu": {"input": np.ones((4, 2))},
    "embedding": {"input": np.array([0, 1]), "weight": ROWS},
    "batch_norm": {"running_var": np.ones(3),
                                                                             "running_mean": np.zeros(3)},
    "conv1d": {"input": IMAGES[0], "weight": np.ones((3, 6, 2))},
    "conv2d": {"input": IMAGES, "weight": np.ones((3, 2, 2, 2))},
    "conv_transpose2d": {"input": IMAGES, "weight": np.ones((2, 3, 2, 2))},
    **{name: {"input": IMAGES} for name in ("max_pool2d", "avg_pool2d")},
    "functional_call": {"args": (ROWS,)}, "primitive": {"function": quadratic},
    "explain": {"loss": quadratic, "args": (ROWS,)},
}
INPUTS = {"Bilinear": (np.ones((4, 2)),) * 2, "Linear": (np.ones((4, 2)),), "Embedding": (np.array([0, 1]),),
          "Conv1d": (np.ones((1, 2, 5)),), "Conv2d": (IMAGES,), "ConvTranspose2d": (IMAGES,), "MaxPool2d": (IMAGES,),
          "AvgPool2d": (IMAGES,), "BatchNorm1d": (np.ones((4, 2)),), "BatchNorm2d": (IMAGES,),
          "GLU": (np.ones((4, 2)),),
          **dict.fromkeys(["RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU"], (np.ones((4, 2)),)),
          "MultiheadAttention": (np.ones((3, 4)),) * 3}
APART = {"GradientError", "Module", "FunctionModule"}  # an error, and what is only derived from


def public():
    """Yield (name, function) for what minigrad, nn, nn.functional and nn.init offer."""
    for namespace in (minigrad, nn, nn.functional, nn.init):
        names = getattr(namespace, "__all__", None) or [
            name for name, thing in vars(namespace).items()
            if inspect.isfunction(thing) and thing.__module__ == namespace.__name__ and name[0] != "_"]
        for name in names:
            if not inspect.ismodule(thing := getattr(namespace, name)) and name not in APART:
                yield name, thing


def arguments_of(name, function):
    """Return valid values for what a function requires, by parameter, and all its parameters."""
    parameters = inspect.signature(function).parameters
    valid = {**VALID, "tensor": Tensor(np.ones((3, 2))), **OF_FUNCTION.get(name, {})}
    special = OF_FUNCTION.get(name, {})
    required = {key: valid[key] for key, p in parameters.items() if p.default is p.empty or key in special}
    return required, parameters


def called(function, arguments, parameters):
    """Call a function with arguments by parameter."""
    args, keywords, by_position = [], {}, True
    for key, p in parameters.items():
        if key not in arguments:
            by_position = False
        elif p.kind == p.VAR_POSITIONAL:
            args += arguments[key]
        elif p.kind == p.VAR_KEYWORD:
            keywords.update(arguments[key])
        elif by_position and p.kind != p.KEYWORD_ONLY:
            args.append(arguments[key])
        else:
            keywords[key] = arguments[key]
    return function(*args, **keywords)


def is_clear(error, name, value):
    """Return whether an error is minigrad's own, and names the argument and what it got."""
    last, message = traceback.extract_tb(error.__traceback__)[-1], str(error)
    ours = "minigrad" in last.filename and "/tests/" not in last.filename and linecache.getline(
        last.filename, last.lineno).strip().startswith("raise")
    named = any(re.search(rf"\b{word.rstrip('s_')}", message) for word in [name, "input"][:1 + (name == "x")])
    shown = [repr(value), str(value), str(getattr(value, "dtype", value)), type(value).__name__]
    if isinstance(value, (np.ndarray, Tensor, int, float, tuple)):
        shown.append(str(np.shape(value)))
    return ours and isinstance(error, CONVENTIONAL) and named and any(text in message for text in shown)


def attempts():
    """Yield (text of the call, name of the argument, wrong value, what to call)."""
    for name, function in public():
        if name in ("draw", "program"):  # an axes, and a program, are not checked here
            continue
        required, parameters = arguments_of(name, function)
        for key, p in parameters.items():
            for value in WRONG:
                given = (value,) if p.kind == p.VAR_POSITIONAL else value
                if p.kind == p.VAR_KEYWORD:
                    continue
                arguments = {**required, key: given}
                yield f"{name}({key}={value!r:.30})", key, value, lambda: called(function, arguments, parameters)  # noqa: B023
        if inspect.isclass(function) and issubclass(function, nn.Module) and name not in ("Sequential", "ModuleList"):
            inputs = INPUTS.get(name, (ROWS, np.array([0, 1, 2, 1]), ROWS))
            module = called(function, required, parameters)
            number = 1 if name not in INPUTS else len(inputs)
            takes = function.function if issubclass(function, nn.FunctionModule) else module.forward
            key = next(iter(inspect.signature(takes).parameters))
            for value in WRONG if not name.endswith("Loss") else ():
                yield (f"{name}()({value!r:.30})", key, value,
                       lambda: module(value, *inputs[1:number]))  # noqa: B023


def test_valid_calls_work():
    for name, function in public():
        if name not in ("draw", "program"):
            required, parameters = arguments_of(name, function)
            called(function, required, parameters)


@pytest.mark.slow
def test_errors_are_clear():
    raised, unclear = 0, []
    for text, name, value, call in attempts():
        with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.suppress(MemoryError):
            warnings.simplefilter("ignore")
            try:
                call()
            except Exception as error:
                raised += 1
                if not is_clear(error, name, value):
                    unclear.append(f"{text}: {type(error).__name__}: {error}"[:200])
    assert raised > 5000
    assert len(unclear) <= 0.05 * raised, f"{len(unclear)} of {raised} unclear:\n" + "\n".join(unclear)
