"""Draw the graph of a result: what it was computed from, and how the backward pass runs through it.

`folding.py` makes boxes and edges of an explained backward pass, `layout.py` finds their places, and `picture.py` draws
them with Matplotlib, which is imported only when something is drawn.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..explanation import Explanation, explained
from ..tensor import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .picture import Picture


def draw(loss: Tensor | Explanation, ax: Axes | None = None, *, step: int | None = None, animate: bool = False,
         depth: int | None = None, limit: int = 200) -> Picture:
    """Draw the graph that led to a result, with the values and gradients of a backward pass.

    Values flow from left to right, gradients from right to left. Operations have round boxes, with their number in
    the walk back; parameters have blue boxes, and constants dashed ones. Small values and gradients are written out;
    for a large gradient the norm is shown. A green box holds several operations. A long graph is broken into rows. No
    edge runs from row to row: a small box with a dotted line stands for the parameter or operation of the same name.

    Parameters
    ----------
    loss : Tensor or Explanation
        The result, or what `minigrad.explain` returned: ``draw(explain(f, x))``. A Tensor's `.grad` and graph are left
        as they are.
    ax : Axes, optional
        Where to draw. Default: axes in a new figure, as large as the graph needs to be read. This figure is not
        pyplot's: a notebook shows the picture if it is the last line of a cell, a script by `show`, and a loop leaves
        no figures open.
    step : int, optional
        Show the backward pass after this many operations have passed on their gradients. Gradients that have just been
        passed on are dark; those that arrived before are pale.
    animate : bool, default False
        Show all these steps, one after the other.
    depth : int, optional
        Draw each `nn.Module` as one box: 1 for the outermost modules, 2 for those that they call, and so on. This needs
        a result that was computed inside `remember_lines`, or by `explain`.
    limit : int, default 200
        A graph with more boxes is folded: modules, the innermost first, then operations that repeat, then neighbours.

    Returns
    -------
    Picture
        With the axes `ax`, the artists `boxes`, `references` and `edges`, a `description` in words, the `animation` if
        there is one, and the methods `at(step)`, `show()` and `save(path)`.

    Raises
    ------
    TypeError
        If `loss` is neither a Tensor nor an Explanation.
    ValueError
        If `step`, `depth` or `limit` is out of range, or `depth` is given and no call of a module is known.

    Examples
    --------
    >>> import minigrad
    >>> x = minigrad.Tensor(3.0, requires_grad=True)
    >>> picture = minigrad.draw(x * x + 1)
    >>> picture.description
    'The graph of add#1 = 10: 2 operations, 1 parameter, 1 constant, 4 edges'
    """
    if not isinstance(loss, (Tensor, Explanation)):
        raise TypeError(f"draw takes a Tensor or an Explanation, not {loss!r}: for a function, write "
                        "minigrad.draw(minigrad.explain(function, *args))")
    explanation = loss if isinstance(loss, Explanation) else explained(loss, (), None, False, sys._getframe(1))
    count = sum(1 for row in explanation.rows if row.operation)
    if step is not None and not 0 <= step <= count:
        raise ValueError(f"step={step} is out of range: this backward pass has {count} operations, so 0 to {count}")
    if (depth is not None and depth < 1) or limit < 2:
        raise ValueError(f"depth must be at least 1, and limit at least 2; got depth={depth}, limit={limit}")
    if depth is not None and not any(row.origin.calls for row in explanation.rows):
        raise ValueError(f"depth={depth} folds the operations of each nn.Module, and this graph has no record of them: "
                         "run the forward pass inside minigrad.remember_lines(), or draw minigrad.explain(model, x)")
    from .picture import Picture as Drawn
    return Drawn(explanation, ax, step, animate, depth, limit)
