"""The tape: a gradient is complete before it is passed on, for any graph, even after an exception."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import minigrad
from minigrad.mode import mode
from minigrad.tape import reachable


def leaf(*numbers):
    return minigrad.Tensor(numbers, requires_grad=True)


def test_gradients_of_a_shared_node_add_up():
    x = leaf(2.0, 3.0)
    y = x * x
    np.sum(y * y + y).backward()  # x⁴ + x²
    np.testing.assert_allclose(x.grad, 4 * x.data**3 + 2 * x.data)


def test_a_node_waits_for_its_youngest_user():
    x = leaf(0.5)
    early = np.tanh(x)
    late = early
    for _ in range(5):
        late = late * early  # every step uses the early node again
    np.sum(late).backward()
    np.testing.assert_allclose(x.grad, 6 * np.tanh(x.data) ** 5 * (1 - np.tanh(x.data) ** 2))


def test_each_operation_of_a_ladder_of_diamonds_is_walked_once():
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y  # 2⁶⁰ paths lead from the result to x
    operations, leaves, _ = reachable(y)
    assert len(operations) == 60
    assert leaves == [x]
    np.sum(y).backward()
    assert x.grad == 2.0**60


def test_operations_come_in_the_order_they_ran():
    x = leaf(1.0, 2.0)
    a = x * 2
    b = a + x
    c = a * b
    operations, leaves, too_old = reachable(c)
    assert [id(node) for node in operations] == [id(a), id(b), id(c)]
    assert [id(node) for node in leaves] == [id(x)]
    assert not too_old


def test_what_is_older_is_met_and_not_entered():
    x = leaf(1.0)
    outer = x * 2
    y = leaf(3.0)
    operations, leaves, too_old = reachable(outer * y, since=outer.counter)
    assert len(operations) == 1
    assert [id(node) for node in leaves] == [id(y)]
    assert too_old


def test_gradients_accumulate_in_the_order_of_the_walk():
    order = []
    x = leaf(1.0)
    parts = [x * k for k in (1.0, 10.0, 100.0)]
    for k, part in enumerate(parts):
        part.register_hook(lambda g, k=k: order.append(k))
    np.sum(parts[0] + parts[1] + parts[2]).backward()
    assert order == [2, 1, 0]
    assert x.grad == 111.0


def test_a_retained_graph_gives_the_same_gradient_again():
    x = leaf(1.0, 2.0)
    y = np.sum(np.exp(x[0] * x) + x[1])
    y.backward(retain_graph=True)
    first = x.grad.copy()
    x.zero_grad()
    y.backward()
    np.testing.assert_array_equal(x.grad, first)


def test_a_graph_walked_without_retaining_it_says_that_it_is_freed():
    x = leaf(1.0)
    y = np.sum(x * x)
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(x.grad, [2.0])


@pytest.mark.parametrize("where", ["rule", "hook", "hook of a leaf"])
def test_an_exception_in_the_walk_leaves_no_gradient_behind(where):
    armed = [True]

    def fuse(g):
        if armed[0]:
            raise ZeroDivisionError("blown")

    @minigrad.primitive(vjps=[lambda g, ans, x: (fuse(g) if where == "rule" else None) or 3.0 * g])
    def triple(x):
        return 3 * x

    x, z = leaf(1.0, 2.0), leaf(5.0, 6.0)
    inside = triple(x * z)
    y = np.sum(inside * x + z[0] * x + inside)
    if where != "rule":
        (inside if where == "hook" else x).register_hook(fuse)
    with pytest.raises(ZeroDivisionError, match="blown"):
        y.backward(retain_graph=True)
    assert x.grad is None
    assert z.grad is None
    armed[0] = False
    y.backward(retain_graph=True)
    np.testing.assert_allclose(x.grad, 6 * x.data * z.data + z.data[0] + 3 * z.data)
    np.testing.assert_allclose(z.grad, 3 * x.data**2 + [x.data.sum(), 0] + 3 * x.data)


# Walks that are cut short, and walks that overlap

WALK = {sys.modules[f"minigrad.{name}"].__file__ for name in ("tape", "tensor", "transforms", "mode")}


def lines_of_the_walk(work, stop_before=None):
    """Run `work` and count the lines of the walk and around it that run; raise before the one of this number."""
    count, earlier = 0, sys.gettrace()

    def trace(frame, event, arg):
        nonlocal count
        if event == "line":
            count += 1
            if count - 1 == stop_before:
                raise KeyboardInterrupt
        return trace

    sys.settrace(lambda frame, event, arg: trace if frame.f_code.co_filename in WALK else None)
    try:
        work()
    finally:
        sys.settrace(earlier)
    return count


@pytest.mark.parametrize("differentiable", [False, True])
@pytest.mark.slow
def test_a_walk_interrupted_at_any_line_leaves_nothing_behind(differentiable):
    w, b = leaf(1.0, 2.0), leaf(3.0, 4.0)

    def f(b):
        y = w * b
        y.register_hook(lambda g: g * 1.0)
        _, log_of_volume = np.linalg.slogdet(y[:, None] * np.eye(2))  # an operation with two results
        return np.sum(y[0] * y + w) + log_of_volume

    if differentiable:
        def work():
            return minigrad.grad(f)(b)
    else:
        loss = f(b)

        def work():
            loss.backward(retain_graph=True)
            return b.grad

    expected = np.array(minigrad.grad(f)(b.data).data)
    for stop in range(lines_of_the_walk(work)):
        w.grad = b.grad = None
        with pytest.raises(KeyboardInterrupt):
            lines_of_the_walk(work, stop)
        assert mode.get() is None
        assert b.grad is None or np.array_equal(b.grad, expected)
        w.grad = b.grad = None
        gradient = work()
        np.testing.assert_array_equal(gradient.data if differentiable else gradient, expected)


def test_threads_that_share_leaves_add_up_exactly():
    w, b = leaf(*np.arange(5.0)), leaf(1.0)
    threads, passes = 8, 40

    def work(k):
        for _ in range(passes):
            np.sum(w[1:] * k + b).backward()
            np.sum(w * w[0] + k).backward()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        running = [threading.Thread(target=work, args=(k,)) for k in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    total = passes * sum(range(threads))
    np.testing.assert_array_equal(w.grad, np.array([0, total, total, total, total]) + passes * threads * np.array(
        [w.data.sum(), 0, 0, 0, 0]))
    assert b.grad == passes * threads * 4


@pytest.mark.parametrize("fails", [False, True])
def test_a_hook_may_walk_through_the_same_leaves(fails):
    x = leaf(1.0, 2.0)
    other = np.sum(x * x)
    inner = x * 3

    def walk(g):
        other.backward(retain_graph=True)
        if fails:
            raise ZeroDivisionError

    inner.register_hook(walk)
    loss = np.sum(inner + x[0])
    if fails:
        with pytest.raises(ZeroDivisionError):
            loss.backward()
        np.testing.assert_array_equal(x.grad, 2 * x.data)
    else:
        loss.backward()
        np.testing.assert_array_equal(x.grad, 2 * x.data + [5, 3])
    x.zero_grad()
    np.sum(x * 4).backward()
    np.testing.assert_array_equal(x.grad, [4.0, 4.0])


def test_a_hook_that_frees_what_is_still_to_be_walked_is_named():
    x = leaf(1.0, 2.0)
    shared = x * x
    other, inner = np.sum(shared), shared * 3
    inner.register_hook(lambda g: other.backward())
    with pytest.raises(RuntimeError, match="an earlier backward pass has freed: give that pass retain_graph=True"):
        np.sum(inner).backward()
    np.testing.assert_array_equal(x.grad, 2 * x.data)


@pytest.mark.slow
def test_a_long_chain_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(200_000):
        y = y + 1e-6
    y.backward()
    np.testing.assert_array_equal(x.grad, [1.0])


@pytest.mark.slow
def test_a_long_chain_is_taken_down_without_recursion():
    y = leaf(1.0)
    for _ in range(200_000):
        y = -y
    gone = weakref.ref(y)
    del y
    assert gone() is None


@pytest.mark.slow
def test_memory_is_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = np.sum(np.exp(x[0] * x) @ np.stack([x, x]))
        nodes = [weakref.ref(node) for node in reachable(y)[0]]
        y.backward()
        del y
        minigrad.hessian(lambda v: np.sum(np.exp(v) * v[0]))(x.data)
        assert [node() for node in nodes] == [None] * len(nodes)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.slow
def test_hooks_leave_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = x * 2
        handles = [t.register_hook(lambda g: g) for t in (x, y)]
        np.sum(y).backward()
        gone = [weakref.ref(t) for t in (x, y)]
        handles[0].remove()
        del x, y, handles
        assert [t() for t in gone] == [None, None]
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_walk_under_no_grad_gives_the_gradient():
    x = leaf(1.0, 2.0)
    y = np.sum(x * x)
    with minigrad.no_grad():
        y.backward()
    np.testing.assert_array_equal(x.grad, [2.0, 4.0])


def test_a_gradient_takes_the_precision_of_what_it_belongs_to():
    x = minigrad.Tensor(np.ones(3, np.float32), requires_grad=True)
    w = minigrad.Tensor(np.ones(3), requires_grad=True)
    np.sum(x * w).backward()
    assert (x.grad.dtype, w.grad.dtype) == (np.float32, np.float64)


def test_gradients_handed_out_share_no_memory():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    np.sum(x + w).backward()
    x.grad += 1
    np.testing.assert_array_equal(w.grad, [1.0, 1.0])


def test_an_argument_without_a_derivative_keeps_the_gradient_that_it_has():
    x, sign = leaf(1.0, 2.0), leaf(3.0, -4.0)
    np.sum(sign * 5).backward()
    np.sum(np.copysign(x, sign)).backward()
    np.testing.assert_array_equal(sign.grad, [5.0, 5.0])
    np.testing.assert_array_equal(x.grad, [1.0, -1.0])


def test_a_rule_without_room_for_its_arguments_is_refused_at_once():
    for rule in (lambda g, x: g, lambda g, ans, *, x: g):
        with pytest.raises(TypeError, match=r"rule\(g, ans, x, \.\.\.\)"):
            minigrad.primitive(lambda x: x, rule)
    assert minigrad.primitive(lambda x: 2 * x, lambda *args: 2 * args[0])(3.0) == 6.0
