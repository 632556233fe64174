"""The equations in the docstring of a rule are the statements below them: same names, same order, same numbers."""

import inspect
import re
import unicodedata

import numpy as np
import pytest
from optimizer_catalogue import EXAMPLES

import optim
from optim.explanation.equations import calculations, equations_of

RULES = ("update", "point")  # the methods that hold a formula; Gauss-Newton's `iterate` is an algorithm
OF_THE_MACHINERY = {optim.UpdateRule, optim.Optimizer, optim.WholeVectorOptimizer, optim.Wrapper,
                    optim.constrained.PointOptimizer, optim.chain}


def methods_with_a_formula():
    """Yield (class, function) for every method of an optimizer in the catalogue that holds a formula."""
    seen = set()
    for name in EXAMPLES:
        for cls in getattr(getattr(optim, name), "__mro__", ()):
            for method in RULES:
                function = vars(cls).get(method)
                if inspect.isfunction(function) and function not in seen and cls not in OF_THE_MACHINERY:
                    seen.add(function)
                    yield pytest.param(cls, function, id=f"{cls.__name__}.{method}")


every_formula = pytest.mark.parametrize(("cls", "function"), list(methods_with_a_formula()))

# Names in the code, and the letters that stand for them

GREEK = dict(alpha="α", beta="β", gamma="γ", delta="Δ", eta="η", kappa="κ", lambd="λ", mu="μ", nu="ν", phi="φ",
             rho="ρ", sigma="σ", tau="τ", theta="θ")
LETTERS = {
    "grad": "g", "last_grad": "g₀", "prev": "g₀", "param": "θ", "lr": "γ", "momentum": "μ", "dampening": "τ",
    "weight_decay": "λ", "eps": "ε", "lr_decay": "η", "optimism": "ω", "momentum_decay": "ψ", "product": "Π",
    "shrink": "η₁", "grow": "η₂", "trust_ratio": "r", "direction": "d", "residual": "r", "rows": "G", "matrix": "L",
    "root": "P", "average": "L", "basis": "Q", "turned_grad": "g′", "turned_m": "m′", "hessian": "H", "lower": "L",
    "inverse_hessian": "B", "hessian_power": "k", "clip_threshold": "c", "gamma": "ρ", "damping": "β", "l1": "λ₁",
    "l2": "λ₂", "lambd": "κ", "ax": "x\u0304"}
MARKS = {"_hat": "\u0302", "_bar": "\u0304", "_tilde": "\u0303", "_next": "′"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def letter(name):
    """Return how a name of the code is written in equations."""
    if name in LETTERS:
        return LETTERS[name]
    for ending, mark in MARKS.items():
        if name.endswith(ending):
            return letter(name.removesuffix(ending)) + mark
    stem = name.rstrip("0123456789")
    return GREEK.get(stem, stem) + name[len(stem):].translate(SUBSCRIPTS)


@every_formula
def test_every_calculation_has_its_equation_in_the_same_order(cls, function):
    code = [unicodedata.normalize("NFD", letter(name)) for name, _ in calculations(function)]
    assert [unicodedata.normalize("NFD", left) for left, _, _ in equations_of(function)] == code


@every_formula
def test_equations_and_statements_fit_on_one_screen(cls, function):
    lines, _ = inspect.getsourcelines(function)
    assert len(lines) <= 45
    assert [line for line in lines if len(line.rstrip()) > 100] == []


def test_scaling_and_adding_in_a_row_is_one_calculation():
    def update(m, g, beta1, t):
        m *= beta1
        m += (1 - beta1) * g
        m_hat = m / (1 - beta1**t)
        return m_hat / 2

    assert [name for name, _ in calculations(update)] == ["m", "m_hat", "phi"]


# The equations as programs

ITEM = re.compile(r"(?P<space>\s+)|(?P<number>\d+(\.\d+)?)|(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹ᵗᵏ]+)"
                  r"|(?P<name>[A-Za-zΑ-ω_]+[₀₁₂₃₄₅₆₇₈₉\u0302\u0303\u0304′]*)|(?P<sign>[-−+·/^(),|√>])")
POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ᵗᵏ", "0123456789tk"))
SIGNS = {"−": "-", "·": "*", "^": "**", "√": "sqrt"}
FUNCTIONS = {"max": np.maximum, "min": np.minimum, "sign": np.sign, "sqrt": np.sqrt, "where": np.where,
             "absolute": np.abs, "clip": np.clip}


def as_python(text):
    """Return an equation's right side as an expression of Python.

    A space between two factors is a multiplication, √ takes what follows it, and f(x) without a space is a call.
    """
    items = [(match.lastgroup, match.group()) for match in ITEM.finditer(unicodedata.normalize("NFD", text))]
    assert "".join(item for _, item in items) == unicodedata.normalize("NFD", text), f"cannot read {text!r}"
    parts, ended, spaced, inside = [], False, False, False
    for kind, item in items:
        if kind == "space":
            spaced = True
            continue
        opens = kind in ("name", "number") or item in "(√" or (item == "|" and not inside)
        if ended and opens and spaced:
            parts.append("*")
        if kind == "power":
            parts.append("**" + "".join(POWERS[char] for char in item))
        elif item == "|":
            parts.append(")" if inside else "absolute(")
            inside = not inside
        elif kind == "name" and parts[-1:] == ["sqrt"]:
            parts.append(f"({identifier(item)})")
        else:
            parts.append(identifier(item) if kind == "name" else SIGNS.get(item, item))
        ended, spaced = kind in ("name", "number", "power") or item == ")" or (item == "|" and not inside), False
    return "".join(parts)


def identifier(symbol):
    """Return the letters of an equation as a name that Python accepts."""
    for mark, ending in (("\u0302", "_hat"), ("\u0304", "_bar"), ("\u0303", "_tilde"), ("′", "_next")):
        symbol = symbol.replace(mark, ending)
    return symbol.translate({ord(small): str(i) for i, small in enumerate("₀₁₂₃₄₅₆₇₈₉")})


def test_an_equation_is_read_as_mathematics():
    names = {"β1": 0.5, "g": np.array([-2.0]), "v_hat": 4.0, "t": 3, "m": 1.0}
    for text, value in {"β₁ m + (1 − β₁) g": -0.5, "m / (1 − β₁ᵗ)": 1 / 0.875, "g² / √v\u0302": 2.0,
                        "max(m, |g| + 1)": 3.0, "√(v\u0302 + 5) |g|": 6.0, "β₁^(t + 1)": 0.0625}.items():
        assert eval(as_python(text), {**FUNCTIONS, **names}) == pytest.approx(value), text


def run_of(name, hyper):
    """Return the rows of an explanation of eight steps of an optimizer."""
    p = optim.Parameter(np.array([[1.0, -0.5, 2.0]]))
    curvature = np.array([[1.0, 3.0, 0.3]])

    class Problem:
        params = [p]

        def hvp(self, v):
            return curvature * v

    problem = Problem()

    def closure():
        grad = curvature * np.sin(p.data)
        p.grad = optim.RowGradient([0], grad) if EXAMPLES[name].rows else grad
        return 0.0

    return optim.explain(EXAMPLES[name].optimizer(name, problem, hyper), closure, steps=8).rows


OF_SEVERAL_PARTS = {"chain", "ScheduleFreeSGD", "ScheduleFreeAdamW"}  # these call functions with equations of their own
ELEMENTWISE = [name for name, example in EXAMPLES.items() if example.arrays and name not in OF_SEVERAL_PARTS]
VARIANTS = {"SGD": [{"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "dampening": 0.5}],
            "ASGD": [{"t0": 2.0, "lambd": 0.1}],
            "RMSprop": [{"centered": True, "momentum": 0.5}],
            "Adam": [{"amsgrad": True}, {"decoupled_weight_decay": True, "weight_decay": 0.1}],
            "NAdam": [{"decoupled_weight_decay": True, "weight_decay": 0.1}],
            "RAdam": [{"decoupled_weight_decay": True, "weight_decay": 0.1, "betas": (0.9, 0.99)}]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_equation_has_the_value_that_the_code_computes(name):
    cls = getattr(optim, name)
    compared = set().union(*[compare_with_equations(cls, hyper) for hyper in [None, *VARIANTS.get(name, [])]])
    assert compared == {(left, right) for left, right, _ in equations_of(cls.update)} or "update" not in vars(cls)


def compare_with_equations(cls, hyper):
    """Compare each line that a run executes with its equation; return the equations that have been compared."""
    steps = list(zip(equations_of(cls.update), [lines for _, lines in calculations(cls.update)]))
    functions = {**FUNCTIONS, "rectification": optim.RAdam([optim.Parameter([1.0])]).rectification}
    names, start, compared, call = {}, {}, set(), None
    for row in run_of(cls.__name__, hyper):
        if row.method != "update":
            continue
        if row.call != call:
            names, call = {}, row.call
        names |= in_letters(row.before)
        for (left, right, _), lines in steps:
            if row.line in lines:
                start = {**names, **start} if row.line > min(lines) else dict(names)
                if row.line == max(lines):
                    result = in_letters(row.values)[identifier(unicodedata.normalize("NFD", left))]
                    expected = eval(as_python(right), {**functions, **start})
                    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-300, err_msg=f"{left} ← {right}")
                    compared.add((left, right))
        names |= in_letters(row.values)
    return compared


def in_letters(values):
    """Return values by the names that they have in equations, as Python accepts them."""
    names = {text: re.sub(r"^state\['(\w+)'\]$", r"\1", text) for text in values}
    return {identifier(unicodedata.normalize("NFD", letter(names[text]))): value for text, value in values.items()
            if names[text].isidentifier()}
