"""How two outcomes of an experiment differ, in words: which value is wrong, and by how much."""

import numpy as np


def difference(seen, wanted, rtol, atol):
    """Return in words where one outcome first differs from another; None if they agree."""
    for (label, got), (_, value) in zip(seen.results, wanted.results):
        words = unlike(got, value, rtol, atol)
        if words:
            return f"{label} {words}"
    if seen.error and wanted.error:
        same = type(seen.error) is type(wanted.error) and str(seen.error) == str(wanted.error)
        return None if same else f"it raises {seen.error!r}"
    if seen.error or wanted.error or len(seen.results) != len(wanted.results):
        return f"it ends after {len(seen.results)} results, not {len(wanted.results)}"
    return None


def unlike(got, value, rtol, atol):
    """Return in words how a value differs from the expected one; None if it does not."""
    if isinstance(value, dict) and isinstance(got, dict) and got.keys() == value.keys():
        return first_of({f"[{key!r}]": unlike(got[key], value[key], rtol, atol) for key in value})
    if isinstance(value, list) and isinstance(got, list) and len(got) == len(value):
        return first_of({f"[{i}]": unlike(one, other, rtol, atol) for i, (one, other) in enumerate(zip(got, value))})
    if got is None and value is not None:
        return "is None: does every way through it end with a return?"
    if not isinstance(value, np.ndarray) or not isinstance(got, np.ndarray):
        alike = isinstance(value, (str, type(None))) and np.array_equal(got, value)
        return None if alike else f"is {shown(got)}, expected {shown(value)}"
    if got.shape != value.shape:
        return f"has the shape {got.shape}, expected {value.shape}"
    return unlike_numbers(got, value, rtol, atol)


def unlike_numbers(got, value, rtol, atol):
    """Return in words how an array of numbers differs from the expected one; None if it does not."""
    if got.dtype.kind not in "biufc":
        return f"holds {got.dtype}, not numbers"
    got, value = got * 1.0, value * 1.0  # numbers also from True and False
    close = np.isclose(got, value, rtol=rtol, atol=atol, equal_nan=True)
    if np.all(close):
        return None
    if not np.all(np.isfinite(got)) and np.all(np.isfinite(value)):
        return "is not finite (inf or nan)"
    worst = np.unravel_index(np.argmax(np.where(close, 0, np.abs(got - value))), got.shape)
    where = f" at [{', '.join(map(str, worst))}]" if got.ndim else ""
    expected = value[worst] if abs(value[worst]) > atol else 0  # rather than -1.8e-15
    found, expected = told_apart(got[worst], expected)
    words = f"is {found}{where}, expected {expected}"
    factor = got[worst] / value[worst] if expected != "0" else np.nan
    if got.size > 1 and f"{factor:.4g}" != "1" and np.allclose(got, factor * value, rtol=1e-6, atol=atol):
        words += f"; every number is {factor:.4g} times what it should be"
    return words


def told_apart(*numbers):
    """Return numbers that differ as text, each with six digits, or with as many as it takes to see the difference."""
    for digits in range(6, 18):
        texts = [f"{number:.{digits}g}" for number in numbers]
        if len(set(texts)) > 1:
            break
    return texts


def first_of(words):
    """Return the first words that are not empty, with their place in a list or dictionary before them, or None."""
    return next((f"(its part {place}) {found}" for place, found in words.items() if found), None)


def shown(value):
    """Return a value as short text."""
    if isinstance(value, list) and any(isinstance(item, (np.ndarray, list, dict)) for item in value):
        return f"a tuple or list of {len(value)} part{'s' * (len(value) > 1)}"
    if isinstance(value, np.ndarray):
        number = "{:.6g}" if value.dtype.kind in "fc" else "{!r:.60}"
        return f"an array of shape {value.shape}" if value.ndim else number.format(value.item())
    return f"{value!r:.60}"
