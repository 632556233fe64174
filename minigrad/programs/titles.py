"""What a program, its arguments and its results are called: after the reader's function."""

import inspect
from functools import partial

from .calls import Call, calls_in
from .reader import MINIGRAD


def inner_function(function):
    """Return the reader's function inside wrappers of minigrad, such as value_and_grad(f), and the wrappers."""
    wrappers = []
    while True:
        while isinstance(function, partial):
            function = function.func
        code = getattr(function, "__code__", None)
        if code is None or not code.co_filename.startswith(MINIGRAD):
            return function, wrappers
        contents = dict(zip(code.co_freevars, [cell.cell_contents for cell in function.__closure__ or ()]))
        inside = [x for name, x in contents.items() if callable(x) and not isinstance(x, type)]
        if not inside:
            return function, wrappers
        wrappers.append((function.__qualname__.split(".")[0], contents.get("argnums", 0)))
        function = inside[-1]


def title_of(function):
    """Return what a program is called: rosenbrock_value_and_grad."""
    inner, wrappers = inner_function(function)
    name = getattr(inner, "__name__", type(inner).__name__).strip("_")
    name = name if name.isidentifier() else "function"
    kinds = [kind for kind, _ in wrappers]
    return "_".join([name, "hessian" if kinds[:2] == ["jacobian", "grad"] else kinds[0]]) if kinds else name


def name_results(function, trace):
    """Name the results of a gradient after the arguments: dW is that by W."""
    _, wrappers = inner_function(function)
    kind, argnums = wrappers[0] if wrappers else (None, 0)
    if kind not in (None, "grad", "value_and_grad"):  # of second order: a slope of a slope has no short name
        for call in trace.calls:
            call.slope_of = None
    if kind not in ("grad", "value_and_grad"):
        return
    by = tuple([trace.args[i] for i in argnums]) if isinstance(argnums, tuple) else trace.args[argnums]
    slopes = trace.result[1] if kind == "value_and_grad" else trace.result
    for argument, slope in zip(calls_in(by), calls_in(slopes)):
        name = argument.name or argument.path.rpartition("[")[2].strip("]\"'")
        slope.name = slope.name or f"d{name}"
    if kind == "value_and_grad" and isinstance(trace.result[0], Call):
        trace.result[0].name = trace.result[0].name or "value"


def parameter_names(function, count):
    """Return what the reader calls the arguments."""
    inner, _ = inner_function(function)
    try:
        names = [p.name for p in inspect.signature(inner).parameters.values() if p.kind < p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        names = []
    given = names[:count] + ["xyzuvw"[i] if count <= 6 else f"x{i}" for i in range(len(names), count)]
    return given if len(set(given)) == count and "np" not in given else [f"x{i}" for i in range(count)]
