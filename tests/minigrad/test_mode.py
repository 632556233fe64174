"""The mode: however a `with` block ends, the old mode is restored."""

import contextlib
import os
import sys
import threading

import numpy as np
import pytest

import minigrad
from minigrad.mode import NO_GRAD, mode

CONTEXTS = [minigrad.no_grad, minigrad.detect_anomaly, minigrad.remember_lines]
FILES = (os.path.dirname(minigrad.__file__), contextlib.__file__)
in_each = pytest.mark.parametrize("context", CONTEXTS)

# detect_anomaly silences NumPy by np.errstate, which itself must be left where, and in the order, it was entered.
not_numpys = pytest.mark.parametrize("context", [minigrad.no_grad, minigrad.remember_lines])


@pytest.fixture(autouse=True)
def nothing_is_set():
    errors = np.geterr()
    assert mode.get() is None
    yield
    assert mode.get() is None and np.geterr() == errors


def interrupted_before(work, number):
    """Run `work`, and raise before the line of this number that runs in FILES; return whether there was one."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if event == "line":
            count += 1
            if count == number:
                raise KeyboardInterrupt
        return trace

    earlier = sys.gettrace()
    sys.settrace(lambda frame, event, arg: trace if frame.f_code.co_filename.startswith(FILES) else None)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(earlier)
    return count >= number


@in_each
@pytest.mark.parametrize("outer", [None, NO_GRAD])
def test_an_interrupt_at_any_line_leaves_the_mode_as_it_was(context, outer):
    before = np.geterr()
    inner = context if outer is None else contextlib.nullcontext

    def work():
        with context(), inner():
            pass

    token = mode.set(outer)
    try:
        number = 1
        while interrupted_before(work, number):
            assert mode.get() is outer, f"line {number}"
            assert np.geterr() == before, f"line {number}"
            number += 1
        assert number > 20
    finally:
        mode.reset(token)


@not_numpys
def test_a_generator_may_be_closed_in_another_thread(context):
    def generator():
        with context():
            yield
            yield

    seen = []

    def start():
        running.append(generator())
        next(running[0])

    def close():
        with minigrad.no_grad():
            running[0].close()
            seen.append(mode.get())

    running = []
    for work in (start, close):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [NO_GRAD]


@not_numpys
def test_contexts_may_be_left_in_any_order(context):
    outer, inner = context(), context()
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert mode.get() is None
    inner.__exit__(None, None, None)
    assert mode.get() is None


@in_each
def test_contexts_decorate_functions(context):
    @context()
    def function():
        return mode.get()

    assert function() is not None
    assert function() is not None
