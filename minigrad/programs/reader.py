"""Where in the reader's program a call is, and what the reader calls its result.

Everything is read from the stack of calls, so that the recorded code does not have to report anything.
"""

import linecache
import os
import sys
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

HERE = os.path.dirname(__file__) + os.sep
MINIGRAD = os.path.dirname(os.path.dirname(__file__)) + os.sep
NUMPY = os.path.dirname(np.__file__) + os.sep
HIDDEN = (MINIGRAD, NUMPY, os.path.dirname(linecache.__file__) + os.sep)


class Origin(NamedTuple):
    """Where a call is.

    `line` is the reader's, as (file, number). In a walk back, `about` is the Call whose derivative is being taken, and
    `rule` the line of minigrad's rule.
    """

    line: tuple = None
    about: object = None
    rule: tuple = None

    @property
    def source_line(self):
        """The reader's line that this call belongs to, that of `about` in a walk back."""
        return self.about.origin.line if self.about is not None and self.about.origin else self.line


def source(line):
    """Return the text of a line given as (file, number)."""
    return linecache.getline(*line).strip() if line else ""


def where(origin):
    """Return how an error message names a line."""
    if origin is None or origin.line is None:
        return "this function"
    file, number = origin.line
    return f"{os.path.relpath(file) if os.path.isabs(file) else file}, line {number}, `{source(origin.line)}`,"


def in_nn():
    """Return whether the code that is running, and not recording, is in minigrad.nn."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith((HERE, NUMPY)):
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(os.path.join(MINIGRAD, "nn", ""))


class Lines:
    """Looks for the present line, and learns the reader's names on the way."""

    def __init__(self, value_of, wanted=True):
        self.value_of, self.wanted = value_of, wanted

    def origin(self):
        """Return the Origin of what is running; an empty one if it will not be needed."""
        return self.present() if self.wanted else Origin()

    def present(self):
        """Return the Origin of what is running."""
        frame, line, about, rule = sys._getframe(1), None, None, None
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(HERE):
                if frame.f_code.co_name == "run":
                    break
            elif file.startswith(MINIGRAD):
                if about is None:
                    about, rule = self.derivative(frame, rule)
            elif line is None and not file.startswith(HIDDEN) and not file.startswith("<frozen"):
                line = file, frame.f_lineno
                self.learn(frame)
            frame = frame.f_back
        return Origin(line, about, rule if about is not None else None)

    def derivative(self, frame, rule):
        """Return what a frame of minigrad takes the derivative of, if it holds `ans`, and the line of the rule."""
        names = frame.f_locals
        rule = rule or (frame.f_code.co_filename, frame.f_lineno)
        about = self.value_of(names["ans"]) if "ans" in names else None
        g = names.get("g")
        if about is not None and g is not None and (gradient := self.value_of(g)) is not None:
            gradient.slope_of = gradient.slope_of or about
        return about, rule

    def learn(self, frame):
        """Name what the reader's variables hold."""
        for name, variable in list(frame.f_locals.items()):
            if not name.startswith("_") and name.isidentifier():
                call = self.value_of(variable)
                if call is not None and call.name is None:
                    call.name = name

    @contextmanager
    def listening(self):
        """Learn names also when functions return, unless a profiler is running, which must not be disturbed."""
        def listen(frame, event, arg):
            if event == "return" and not frame.f_code.co_filename.startswith(HIDDEN):
                self.learn(frame)

        free = self.wanted and sys.getprofile() is None
        if free:
            sys.setprofile(listen)
        try:
            yield
        finally:
            if free:
                sys.setprofile(None)
