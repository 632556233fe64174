"""What an interrupt in the middle of a step leaves behind: the test raises one at every line that a step runs."""

import os
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from optimizer_catalogue import EXAMPLES, Bowl

import optim
from optim.averaging import HasAverage
from optim.whole_vector import WholeVectorOptimizer

pytestmark = pytest.mark.slow
PACKAGE = os.path.dirname(optim.__file__)


@contextmanager
def at_each_line(happens):
    """Call happens(file, line) before each line of the package inside."""
    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            happens(frame.f_code.co_filename, frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def lines_of(call):
    """Return the lines of the package that a call runs."""
    lines = {}
    with at_each_line(lambda *place: lines.setdefault(place)):
        call()
    return list(lines)


def interrupted_at(place, call):
    """Raise a KeyboardInterrupt when a call comes to a line; tell whether it did."""
    def happens(*here):
        if here == place:
            sys.settrace(None)
            raise KeyboardInterrupt

    try:
        with at_each_line(happens):
            call()
    except KeyboardInterrupt:
        return True
    return False


class Run:
    """An optimizer of the catalogue on a bowl, and checkpoints of it."""

    def __init__(self, name):
        self.problem = Bowl(rows=EXAMPLES[name].rows)
        self.optimizer = EXAMPLES[name].optimizer(name, self.problem, None)

    def step(self):
        self.optimizer.step(self.problem.closure)

    def checkpoint(self):
        return [p.data.copy() for p in self.problem.params], self.optimizer.state_dict()

    def go_back(self, checkpoint):
        for p, data in zip(self.problem.params, checkpoint[0]):
            p.data[...] = data
            p.grad = None
        self.optimizer.load_state_dict(checkpoint[1])


def same(first, second):
    """Return whether two checkpoints are equal."""
    try:
        np.testing.assert_equal(first, second)
    except AssertionError:
        return False
    return True


# Their step is made of several moves of the parameters, or computes a mean of them in place.
IN_PARTS = {"SAM", "Lookahead"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_after_an_interrupt_at_any_line_the_last_checkpoint_goes_on_bit_for_bit(name):
    run = Run(name)
    run.step()
    run.step()
    before = run.checkpoint()
    lines = lines_of(run.step)
    after = run.checkpoint()
    run.step()
    end = run.checkpoint()
    for place in lines:
        run.go_back(before)
        assert interrupted_at(place, run.step)
        now = run.checkpoint()
        if isinstance(run.optimizer, WholeVectorOptimizer):
            assert same(now, before) or same(now, after), place
        elif name not in IN_PARTS:
            for x, old, new in zip(now[0], before[0], after[0]):
                assert np.array_equal(x, old) or np.array_equal(x, new), place
        run.go_back(before)
        run.step()
        run.step()
        assert same(run.checkpoint(), end), place


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_run_that_goes_on_after_an_interrupt_still_moves(name):
    run = Run(name)
    run.step()
    run.step()
    before = run.checkpoint()
    for place in lines_of(run.step):
        run.go_back(before)
        assert interrupted_at(place, run.step)
        now = run.checkpoint()[0]
        for _ in range(3):
            run.step()
        then = run.checkpoint()[0]
        assert np.all(np.isfinite(np.concatenate([x.ravel() for x in then]))), place
        assert any(np.any(x != y) for x, y in zip(now, then)) or run.problem.loss() < 1e-10, place


@pytest.mark.parametrize("name", [name for name in EXAMPLES if issubclass(getattr(optim, name), HasAverage)])
def test_an_interrupted_look_at_the_average_puts_the_parameters_back(name):
    run = Run(name)
    run.step()
    run.step()
    before = run.checkpoint()

    def look():
        with run.optimizer.averaged():
            pass

    for place in lines_of(look):
        assert interrupted_at(place, look)
        assert same(run.checkpoint(), before), place
        run.step()
        run.go_back(before)
