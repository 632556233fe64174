"""A time limit for other people's code, which works in notebooks, scripts and threads."""

import contextlib
import ctypes
import threading


class OutOfTime(BaseException):
    """Raised inside code that takes too long. Not an Exception, so that `except Exception` does not stop it."""


def within(seconds, function):
    """Call a function in its own thread, and end it if it takes too long.

    A signal would need the main thread and a POSIX system. So the function runs in a second thread, into which Python
    raises `OutOfTime` at its next bytecode when time is up. Code that catches even this, or that hangs inside a single
    call of C, is left behind in its thread; the thread is a daemon and ends with the program. (A student's *file* is
    checked in its own process, which is killed.)

    Parameters
    ----------
    seconds : float
        The limit.
    function : callable
        Without arguments.

    Returns
    -------
    object
        What the function returned.

    Raises
    ------
    OutOfTime
        If time was up.
    BaseException
        What the function raised.
    """
    outcome = {}

    def work():
        with contextlib.suppress(OutOfTime):  # one that arrives after the function has ended
            try:
                outcome["value"] = function()
            except BaseException as error:
                outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:  # also if somebody has pressed Ctrl-C meanwhile
        stop(thread)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise OutOfTime
    return outcome["value"]


def stop(thread):
    """Raise `OutOfTime` in a thread, repeatedly: code that catches the first one may let a later one pass."""
    for _ in range(20):
        if not thread.is_alive():
            break
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(OutOfTime))
        thread.join(0.1)
