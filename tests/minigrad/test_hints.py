"""Names that do not exist are answered with those that are meant, which do exist."""

import inspect
import re

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, hints, nn
from minigrad.nn import functional as F

MODULES = {name: thing for name, thing in vars(nn).items() if inspect.isclass(thing) and issubclass(thing, nn.Module)}
FUNCTION_MODULES = [name for name, cls in MODULES.items() if issubclass(cls, nn.FunctionModule)
                    and cls is not nn.FunctionModule]
OPEN = {"Module", "FunctionModule", "Sequential", "Identity"}  # modules that have no arguments by name
FUNCTIONS = {**{f"F.{name}": getattr(F, name) for name in F.__all__},
             **{f"init.{name}": thing for name, thing in vars(nn.init).items() if name[-1] == "_" and name[0] != "_"},
             "minibatches": nn.minibatches, "train_test_split": nn.train_test_split, "logsumexp": minigrad.logsumexp}
CALLED = {name: thing for name, thing in {**MODULES, **FUNCTIONS}.items() if name not in OPEN}
X, Y = np.ones((4, 2)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize("name", CALLED)
def test_a_keyword_that_is_not_known_is_answered_with_all_that_are(name):
    known = [p for p in inspect.signature(CALLED[name]).parameters if p not in ("arrays", "self")]
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'nonsense'") as caught:
        CALLED[name](nonsense=1)
    assert str(caught.value).endswith(f"(it takes {', '.join(known) or 'none'})")


@pytest.mark.parametrize(("call", "words"), [
    (lambda: nn.minibatches(X, Y, batch_size=3), "minibatches got .* write size= for batch_size="),
    (lambda: nn.minibatches(X, Y, seed=3), r"write generator=np.random.default_rng\(seed\)"),
    (lambda: nn.minibatches(X, Y, shuffle=True), "leave it out, each call draws a new order"),
    (lambda: nn.Linear(2, 3, biass=True), r"Linear got .* did you mean bias\?"),
    (lambda: nn.Linear(2, 3, device="cpu"), "leave it out, the only device is the processor"),
    (lambda: nn.LeakyReLU(slope=0.1), "LeakyReLU got .* write negative_slope= for slope="),
    (lambda: nn.Dropout(rate=0.1), "write p= for rate="),
    (lambda: nn.Linear(2, 3)(X, mask=1), r"Linear.forward got .* \(it takes x\)"),
    (lambda: minigrad.softmax(X, dim=0), "write axis= for dim="),
    (lambda: F.softmax(X, axis=0), "write dim= for axis="),
    (lambda: minigrad.grad(np.sin, argnum=0), r"did you mean argnums\? \(it takes function, argnums\)"),
    (lambda: minigrad.hessian(np.sin, axis=0), r"hessian got an .* 'axis' \(it takes function, argnums\)"),
    (lambda: nn.HuberLoss(1, 2, 3), "HuberLoss: too many positional arguments"),
])
def test_a_keyword_of_another_library_is_answered_with_the_one_that_is_meant(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_the_module_of_a_student_gets_the_same_answer():
    class Net(nn.Module):
        def __init__(self, width=3):
            self.layer = nn.Linear(2, width)

    with pytest.raises(TypeError, match=r"Net got .* 'widht': did you mean width\? \(it takes width\)"):
        Net(widht=2)


@pytest.mark.parametrize("word", hints.OF_ARGUMENT)
def test_every_keyword_that_is_proposed_is_taken_somewhere_and_the_wrong_one_is_not_there(word):
    for proposal in hints.OF_ARGUMENT[word]:
        takes = [set(inspect.signature(thing).parameters) for thing in CALLED.values()]
        assert any(proposal.partition("=")[0] in names and word not in names for names in takes), proposal


@pytest.mark.parametrize("name", FUNCTION_MODULES)
def test_a_loss_or_an_activation_that_is_called_before_it_is_made_says_how(name):
    inputs = MODULES[name].inputs
    for array in np.ones((2, 3)), Tensor(np.ones((2, 3)), requires_grad=True):
        with pytest.raises(TypeError, match=rf"{name} got arrays .*: make it first, as in nn\.{name}\(") as caught:
            MODULES[name](*[array] * inputs)
    function = re.search(r"or call nn\.([\w.]+)\(", str(caught.value))[1]
    space = F if function.startswith("functional.") else nn
    assert getattr(space, function.rpartition(".")[2]) is MODULES[name].function


def test_the_cross_entropy_of_pytorch_beginners_is_answered_with_both_ways():
    with pytest.raises(TypeError, match=r"nn.CrossEntropyLoss\(\)\(output, target\), or call nn.cross_entropy\("):
        nn.CrossEntropyLoss(X, Y)
    assert nn.BCELoss(np.array([1.0, 2.0])) and nn.LeakyReLU(np.array(0.1))  # arrays that are settings


@pytest.mark.parametrize(("make", "words"), [
    (lambda: nn.Sequential([nn.Tanh(), nn.Tanh()]), r"write a \* before it, as in nn.Sequential\(\*modules\)"),
    (lambda: nn.Sequential(nn.Linear, nn.Tanh), r"got <class .*Linear'>: write Linear\(\), with its arguments"),
    (lambda: nn.Sequential(nn.Linear(2, 3), np.tanh), r"write a module, such as nn.Tanh\(\) for np.tanh"),
    (lambda: nn.Sequential(3), "Sequential holds modules; got 3$"),
    (lambda: nn.ModuleList([nn.Tanh]), r"ModuleList holds modules; got .*: write Tanh\(\)"),
    (lambda: nn.ModuleList(nn.Tanh()), r"as in nn.ModuleList\(\[first, second\]\); got Tanh\(\)"),
    (lambda: nn.minibatches([X, Y]), r"given in one list of 2; .*: write x, y and not \[x, y\]"),
    (lambda: nn.train_test_split((X, Y)), r"given in one tuple of 2; .*: write x, y and not \[x, y\]"),
    (lambda: nn.cross_entropy(X, Y.astype(float)), r"target has dtype float64 .*write y.astype\(int\)"),
    (lambda: nn.Embedding(2, 2)(Y.astype(float)), r"got dtype float64: write x.astype\(int\)"),
])
def test_what_is_nearly_right_is_answered_with_what_to_write(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_a_list_of_samples_can_be_batched():
    assert len(list(nn.minibatches([X[0], X[1], X[2]], size=2))) == 2


@pytest.mark.parametrize(("space", "name", "words"), [
    (nn, "relu", "write nn.functional.relu"), (nn, "Relu", r"did you mean nn.ReLU\?"), (nn, "F", "functional as F"),
    (nn, "Linaer", r"did you mean nn.Linear\?"), (nn, "cross_entropy_loss", r"did you mean nn.CrossEntropyLoss\?"),
    (nn, "xyz", "has no attribute 'xyz'$"), (minigrad, "Tesnor", r"did you mean minigrad.Tensor\?"),
    (minigrad, "functional", "write minigrad.nn.functional"),
])
def test_a_name_that_does_not_exist_is_answered_with_one_that_does(space, name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(space, name)


@pytest.mark.parametrize("name", F.__all__)
def test_functions_that_are_only_in_functional_are_found_from_nn(name):
    if name not in nn.__all__:
        with pytest.raises(AttributeError, match=rf"write nn\.functional\.{name}$"):
            getattr(nn, name)


def test_what_has_a_hint_does_not_exist():
    assert not [name for name in hints.OF_NETWORKS if name in vars(nn) or name in F.__all__]
