"""A keyword argument that a class does not take is answered with those that it does."""

import copy
import inspect

import pytest

import optim
from optim import schedule
from optim.interface.keywords import ELSEWHERE, KnownKeywords, names_of

CLASSES = {name: thing for space in (vars(optim), vars(schedule)) for name, thing in space.items()
           if inspect.isclass(thing) and issubclass(thing, KnownKeywords) and names_of(thing)}


def sgd():
    return optim.SGD([optim.Parameter([1.0])], lr=0.1)


def test_all_optimizers_links_and_schedules_are_there():
    assert {"Adam", "LBFGS", "Lookahead", "chain", "scale_by_adam", "StepLR"} <= CLASSES.keys()


@pytest.mark.parametrize("name", CLASSES)
def test_a_keyword_that_is_not_known_is_answered_with_all_that_are(name):
    known = [p.name for p in list(inspect.signature(CLASSES[name].__init__).parameters.values())[1:]
             if p.kind is not p.VAR_POSITIONAL]
    with pytest.raises(TypeError, match=f"^{name} got an unexpected keyword argument 'nonsense'") as caught:
        CLASSES[name](nonsense=1)
    assert str(caught.value).endswith(f"(it takes {', '.join(known)})")


@pytest.mark.parametrize("name", CLASSES)
def test_the_signature_is_that_of_init(name):
    own = list(inspect.signature(CLASSES[name].__init__).parameters.values())[1:]
    assert list(inspect.signature(CLASSES[name]).parameters.values()) == own


@pytest.mark.parametrize("word", ELSEWHERE)
def test_every_proposal_is_an_argument_of_a_class_that_does_not_take_the_word(word):
    for proposal in ELSEWHERE[word]:
        takes = map(names_of, CLASSES.values())
        assert any(proposal.partition("=")[0] in names and word not in names for names in takes), proposal


class Mine(optim.Optimizer):
    def __init__(self, params, lr=0.1, beta=0.9):
        super().__init__(params, lr=lr, beta=beta)

    def update(self, grad, state, param, *, beta):
        return beta * grad


@pytest.mark.parametrize(("call", "words"), [
    (lambda p: optim.Adam([p], momentum=0.9), r"write betas=\(momentum, ...\)"),
    (lambda p: optim.Adam([p], beta1=0.9), r"write betas=\(beta1, ...\)"),
    (lambda p: optim.Adan([p], beta2=0.9), r"write betas=\(beta1, beta2, ...\)"),
    (lambda p: optim.SGD([p], learning_rate=0.1), "write lr= for learning_rate="),
    (lambda p: optim.SGD([p], nestrov=True), r"did you mean nesterov\?"),
    (lambda p: optim.SGD(model=p), r"write params=model.parameters\(\)"),
    (lambda p: optim.RMSprop([p], rho=0.9), "write alpha= for rho="),
    (lambda p: optim.scale_by_adam(beta1=0.9), "write b1= for beta1="),
    (lambda p: optim.Lookahead(sgd(), step_length=3), "Lookahead got an unexpected keyword argument 'step_length'"),
    (lambda p: schedule.StepLR(sgd(), stepsize=3), "write step_size= for stepsize="),
    (lambda p: schedule.CosineAnnealingLR(sgd(), epochs=3), "write T_max= for epochs="),
    (lambda p: Mine([p], learning_rate=3), r"Mine got .*: write lr= for .* \(it takes params, lr, beta\)"),
])
def test_a_name_from_elsewhere_is_answered_with_the_one_here(call, words):
    with pytest.raises(TypeError, match=words):
        call(optim.Parameter([1.0]))


def test_a_class_that_takes_any_keyword_gets_it():
    class Any(optim.Optimizer):
        def __init__(self, params, **hyperparameters):
            self.given = hyperparameters
            super().__init__(params, lr=0.1)

    assert Any([optim.Parameter([1.0])], nonsense=3).given == {"nonsense": 3}


def test_optimizers_are_still_copied():
    optimizer = Mine([optim.Parameter([1.0])], beta=0.5)
    assert copy.deepcopy(optimizer).defaults["beta"] == 0.5
