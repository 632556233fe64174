"""How six programs look. Each text was read by eye: it has to be as good as a program that a person writes."""

import numpy as np
import pytest

import minigrad
import optim
from minigrad import nn

ADAM = optim.Adam([optim.Parameter([0.0])])


def zeros(*shape):
    return np.zeros(shape)


def rosenbrock(p):
    x, y = p
    a = 1 - x
    b = y - x**2
    return a**2 + 100 * b**2


def logistic_regression(w, b, x, y):
    z = x @ w + b
    return np.mean(np.log(1 + np.exp(-y * z)))


def network(W1, b1, W2, b2, x, y):
    h = np.tanh(x @ W1 + b1)
    error = h @ W2 + b2 - y
    return np.mean(error**2)


def convolution(image, kernel, bias):
    features = minigrad.relu(nn.functional.conv2d(image, kernel, bias))
    return np.mean(features)


def attention(x, Wq, Wk, Wv):
    q = x @ Wq
    k = x @ Wk
    v = x @ Wv
    scores = q @ k.T / np.sqrt(k.shape[-1])
    weights = minigrad.softmax(scores)
    return np.sum((weights @ v)**2)


def adam(theta, grad, state, t):
    state["step"] = t
    phi = ADAM.update(grad, state, theta, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False,
                      decoupled_weight_decay=False)
    return theta - 0.01 * phi


def gradient(function, *by):
    return minigrad.value_and_grad(function, by)


CASES = {
    "rosenbrock": (minigrad.value_and_grad(rosenbrock), np.array([-1.5, 2.0])),
    "logistic regression": (gradient(logistic_regression, 0, 1), zeros(2), 0.0, np.ones((32, 2)), np.ones(32)),
    "network": (gradient(network, 0, 1, 2, 3), np.ones((2, 16)), zeros(16), np.ones((16, 1)), zeros(1),
                np.ones((32, 2)), zeros(32, 1)),
    "convolution": (gradient(convolution, 1, 2), np.ones((2, 1, 6, 6)), np.ones((3, 1, 3, 3)), zeros(3)),
    "attention": (gradient(attention, 1, 2, 3), np.ones((5, 4)), *[np.eye(4, 3)] * 3),
    "adam": (adam, zeros(3), np.ones(3), {"exp_avg": zeros(3), "exp_avg_sq": np.ones(3)}, 1),
}
TEXTS = {
    "rosenbrock": """\
def rosenbrock_value_and_grad(p):
    # forward
    x, y = p
    a = 1 - x
    # b = y - x**2
    b = y - x * x
    # a**2 + 100 * b**2
    value = a * a + 100 * (b * b)
    # backward
    # back through a**2 + 100 * b**2
    db = 200 * b
    # back through a = 1 - x
    dx = -400 * b * x - 2 * a
    # back through x, y = p
    dp = np.array([dx, db])
    return value, dp
""",
    "logistic regression": """\
def logistic_regression_value_and_grad(w, b, x, y):
    # forward
    z = x @ w + b
    # np.mean(np.log(1 + np.exp(-y * z)))
    negative = -y
    exponential = np.exp(negative * z)
    total = 1 + exponential
    value = np.log(total).sum() / 32
    # backward
    # back through np.mean(np.log(1 + np.exp(-y * z)))
    dz = 0.03125 / total * exponential * negative
    # back through z = x @ w + b
    db = dz.sum(axis=0)
    return value, (x.T @ dz, db)
""",
    "network": """\
def network_value_and_grad(W1, b1, W2, b2, x, y):
    # forward
    h = np.tanh(x @ W1 + b1)
    error = h @ W2 + b2 - y
    # np.mean(error**2)
    value = (error * error).sum() / 32
    # backward
    # back through np.mean(error**2)
    product = 0.0625 * error
    # back through error = h @ W2 + b2 - y
    db2 = product.sum(axis=0)
    dh = product @ W2.T
    dW2 = h.T @ product
    # back through h = np.tanh(x @ W1 + b1)
    product2 = dh * (1 - h * h)
    db1 = product2.sum(axis=0)
    dW1 = x.T @ product2
    return value, (dW1, db1, dW2, db2)
""",
    "convolution": """\
def convolution_value_and_grad(image, kernel, bias):
    # forward
    # features = minigrad.relu(nn.functional.conv2d(image, kernel, bias))
    windows = np.lib.stride_tricks.sliding_window_view(image.swapaxes(0, 1), [3, 3], (2, 3))
    reshaped = windows.transpose(0, 4, 5, 1, 2, 3).reshape(1, 9, -1)
    swapped = (kernel.reshape(1, 3, -1) @ reshaped).reshape(3, 2, 4, 4).swapaxes(0, 1)
    total = swapped + bias.reshape((-1, 1, 1))
    features = np.maximum(total, 0)
    # np.mean(features)
    value = features.sum() / 96
    # backward
    # back through features = minigrad.relu(nn.functional.conv2d(image, kernel, bias))
    dtotal = (1 / 96) * (total > 0)
    dbias = np.reshape(dtotal.sum(axis=0).sum(axis=(1, 2), keepdims=True), (3,))
    dkernel = (dtotal.swapaxes(0, 1).reshape(1, 3, 32) @ reshaped.mT).reshape(3, 1, 3, 3)
    return value, (dkernel, dbias)
""",
    "attention": """\
def attention_value_and_grad(x, Wq, Wk, Wv):
    # forward
    q = x @ Wq
    k = x @ Wk
    v = x @ Wv
    # scores = q @ k.T / np.sqrt(k.shape[-1])
    scores = q @ k.T / (3 ** 0.5)
    # weights = minigrad.softmax(scores)
    smaller = np.minimum(scores.max(-1, keepdims=True, initial=np.finfo(float).min), np.finfo(float).max)
    exponential = np.exp(scores - smaller)
    weights = exponential / exponential.sum(-1, keepdims=True)
    # np.sum((weights @ v)**2)
    product = weights @ v
    value = (product * product).sum()
    # backward
    # back through np.sum((weights @ v)**2)
    dproduct = 2 * product
    dweights = dproduct @ v.T
    dv = weights.T @ dproduct
    # back through weights = minigrad.softmax(scores)
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True))
    # back through scores = q @ k.T / np.sqrt(k.shape[-1])
    ratio = dscores / (3 ** 0.5)
    dq = ratio @ k
    # back through k = x @ Wk
    dWk = x.T @ (q.T @ ratio).T
    return value, (x.T @ dq, dWk, x.T @ dv)
""",
    "adam": """\
def adam(theta, grad, state, t):
    m, v = state["exp_avg"], state["exp_avg_sq"]
    # m *= beta1
    m *= 0.9
    # m += (1 - beta1) * grad
    m += (1 - 0.9) * grad
    # v *= beta2
    v *= 0.999
    # v += (1 - beta2) * grad * grad
    v += (1 - 0.999) * grad * grad
    # m_hat = m / (1 - beta1**t)
    m_hat = m / (1 - 0.9 ** t)
    # v_hat = v / (1 - beta2**t)
    v_hat = v / (1 - 0.999 ** t)
    # phi = m_hat / (np.sqrt(v_hat) + eps)
    phi = m_hat / (np.sqrt(v_hat) + 1e-08)
    state["step"] = t
    return theta - 0.01 * phi
""",
}


@pytest.mark.parametrize("name", CASES)
def test_text_reads_as_a_person_would_write_it(name):
    assert minigrad.program(*CASES[name]).text == TEXTS[name]
