"""Write the tables of the documentation: `python docs/tables.py` runs every optimizer and asks the registry of rules.

`optimizers.md` shows the loss that each optimizer reaches on three problems. The hyperparameters and steps are those of
`tests/optimizer_catalogue.py`, which the tests check. `numpy.md` lists the functions of NumPy that have derivatives.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from optimizer_catalogue import EXAMPLES, Bowl, Network, Rosenbrock  # noqa: E402

import minigrad  # noqa: E402


def cell(name, problem):
    """Return the result of an optimizer on a problem as text: loss, steps and hyperparameters."""
    stated = getattr(EXAMPLES[name], problem.__name__.lower())
    if isinstance(stated, str):
        return "–"
    hyper, steps, _ = stated
    task = problem(rows=EXAMPLES[name].rows)
    optimizer = EXAMPLES[name].optimizer(name, task, hyper)
    for _ in range(steps):
        optimizer.step(task.closure)
    settings = ", ".join(f"{key}={value}" for key, value in hyper.items())
    return f"{task.loss():.1e} in {steps}" + (f" ({settings})" if settings else "")


def optimizers():
    """Yield the lines of optimizers.md."""
    yield "# What each optimizer reaches\n"
    yield "Each cell gives the loss, the number of steps, and the hyperparameters that were set. A dash means that the"
    yield "method cannot solve the problem.\n"
    for problem in (Bowl, Rosenbrock, Network):
        yield f"* **{problem.__name__}**: {problem.__doc__.partition(chr(10))[0]}"
    yield "\n| optimizer | Bowl | Rosenbrock | Network |\n| --- | --- | --- | --- |"
    for name in EXAMPLES:
        yield f"| {name} | " + " | ".join(cell(name, problem) for problem in (Bowl, Rosenbrock, Network)) + " |"


def functions():
    """Yield the lines of numpy.md."""
    yield "# Which functions of NumPy have derivatives\n"
    yield "A *rule* is a vector-Jacobian product. A *composition* is written in other functions, and differentiated"
    yield "through them. A *constant* has derivative zero, or no useful derivative, and returns plain arrays. A"
    yield "function that works *in place* is refused, with a message that says what to write instead. Everything that"
    yield "autograd 1.9 and MyGrad 2.5 differentiate is here, or takes one line, such as `1 / np.cos(x)` for MyGrad's"
    yield "`sec`; tests compare the lists."
    yield "\n| function | on Tensors |\n| --- | --- |"
    for row in minigrad.coverage():
        yield f"| {row.name} | {row.kind} |"


if __name__ == "__main__":
    for file, lines in ("optimizers.md", optimizers()), ("numpy.md", functions()):
        (HERE / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(HERE / file)
