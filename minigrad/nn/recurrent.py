"""Recurrent networks: the same small network is applied to each element of a sequence and to what it remembers.

A step takes the part of the gates that comes from the input, and the state, a tuple of arrays of shape
(N, hidden_size). Cells apply it once. Layers apply it to whole sequences, forward and backward in time, one layer above
another.
"""

from typing import Any

import numpy as np

from ..arguments import Array, Flag, Floating, Generator, Nonlinearity, Probability, Size
from ..rules.products import operand
from ..special import relu, sigmoid
from ..tensor import Tensor
from . import functional as F
from .layers import fill_uniformly
from .module import Module, Parameter

# Steps


def _gates(array, count):
    """Split the last axis into equal parts."""
    size = array.shape[-1] // count
    return [array[..., i * size:(i + 1) * size] for i in range(count)]


def tanh_step(from_input, state, weight, bias):
    """Return h' = tanh(W x + U h)."""
    h, = state
    return (np.tanh(from_input + F.linear(h, weight, bias)),)


def relu_step(from_input, state, weight, bias):
    """Return h' = relu(W x + U h)."""
    h, = state
    return (relu(from_input + F.linear(h, weight, bias)),)


def lstm_step(from_input, state, weight, bias):
    """Forget part of the memory c, add to it what is new, and show part of it: h' = o tanh(c'), c' = f c + i g."""
    h, c = state
    i, f, g, o = _gates(from_input + F.linear(h, weight, bias), 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(from_input, state, weight, bias):
    """Move h towards what is new, n = tanh(W x + r U h), as far as the gate z lets it: h' = (1 - z) n + z h."""
    h, = state
    r_input, z_input, n_input = _gates(from_input, 3)
    r_state, z_state, n_state = _gates(F.linear(h, weight, bias), 3)
    r, z = sigmoid(r_input + r_state), sigmoid(z_input + z_state)
    n = np.tanh(n_input + r * n_state)
    return ((1 - z) * n + z * h,)


STEPS = {"tanh": tanh_step, "relu": relu_step}  # of plain networks, by their nonlinearity


def _as_state(hx, count, shape, dtype):
    """Return the state that was given, an array or a tuple of two, as a tuple of checked arrays; None is zeros."""
    if hx is None:
        return (np.zeros(shape, dtype),) * count
    state = tuple([operand(part) for part in hx]) if count > 1 else (operand(hx),)
    if [part.shape for part in state] != [shape] * count:
        raise ValueError(f"the state must be {'an array' if count == 1 else 'two arrays, h and c,'} of shape {shape}; "
                         f"got {', '.join([str(part.shape) for part in state])}")
    return state


# Cells

class _Cell(Module):
    """One step: what RNNCell, LSTMCell and GRUCell share."""

    gates, states = 1, 1

    def __init__(self, input_size: Size, hidden_size: Size, bias: Flag = True, *, dtype: Floating = np.float32,
                 generator: Generator = None) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = self.gates * hidden_size
        self.weight_ih = Parameter(np.zeros((rows, input_size), dtype))
        self.weight_hh = Parameter(np.zeros((rows, hidden_size), dtype))
        self.bias_ih = Parameter(np.zeros(rows, dtype)) if bias else None
        self.bias_hh = Parameter(np.zeros(rows, dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        fill_uniformly(self, self.hidden_size, generator)

    def forward(self, input: Array, hx: Any = None) -> Any:
        input = operand(input)
        state = _as_state(hx, self.states, (*input.shape[:-1], self.hidden_size), self.weight_hh.dtype)
        from_input = F.linear(input, self.weight_ih, self.bias_ih)
        state = self.step(from_input, state, self.weight_hh, self.bias_hh)
        return state if self.states > 1 else state[0]

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias_ih is not None}"


class RNNCell(_Cell):
    """One step of a plain recurrent network: h' = tanh(W x + b + U h + c).

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool, default True
    nonlinearity : {"tanh", "relu"}, default "tanh"
    dtype : dtype, default np.float32
    generator : np.random.Generator, optional
        Where the initial numbers come from; see `manual_seed`.

    Attributes
    ----------
    weight_ih : Tensor, shape (hidden_size, input_size)
    weight_hh : Tensor, shape (hidden_size, hidden_size)
    bias_ih, bias_hh : Tensor, shape (hidden_size,), or None
        All are drawn from U(-k, k), k = 1 / √hidden_size.
    """

    def __init__(self, input_size: Size, hidden_size: Size, bias: Flag = True, nonlinearity: Nonlinearity = "tanh", *,
                 dtype: Floating = np.float32, generator: Generator = None) -> None:
        self.step = STEPS[nonlinearity]
        super().__init__(input_size, hidden_size, bias, dtype=dtype, generator=generator)


class LSTMCell(_Cell):
    """One step of a long short-term memory; called with x and (h, c), it returns the next (h, c).

    The arguments are those of `RNNCell`, without the nonlinearity; the rows of its parameters belong to the gates
    i, f, g and o, in this order.

    References
    ----------
    S. Hochreiter and J. Schmidhuber (1997), Long short-term memory; with forget gates, F. A. Gers, J. Schmidhuber and
    F. Cummins (2000), Learning to forget.
    """

    gates, states = 4, 2
    step = staticmethod(lstm_step)


class GRUCell(_Cell):
    """One step of a gated recurrent unit; called with x and h, it returns the next h.

    The arguments are those of `RNNCell`, without the nonlinearity; the rows of its parameters belong to the gates
    r, z and n, in this order.

    References
    ----------
    K. Cho and others (2014), Learning phrase representations using RNN encoder-decoder for statistical machine
    translation, equations 5 to 8 (with r applied after U, as in torch).
    """

    gates = 3
    step = staticmethod(gru_step)


# Layers

class _Recurrent(Module):
    """What RNN, LSTM and GRU share: cells over time, in one direction or two, in layers."""

    gates, states = 1, 1
    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor | None
    bias_hh_l0: Tensor | None

    def __init__(self, input_size: Size, hidden_size: Size, num_layers: Size = 1, bias: Flag = True,
                 batch_first: Flag = False, dropout: Probability = 0.0, bidirectional: Flag = False, *,
                 dtype: Floating = np.float32, generator: Generator = None) -> None:
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.batch_first, self.dropout, self.directions = batch_first, dropout, 2 if bidirectional else 1
        self.generator, rows = generator, self.gates * hidden_size
        for layer, suffix in self._suffixes():
            size = hidden_size * self.directions if layer else input_size
            setattr(self, "weight_ih" + suffix, Parameter(np.zeros((rows, size), dtype)))
            setattr(self, "weight_hh" + suffix, Parameter(np.zeros((rows, hidden_size), dtype)))
            setattr(self, "bias_ih" + suffix, Parameter(np.zeros(rows, dtype)) if bias else None)
            setattr(self, "bias_hh" + suffix, Parameter(np.zeros(rows, dtype)) if bias else None)
        self.reset_parameters(generator)

    def _suffixes(self):
        """Yield, for each layer and direction, the layer and how torch's names of its parameters end."""
        for layer in range(self.num_layers):
            for direction in ("", "_reverse")[:self.directions]:
                yield layer, f"_l{layer}{direction}"

    def reset_parameters(self, generator: Generator = None) -> None:
        """Draw new initial numbers."""
        fill_uniformly(self, self.hidden_size, generator)

    def forward(self, input: Array, hx: Any = None) -> Any:
        x = operand(input)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            raise ValueError(f"input must have shape (L, {self.input_size}), or "
                             f"{'(N, L, ' if self.batch_first else '(L, N, '}{self.input_size}); got {x.shape}")
        time_second = self.batch_first and x.ndim == 3
        x = np.swapaxes(x, 0, 1) if time_second else x
        shape = (self.num_layers * self.directions, *x.shape[1:-1], self.hidden_size)
        initial = _as_state(hx, self.states, shape, self.weight_hh_l0.dtype)
        final = []
        for number, (layer, suffix) in enumerate(self._suffixes()):
            if number % self.directions == 0:
                below = F.dropout(x, self.dropout, self.training, self.generator) if layer else x
                outputs = []
            state = tuple([part[number] for part in initial])
            sequence, state = self._run(below, state, suffix)
            outputs.append(sequence)
            final.append(state)
            x = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, -1)
        final = tuple([np.stack(parts) for parts in zip(*final)])
        return np.swapaxes(x, 0, 1) if time_second else x, final if self.states > 1 else final[0]

    def _run(self, x, state, suffix):
        """Apply the step along a sequence; return its outputs, and the last state."""
        weight_ih, weight_hh, bias_ih, bias_hh = (getattr(self, name + suffix)
                                                  for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        from_input = F.linear(x, weight_ih, bias_ih)  # of all times at once
        backwards = suffix.endswith("_reverse")
        shown = []
        for t in reversed(range(len(x))) if backwards else range(len(x)):
            state = self.step(from_input[t], state, weight_hh, bias_hh)
            shown.append(state[0])
        return np.stack(shown[::-1] if backwards else shown), state

    def extra_repr(self):
        return (f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
                f"bias={self.bias_ih_l0 is not None}, batch_first={self.batch_first}, dropout={self.dropout}, "
                f"bidirectional={self.directions == 2}")


class RNN(_Recurrent):
    """A plain recurrent network over sequences.

    Called with an input of shape (L, N, input_size), or (N, L, input_size) if `batch_first`, or (L, input_size), it
    returns the outputs of the last layer, in the same form, and the last state of every layer and
    direction, of shape (num_layers · directions, N, hidden_size).

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int, default 1
        Each layer reads the outputs of the one below it.
    nonlinearity : {"tanh", "relu"}, default "tanh"
    bias : bool, default True
    batch_first : bool, default False
        Whether the first axis counts the samples and the second the times.
    dropout : float, default 0.0
        Between layers, in training.
    bidirectional : bool, default False
        Whether each layer also reads backwards, and outputs both.
    dtype : dtype, default np.float32
    generator : np.random.Generator, optional
        Where the initial numbers, and those of dropout, come from; see `manual_seed`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Tensor
        As in `RNNCell`. Further layers end in l1 and so on, the backward direction in _reverse.
    """

    def __init__(self, input_size: Size, hidden_size: Size, num_layers: Size = 1, nonlinearity: Nonlinearity = "tanh",
                 bias: Flag = True, batch_first: Flag = False, dropout: Probability = 0.0, bidirectional: Flag = False,
                 *, dtype: Floating = np.float32, generator: Generator = None) -> None:
        self.step = STEPS[nonlinearity]
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         dtype=dtype, generator=generator)


class LSTM(_Recurrent):
    """A long short-term memory over sequences: `RNN` with the steps of `LSTMCell`.

    The arguments are those of `RNN`, without the nonlinearity; the state is a pair (h, c).

    Examples
    --------
    >>> from minigrad import nn
    >>> lstm = nn.LSTM(3, 5, batch_first=True)
    >>> shown, (h, c) = lstm(np.zeros((2, 7, 3), np.float32))
    >>> shown.shape, h.shape, c.shape
    ((2, 7, 5), (1, 2, 5), (1, 2, 5))
    """

    gates, states = 4, 2
    step = staticmethod(lstm_step)


class GRU(_Recurrent):
    """Gated recurrent units over sequences: `RNN` with the steps of `GRUCell`.

    The arguments are those of `RNN`, without the nonlinearity.
    """

    gates = 3
    step = staticmethod(gru_step)
