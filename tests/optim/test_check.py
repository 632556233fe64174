"""`optim.check` passes right optimizers, and names what is wrong in others, with its line."""

import inspect
import json
import math
import re
import sys

import numpy as np
import pytest

import optim

RIGHT = ["SGD", "OptimisticGradient", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Adan",
         "RAdam", "AdaBelief", "Yogi", "SignSGD", "Signum", "Lion", "Rprop", "ASGD", "ScheduleFreeSGD",
         "ScheduleFreeAdamW", "FTRLProximal"]
RIGHT_BUT_NOT_ELEMENTWISE = ["Adafactor", "SM3", "LARS", "LAMB", "NovoGrad", "Shampoo", "SOAP", "Muon", "DoG",
                             "Prodigy", "PolyakSGD", "NonlinearCG", "BFGS", "LBFGS", "BacktrackingGradientDescent"]


@pytest.mark.parametrize("name", RIGHT)
def test_the_packages_own_rules_pass_all_checks(name):
    report = optim.check(getattr(optim, name))
    assert len(report.passed) == 16 and not report.left_out and not report.faults


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT_BUT_NOT_ELEMENTWISE)
def test_other_optimizers_pass_those_that_can_be_asked_of_them(name):
    report = optim.check(getattr(optim, name))
    assert len(report.passed) in (8, 14) and report.left_out and not report.faults
    assert "Left out, because it" in str(report)


def test_hyperparameters_can_be_handed_on():
    assert optim.check(optim.Adam, amsgrad=True, weight_decay=0.01).passed
    assert optim.check(optim.ProjectedGradient, projection=lambda x: x, lr=0.1).passed


class Student(optim.Optimizer):
    """Right, in the way of the guide; the classes below are each wrong in one line."""

    def __init__(self, params, lr=0.01, beta=0.9, weight_decay=0.0, *, maximize=False):
        super().__init__(params, lr=lr, beta=beta, weight_decay=weight_decay, maximize=maximize)

    def init_state(self, param):
        return {"step": 0, "m": np.zeros_like(param)}

    def update(self, grad, state, param, *, beta, weight_decay):
        m = state["m"]
        m *= beta
        m += (1 - beta) * grad
        return m / (1 - beta ** state["step"]) + weight_decay * param


def test_a_students_class_that_is_right_passes():
    assert "Student passes 16 checks: it makes a step, keeps float32" in str(optim.check(Student))


class Rebinds(Student):
    def update(self, grad, state, param, *, beta):
        m = state["m"]
        m = beta * m + (1 - beta) * grad  # wrong
        return m


class PutsNewArrays(Student):
    def update(self, grad, state, param, *, beta):
        state["m"] = beta * state["m"] + (1 - beta) * grad  # wrong
        return state["m"]


class ReturnsNothing(Student):
    def update(self, grad, state, param):  # wrong
        state["m"] += grad


class ReturnsANumber(Student):
    def update(self, grad, state, param):  # wrong
        return float(np.sum(grad))


class ChangesTheGradient(Student):
    def update(self, grad, state, param, *, weight_decay):
        if optim.hyperparameters.active(weight_decay + 1):
            grad += weight_decay * param + 1e-9  # wrong
        return grad


class MovesTheParameter(Student):
    def update(self, grad, state, param):
        param -= 0.1 * grad  # wrong
        return grad


class Climbs(Student):
    def update(self, grad, state, param):  # wrong
        return -grad


class StandsStill(Student):
    def update(self, grad, state, param):
        return 0 * grad


class ForgetsEps(Student):
    def update(self, grad, state, param):
        size = np.abs(grad)
        phi = grad / size  # wrong
        return phi


class UsesANorm(Student):
    def update(self, grad, state, param):
        doubled = 2 * grad
        norm = np.linalg.norm(grad)  # wrong
        return doubled / (norm.item() + 1e-8)


class PromotesFloat32(Student):
    def update(self, grad, state, param, *, beta):
        scaled = grad * 1.0
        scaled = scaled * np.sqrt(1 - beta)  # wrong
        return scaled


class StartsInFloat64(Student):
    def init_state(self, param):  # wrong
        return {"m": np.zeros(param.shape)}

    def update(self, grad, state, param):
        state["m"] += grad
        return state["m"]


class AsksIfAnArrayIsTrue(Student):
    def update(self, grad, state, param, *, weight_decay):
        if weight_decay > 0:  # wrong
            grad = grad + weight_decay * param
        return grad


class CountsInUpdate(Student):
    def init_state(self, param):
        return {"calls": 0}

    def update(self, grad, state, param):
        state["calls"] += 1  # wrong
        return grad / state["calls"] ** 0.1


class CountsStepAgain(Student):
    def update(self, grad, state, param):
        state["step"] += 1  # wrong
        return grad / state["step"] ** 0.1


class StartsAtOne(Student):
    def init_state(self, param):  # wrong
        return {"step": 1, "m": np.zeros_like(param)}


class CountsInAdvanceToo(Student):
    def advance(self, state):  # wrong
        state["step"] += 1


class CountsAgainInAWholeArray(Student):
    elementwise = False

    def update(self, grad, state, param):  # wrong
        state["step"] += 1
        return grad / state["step"] ** 0.1


class KeepsItOnSelf(Student):
    def update(self, grad, state, param):
        last = getattr(self, "last", None)
        self.last = grad.copy()  # wrong
        return grad if last is None or last.shape != grad.shape else grad + 0.1 * last


class HidesItInAList(Student):
    def __init__(self, params, lr=0.01):
        super().__init__(params, lr=lr)
        self.calls = []

    def update(self, grad, state, param):
        self.calls.append(1)
        return grad / len(self.calls) ** 0.1


class DropsTheLoss(Student):
    def step(self, closure=None):
        super().step(closure)

    def update(self, grad, state, param):
        return grad


class IgnoresMaximize(optim.Optimizer):
    def __init__(self, params, lr=0.01, *, maximize=False):
        super().__init__(params, lr=lr)

    def update(self, grad, state, param):
        return grad


class Misspells(Student):
    def update(self, grad, state, param):
        return state["momentum"] + grad  # wrong


class KeepsASettingOnSelf(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):  # wrong
        super().__init__(params, lr=lr)
        self.beta = beta

    def update(self, grad, state, param):
        return (1 - self.beta) * grad


class KeepsItUnderAPrivateName(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):  # wrong
        super().__init__(params, lr=lr)
        self._beta = beta

    def update(self, grad, state, param):
        return (1 - self._beta) * grad


class KeepsSeveralOnSelf(optim.Optimizer):
    def __init__(self, params, lr=0.01, betas=(0.9, 0.99)):  # wrong
        super().__init__(params, lr=lr)
        self.beta1, self.beta2 = betas

    def update(self, grad, state, param):
        return self.beta1 * self.beta2 * grad


class ForgetsAHyperparameter(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):
        super().__init__(params, lr=lr, beta=beta)

    def update(self, grad, state, param):  # wrong
        return 0.9 * grad


class AsksForAHyperparameterInVain(ForgetsAHyperparameter):
    def update(self, grad, state, param, *, beta):  # wrong
        return 0.9 * grad


class StepsWithASettingOnSelf(optim.Optimizer):
    def __init__(self, params, lr=0.01):  # wrong
        super().__init__(params, dict(lr=lr))
        self.lr = lr

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data -= self.lr * p.grad


class StepsByNumbersOfItsOwn(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

    def step(self):  # wrong
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data -= 0.1 * group["lr"] * p.grad


class CannotBeSaved(Student):
    def init_state(self, param):
        return {"rng": np.random.default_rng(0)}

    def update(self, grad, state, param):
        return grad


WRONG = [
    (Rebinds, r'state\["m"\] never changes: a line gives its name, m, to a new array.* Write m \*= '),
    (PutsNewArrays, r'puts a new array into state\["m"\].*state\["m"\]\[\.\.\.\] = '),
    (ReturnsNothing, "ReturnsNothing.update returned None.*its last line has to be `return"),
    (ReturnsANumber, r"returned something of shape \(\); expected phi, an array of the parameter's shape \(2, 3\)"),
    (ChangesTheGradient, r"update changes the gradient in place: write grad = grad \+"),
    (MovesTheParameter, "update changes the parameter in place: return phi"),
    (Climbs, "climbs instead of descending.*phi points uphill"),
    (StandsStill, "a step with a gradient moves nothing"),
    (ForgetsEps, "with a gradient of 0, update returns numbers that are not finite: is an eps missing?"),
    (UsesANorm, "moves differently in pieces and whole.*Write elementwise = False"),
    (PromotesFloat32, "float32 numbers become float64"),
    (StartsInFloat64, r'init_state makes state\["m"\] float64 for a float32 parameter: write np.zeros_like\(param\)'),
    (AsksIfAnArrayIsTrue, "is given an array as weight_decay, it raises ValueError.*hyperparameters.active"),
    (CountsInUpdate, r'update changes the number state\["calls"\].*move that line to advance'),
    (CountsStepAgain, r'update changes the number state\["step"\].*is counted for you'),
    (StartsAtOne, r'state\["step"\] starts at 1, .* the first one finds 2: let init_state return "step": 0'),
    (CountsInAdvanceToo, r'after one step, state\["step"\] is 2: it is counted for you, so leave out your own line'),
    (CountsAgainInAWholeArray, r'after one step, state\["step"\] is 2: it is counted for you'),
    (KeepsItOnSelf, r'a step sets self.last, which is one for all.* state\["last"\]'),
    (HidesItInAList, "two groups do not move as two optimizers do.*a run resumed from .* goes another way"),
    (DropsTheLoss, "closure.* returns None, where the closure returned 0.25"),
    (IgnoresMaximize, "maximize=True is not the same as a gradient of the other sign"),
    (Misspells, "where it makes a step, it raises KeyError: 'momentum'"),
    (KeepsASettingOnSelf, r"a step depends on self.beta, which no group.*beta=beta in .* param, \*, beta\)`"),
    (KeepsItUnderAPrivateName, r"a step depends on self._beta, .*write beta=beta in the call of super"),
    (KeepsSeveralOnSelf, r"depends on self.beta1, .*depends on self.beta2, .*beta2=beta2 in .* param, \*, beta2\)`"),
    (ForgetsAHyperparameter, r"hyperparameter beta does nothing.*`def update\(self, grad, state, param, \*, beta\)`"),
    (AsksForAHyperparameterInVain, "the hyperparameter beta does nothing, since no line reads it"),
    (StepsWithASettingOnSelf, r'a step depends on self.lr, .*read group\["lr"\] for each group in self.param_groups'),
    (StepsByNumbersOfItsOwn, r'hyperparameter beta does nothing.*read group\["beta"\] for each group'),
    (CannotBeSaved, r"where it resumes bit for bit, it raises TypeError: .*\['rng'\] is a Generator"),
]


@pytest.mark.parametrize(("student", "message"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_wrong_is_named_with_its_line(student, message):
    with pytest.raises(AssertionError) as caught:
        optim.check(student)
    text = str(caught.value)
    assert re.search(message, text.replace("\n", " ")), text
    lines, first = inspect.getsourcelines(student)
    for number, line in enumerate(lines, first):
        if line.rstrip().endswith("# wrong"):
            assert f"test_check.py:{number}: {line.strip()}" in text


@pytest.mark.parametrize("student", [UsesANorm, KeepsItOnSelf, CountsInUpdate, CountsStepAgain,
                                     StartsAtOne, CountsInAdvanceToo, ReturnsNothing, KeepsASettingOnSelf,
                                     ForgetsAHyperparameter, StepsWithASettingOnSelf, StepsByNumbersOfItsOwn])
def test_what_follows_from_a_fault_is_not_reported_again(student):
    with pytest.raises(AssertionError, match=rf"{student.__name__} has 1 fault:"):
        optim.check(student)


def test_all_faults_are_reported_at_once():
    class Careless(Student):
        def update(self, grad, state, param):
            grad += 1e-3 * param
            return -grad

    with pytest.raises(AssertionError, match=r"(?s)Careless has \d faults:\n1\. .*\n2\. "):
        optim.check(Careless)


def test_a_rule_with_a_norm_passes_once_it_says_so():
    class SaysSo(UsesANorm):
        elementwise = False

    assert "because it asks for whole arrays: moves in pieces" in str(optim.check(SaysSo))


def test_the_tracer_that_was_there_is_there_afterwards():
    def tracer(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(AssertionError):
            optim.check(Rebinds)
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer


@pytest.mark.parametrize("what", [3, np.sign, optim.Adam([optim.Parameter([1.0])]), optim.clip])
def test_what_is_not_an_optimizer_class_is_refused(what):
    with pytest.raises(TypeError, match="expected a subclass of Optimizer"):
        optim.check(what)


# What newcomers write: each is reported once, under `check` and, where it cannot work, in training too

class ReturnsAList(Student):
    def update(self, grad, state, param):  # wrong
        return [0.1 * row for row in grad]


class ReadsDefaults(Student):
    def update(self, grad, state, param):  # wrong
        return self.defaults["beta"] * grad


class ReadsTheFirstGroup(Student):
    def update(self, grad, state, param):  # wrong
        return self.param_groups[0]["beta"] * grad


class LooksForAGroup(Student):
    def update(self, grad, state, param):
        return group["beta"] * grad  # noqa: F821


class LooksForTheStep(Student):
    def update(self, grad, state, param, *, beta):
        return grad / (1 - beta**step)  # noqa: F821


class LooksForItsState(Student):
    def update(self, grad, state, param):
        return self.state[param]["m"] + grad  # wrong


class TakesTheStateForAnObject(Student):
    def update(self, grad, state, param):
        return state.m + grad  # wrong


class CallsAMethodOfTorch(Student):
    def update(self, grad, state, param):
        return grad.clamp(-1, 1)  # wrong


class CallsTorch(Student):
    def update(self, grad, state, param):
        return torch.sign(grad)  # noqa: F821


class AsksIfAGradientIsTrue(Student):
    def update(self, grad, state, param):
        if grad > 0:  # wrong
            return grad
        return -grad


class UsesMath(Student):
    def update(self, grad, state, param):
        return math.copysign(1, grad)  # wrong


class MisspellsInitState(optim.Optimizer):
    def __init__(self, params, lr=0.01):
        super().__init__(params, lr=lr)

    def init_sate(self, param):
        return {"m": np.zeros_like(param)}

    def update(self, grad, state, param):
        return state["m"] + grad  # wrong


class MisspellsUpdate(optim.Optimizer):
    def __init__(self, params, lr=0.01):
        super().__init__(params, lr=lr)

    def updat(self, grad, state, param):
        return grad


class ForgetsLr(optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params)  # wrong

    def update(self, grad, state, param):
        return grad


class ForgetsSuper(optim.Optimizer):
    def __init__(self, params, lr=0.1):  # wrong
        self.lr = lr

    def update(self, grad, state, param):
        return grad


class ForgetsParam(Student):
    def update(self, grad, state):  # wrong
        return grad


class ForgetsSelf(Student):
    def update(grad, state, param):  # wrong
        return grad


class SwapsArguments(Student):
    def update(self, param, grad, state):  # wrong
        return grad


class ForgetsTheStar(Student):
    def update(self, grad, state, param, beta, weight_decay=0.0):  # wrong
        return beta * grad


class TakesAllKeywords(Student):
    def update(self, grad, state, param, **hyper):  # wrong
        return hyper["beta"] * grad


class LooksForLrOnSelf(Student):
    def update(self, grad, state, param):
        return self.lr * grad  # wrong


class ReturnsNoState(Student):
    def init_state(self, param):  # wrong
        {"m": np.zeros_like(param)}


class ReturnsAVector(Student):
    def update(self, grad, state, param):  # wrong
        return grad.ravel()


class ReturnsNewParameters(Student):
    def update(self, grad, state, param, *, lr):  # wrong
        return param - lr * grad


class MultipliesByLr(Student):
    def update(self, grad, state, param, *, lr):  # wrong
        return lr * grad


class StartsWithNumbers(Student):
    def init_state(self, param):
        return {"m": 0.0}

    def update(self, grad, state, param):
        state["m"] = 0.9 * state["m"] + grad  # wrong
        return state["m"]


class MakesItsStateInUpdate(Student):
    def init_state(self, param):
        return {}

    def update(self, grad, state, param):
        if "m" not in state:
            state["m"] = np.zeros_like(param)  # wrong
        state["m"] *= 0.9
        state["m"] += grad
        return state["m"]


class KeepsTheGradientItself(Student):
    def update(self, grad, state, param):
        change = grad - state["m"]
        state["m"] = grad  # wrong
        return grad + 0.1 * change


class ForgetsToCount(Student):
    def init_state(self, param):
        return {}

    def update(self, grad, state, param):
        return grad / state["step"]  # wrong


class CountsInIntegers(Student):
    def init_state(self, param):
        return {"v": np.zeros(param.shape, int)}

    def update(self, grad, state, param):
        state["v"] += grad * grad  # wrong
        return grad


class TakesTheParameterForAnObject(Student):
    def update(self, grad, state, param):
        return param.grad  # wrong


class StepsByItself(optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr)

    def step(self, grads):  # wrong
        pass


class NeedsLr(Student):
    def __init__(self, params, lr):  # wrong
        super().__init__(params, lr)


class LooksForLr(optim.Optimizer):
    def __init__(self, params, lr=0.01):
        super().__init__(params, lr=lr)

    def update(self, grad, state, param):
        return lr * grad  # noqa: F821


class LooksForBeta(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):
        super().__init__(params, lr=lr, beta=beta)

    def update(self, grad, state, param):
        return beta * grad  # noqa: F821


class WritesTorch(optim.Optimizer):
    def __init__(self, params, lr=0.01, beta=0.9):
        super().__init__(params, lr=lr, beta=beta)

    def update(self, grad, state, param, *, beta):
        return grad.mul_(beta)


class StepsAsForPyTorch(optim.Optimizer):
    def __init__(self, params, lr=0.01):
        super().__init__(params, dict(lr=lr))


class IgnoresItsClosure(StepsAsForPyTorch):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data -= group["lr"] * p.grad


class MisspellsInItsStep(StepsAsForPyTorch):
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= group["rate"] * p.grad


class NeverFillsItsState(StepsAsForPyTorch):
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data -= self.state[p]["m"]


class MovesTheParameterItself(StepsAsForPyTorch):
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad


UNUSABLE = [  # in training as well
    (ForgetsLr, "ForgetsLr needs the hyperparameter `lr`.*: write lr=lr in the call of super"),
    (ForgetsSuper, r"'ForgetsSuper' object has no attribute.*: its __init__ has to call super"),
    (ForgetsParam, r"ForgetsParam.update\(self, grad, state\): write `def update\(self, grad, state, param\)`"),
    (ForgetsSelf, r"ForgetsSelf.update\(grad, state, param\): write `def update\(self, grad, state, param\)`"),
    (SwapsArguments, r"write `def update\(self, grad, state, param\)`. Arrays come first, in this order"),
    (ForgetsTheStar, r"write `def update\(self, grad, state, param, \*, beta, weight_decay\)`"),
    (TakesAllKeywords, r"TakesAllKeywords.update has \*\*hyper, which would always be empty: write the name"),
    (LooksForLrOnSelf, r"no attribute 'lr': hyperparameters are in the groups; write `def update\(.*param, \*, lr\)`"),
    (ReturnsNoState, "ReturnsNoState.init_state returned None; expected a dictionary"),
    (ReturnsNothing, "ReturnsNothing.update returned None"),
    (ReturnsANumber, r"ReturnsANumber.update returned something of shape \(\)"),
    (MisspellsUpdate, "its method updat is never called: did you mean update?"),
    (ReturnsAList, r"ReturnsAList.update returned a list; .*: write the formula for the whole array"),
    (ReturnsAVector, r"ReturnsAVector.update returned something of shape \(6,\); .* shape \(2, 3\)"),
]
MISUNDERSTOOD = [
    (ReturnsNewParameters, "with a gradient of 0, update returns the parameter: .* return phi alone"),
    (MultipliesByLr, "update multiplies by lr, and so does step.*return phi without lr"),
    (StartsWithNumbers, r'an array into state\["m"\], where there was none: let init_state make it'),
    (MakesItsStateInUpdate, r'an array into state\["m"\], where there was none: let init_state make it'),
    (KeepsTheGradientItself, r'puts a new array into state\["m"\]'),
    (PutsNewArrays, r'puts a new array into state\["m"\]'),
    (ForgetsToCount, "KeyError: 'step'; put \"step\": 0 into the dictionary that init_state returns"),
    (CountsInIntegers, r"let init_state make arrays by np.zeros_like\(param\)"),
    (TakesTheParameterForAnObject, "its gradient is the argument grad"),
    (LooksForLr, "name 'lr' is not defined; step multiplies what update returns by lr: leave lr out"),
    (LooksForBeta, r"name 'beta' is not defined; name it after the `\*`"),
    (WritesTorch, r"no attribute 'mul_'; arrays are NumPy's: write m \*= beta"),
    (IgnoresItsClosure, r"IgnoresItsClosure.step\(closure\) does not call its closure"),
    (MisspellsInItsStep, r"MisspellsInItsStep has no hyperparameter 'rate'; choose from lr"),
    (NeverFillsItsState, r"KeyError: 'm'; self.state\[p\] is empty until step puts something there"),
    (MovesTheParameterItself, "a parameter's array is p.data: write p.data -= ..."),
    (StepsByItself, r"write `def step\(self, closure=None\)`, or write no step at all"),
    (ReadsDefaults, "each with its own beta: .* or read beta from something else than its arguments"),
    (ReadsTheFirstGroup, "each with its own beta: .* or read beta from something else than its arguments"),
    (LooksForAGroup, r"name 'group' is not defined; name what you need after the `\*`"),
    (LooksForTheStep, r"name 'step' is not defined; write state\[\"step\"\], and let init_state return \"step\": 0"),
    (LooksForItsState, r"unhashable type.*; the argument state is that of the parameter: write state\[\"m\"\]"),
    (TakesTheStateForAnObject, r'a state is a dictionary: write state\["m"\] for state.m'),
    (CallsAMethodOfTorch, r"no attribute 'clamp'; arrays are NumPy's: write np.sqrt\(v\) for v.sqrt\(\)"),
    (CallsTorch, r"arrays are NumPy's: write np.sqrt\(v\) for torch.sqrt\(v\)"),
    (AsksIfAGradientIsTrue, r"truth value of an array .*: write np.where\(condition, a, b\)"),
    (UsesMath, "take one number: write NumPy's, such as np.sign"),
    (MisspellsInitState, "KeyError: 'm'; its method init_sate is never called: did you mean init_state?"),
    (NeedsLr, r"give it a default, or pass check a value, as in check\(MyOptimizer, lr=0.1\)"),
]


@pytest.mark.parametrize(("student", "message"), UNUSABLE + MISUNDERSTOOD,
                         ids=lambda value: getattr(value, "__name__", ""))
def test_what_newcomers_write_is_one_fault_with_its_line(student, message):
    with pytest.raises(AssertionError, match=rf"{student.__name__} has 1 fault:") as caught:
        optim.check(student)
    test_what_is_wrong_is_named_with_its_line(student, message)
    assert "test_check.py:" in str(caught.value)


@pytest.mark.parametrize(("student", "message"), UNUSABLE, ids=lambda value: getattr(value, "__name__", ""))
def test_what_cannot_work_is_reported_in_the_same_words_in_training(student, message):
    p = optim.Parameter(np.ones((2, 3)))
    p.grad = np.ones((2, 3))
    with pytest.raises((TypeError, ValueError, AttributeError, NotImplementedError), match=message):
        student([p]).step()
    np.testing.assert_array_equal(p.data, 1)


@pytest.mark.parametrize("student", [PutsNewArrays, StartsWithNumbers, MakesItsStateInUpdate])
def test_a_state_that_pieces_would_lose_is_refused_in_training(student):
    p = optim.Parameter(np.ones(2 * optim.interface.optimizer.PIECE))
    p.grad = p.data.copy()
    with pytest.raises(TypeError, match=r"puts a new array into state\['m'\], .*: let init_state make"):
        student([p]).step()
    np.testing.assert_array_equal(p.data, 1)


def test_a_rule_for_whole_arrays_may_put_new_ones_into_its_state():
    class Whole(PutsNewArrays):
        elementwise = False

    assert "changes its state in place" in str(optim.check(Whole))


def test_names_of_ones_own_serve_as_arguments():
    class Renamed(Student):
        def update(self, g, s, theta, *, beta):
            m = s["m"]
            m *= beta
            m += g
            return m

    assert optim.check(Renamed).passed


def test_what_is_on_self_and_is_no_setting_of_a_step_may_stay_there():
    class Right(Student):
        def __init__(self, params, lr=0.01, beta=0.9, title="run", verbose=False):
            super().__init__(params, lr=lr, beta=beta, weight_decay=0.0)
            self.beta, self.title, self.rng, self.verbose = beta, title, np.random.default_rng(0), verbose

        def update(self, grad, state, param, *, beta, weight_decay):
            if self.verbose:
                print(self.title)
            return beta * grad + weight_decay * param

    class KeepsAWord(Right):
        def update(self, grad, state, param, *, beta):
            return np.sign(grad) if self.title == "run" else beta * grad

    assert optim.check(Right).passed
    with pytest.raises(AssertionError, match="KeepsAWord has 1 fault:\n1. a step depends on self.title"):
        optim.check(KeepsAWord)


def scale_of(group):
    return group["lr"] * group["beta"]


def test_a_function_outside_the_class_may_read_hyperparameters():
    class Right(StepsByNumbersOfItsOwn):
        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.data -= scale_of(group) * p.grad

    assert optim.check(Right).passed


def test_a_class_without_source_is_checked():
    space = {"Student": Student, "np": np}
    exec("class Typed(Student):\n    def update(self, grad, state, param):\n        state['m'][...] = grad\n"
         "        self.last = grad\n        return state['m']\n", space)
    with pytest.raises(AssertionError, match=r"a step sets self.last, .*\n   <string>:4$"):
        optim.check(space["Typed"])


class ReadsAndNeverWrites(Student):
    def update(self, grad, state, param):  # wrong
        m = 0.9 * state["m"] + grad
        return m


def test_a_state_that_is_read_and_never_written_is_reported():
    with pytest.raises(AssertionError, match=r'state\["m"\] stays at zero'):
        optim.check(ReadsAndNeverWrites)


def test_a_program_can_read_what_was_found():
    class Uphill(optim.Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, lr=lr)

        def update(self, grad, state, param):
            return -grad

    report = optim.check(Uphill, raises=False)
    found = json.loads(report.json())
    assert found["optimizer"] == "Uphill" and found["right"] is False
    assert len(found["faults"]) == 1 and "it climbs instead of descending" in found["faults"][0]
    assert "makes a step" in found["passed"] and "descends a bowl" not in found["passed"]
    assert json.loads(optim.check(optim.LBFGS).json())["left_out"]["treats groups apart"].startswith("it is more than")
