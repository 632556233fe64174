"""Batches and splits of your own data."""

import numpy as np
import pytest

from minigrad import nn

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


def rng():
    return np.random.default_rng(0)


def test_minibatches_hold_each_sample_once_with_its_target():
    batches = list(nn.minibatches(X, Y, size=4, generator=rng()))
    assert [len(y) for _, y in batches] == [4, 4, 2]
    rows = np.concatenate([y for _, y in batches])
    assert sorted(rows) == list(Y) and list(rows) != list(Y)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), X[rows])


def test_a_last_batch_that_is_smaller_is_left_out_if_asked():
    assert [len(y) for _, y in nn.minibatches(X, Y, size=4, drop_last=True)] == [4, 4]
    assert [len(x) for x in nn.minibatches(X, size=5, drop_last=True)] == [5, 5]


def test_each_epoch_has_a_new_order_and_the_same_seed_the_same():
    generator = rng()
    first, second = (np.concatenate(list(nn.minibatches(Y, size=3, generator=generator))) for _ in range(2))
    assert list(first) != list(second)
    np.testing.assert_array_equal(np.concatenate(list(nn.minibatches(Y, size=3, generator=rng()))), first)
    nn.manual_seed(0)
    np.testing.assert_array_equal(np.concatenate(list(nn.minibatches(Y, size=3))), first)


@pytest.mark.parametrize("test_size, held_out", [(0.25, 3), (3, 3), (0.5, 5), (0.0, 0), (10, 10)])
def test_a_split_holds_each_sample_once_with_its_target(test_size, held_out):
    x_train, x_test, y_train, y_test = nn.train_test_split(X, Y, test_size=test_size, generator=rng())
    assert len(x_test) == len(y_test) == held_out
    assert sorted([*y_train, *y_test]) == list(Y)
    np.testing.assert_array_equal(x_train, X[y_train])
    np.testing.assert_array_equal(x_test, X[y_test])


@pytest.mark.parametrize("call, error, words", [
    (lambda: nn.minibatches(X, Y[:3]), ValueError, r"same number of samples.*shape \(10, 2\).*shape \(3,\)"),
    (lambda: nn.minibatches(), ValueError, "got none"), (lambda: nn.minibatches(3.0), ValueError, "got 3.0"),
    (lambda: nn.minibatches(X, size=0), ValueError, "size must be a whole number of at least 1; got 0"),
    (lambda: nn.minibatches(X, size=2.5), TypeError, "size must be a whole number.*got 2.5"),
    (lambda: nn.minibatches(X, generator=0), TypeError, "generator must be a np.random.Generator"),
    (lambda: nn.train_test_split(X, test_size=1.5), ValueError, "at most 1; got 1.5"),
    (lambda: nn.train_test_split(X, test_size=11), ValueError, "at most 10; got 11"),
    (lambda: nn.train_test_split(X, test_size="a"), TypeError, "test_size must be a number; got 'a'")])
def test_misuse_is_named_before_the_first_batch(call, error, words):
    with pytest.raises(error, match=words):
        call()
