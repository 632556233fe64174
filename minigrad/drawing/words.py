"""The text in the boxes of a picture, and how much room it takes. Lengths are in points."""

import textwrap

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from ..digits import show
from ..explanation import bracketed
from ..structure import arrays_in
from .folding import FEW, shape_of

SIZE, LEADING = 9, 12.5  # of text, and from line to line
PAD = 7, 4  # around the text in a box
LONGEST = 26  # characters in a line
DIGITS = 4


class Words:
    """The text of a box: a title, the numbers of operations in the walk back, facts, and a gradient that grows.

    The box has room for the gradient at every step, so that all pictures of a graph have the same layout. References
    to it show its `name` and the numbers.
    """

    def __init__(self, box):
        operations = [row for row in box.rows if row.operation]
        self.row = operations[-1] if operations else box.rows[0] if box.rows else None
        self.title = cut(box.title or in_few_digits(box.value) or "array")
        self.turn = turn(operations)
        self.facts = list(facts(box))
        gradients = list(map(self.gradient, [1, *(give.giver for give in self.row.received)] if self.row else []))
        self.lines = 1 + len(self.facts) + any(gradients)
        widths = [heading_width(self.title, self.turn), *map(text_width, self.facts), *map(text_width, gradients)]
        self.size = max(widths) + 2 * PAD[0], self.lines * LEADING + 2 * PAD[1]
        self.name = self.title.partition(" = ")[0]
        self.small = heading_width(self.name, self.turn) + 2 * PAD[0], LEADING + PAD[1]  # the size of a reference

    def gradient(self, step):
        """Return what is known of the gradient after a number of steps; "" if none has arrived."""
        if self.row is None or not arrived(self.row, step):
            return ""
        parts = [give.value for give in self.row.received if give.giver <= step]
        complete = len(parts) == len(self.row.received)
        total = self.row.gradient if complete else self.row.received[len(parts)].before
        if (shown := in_few_digits(total)) is None:
            with np.errstate(all="ignore"):
                return f"‖grad‖ {np.sqrt(sum(np.linalg.norm(part) ** 2 for part in arrays_in(total))):.{DIGITS}g}"
        if 1 < len(parts) <= FEW and np.ndim(total) == 0:
            terms = " + ".join(bracketed(in_few_digits(part)) for part in parts)
            if len(f"grad {terms} = {shown}") <= LONGEST:
                return f"grad {terms} = {shown}"
        return f"grad {shown}"


def turn(operations):
    """Return the numbers of operations in the walk back: "#3" or "#3–7"."""
    if not operations:
        return ""
    first, last = operations[-1].step, operations[0].step
    return f"#{first}" if first == last else f"#{first}–{last}"


def heading_width(title, turn):
    """Return the width of a title and of the numbers on its right."""
    return text_width(title, weight="bold") + (text_width(turn) + 8 if turn else 0)


def facts(box):
    """Yield the lines between the title and the gradient."""
    if box.kind == "folded":
        yield from [cut(line) for line in box.inside if line != box.title]
    if isinstance(box.value, list):
        yield f"{len(box.value)} results"
        return
    if np.ndim(box.value):
        yield cut(f"shape {shape_of(box.value)}")
    if box.title and (shown := in_few_digits(box.value)):
        yield f"value {shown}"


def in_few_digits(value):
    """Return up to three numbers in a line; None if they do not fit."""
    if isinstance(value, list) or np.size(value) > 3:
        return None
    texts = [show(value, digits) for digits in (4, 3, 2)]
    return next((text for text in texts if len(text) <= LONGEST - 6), None)


def arrived(row, step):
    """Return whether any of a row's gradient is there after a number of steps."""
    return row.gradient is not None and (not row.received or row.received[0].giver <= step)


def cut(text):
    """Return the text in at most LONGEST characters: without its last words, or without the middle of its name.

    Names that are long differ at their ends, as in model.encoder.layer_1 and model.encoder.layer_2.
    """
    if len(text) <= LONGEST:
        return text
    words = textwrap.shorten(text, LONGEST, placeholder=" …")
    if len(words) > 2:
        return words
    name, _, call = text.partition(" = ")
    operation = f" = {call.split()[0]}" if call else ""
    if len(name) + len(operation) <= LONGEST:
        return name + operation
    room = max(LONGEST - len(operation) - 1, 8)
    return f"{name[:(room + 1) // 2]}…{name[-(room // 2):]}{operation}"


def text_width(text, weight="normal"):
    """Return the width of a line of text; a little more than the width of its outlines, since pixels are whole."""
    return 1.04 * TextToPath().get_text_width_height_descent(text, FontProperties(size=SIZE, weight=weight), False)[0]


def paragraph(text, width):
    """Return the text in lines of about this width."""
    return textwrap.wrap(text, max(24, int(width / (0.58 * SIZE))))
