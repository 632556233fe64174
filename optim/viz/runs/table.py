"""Rows of results as a table: text to read, Markdown and HTML for documents, CSV for programs."""

import csv
import html
import io

import numpy as np

WRITTEN_BELOW = "ending"  # the column that is written as sentences below a table


def formatted(rows, format="text"):
    """Return rows, dictionaries with the same keys, as a table.

    Examples
    --------
    >>> from optim.viz.runs.table import formatted
    >>> rows = [{"optimizer": "SGD", "steps": 200, "final loss": 0.00123456, "ending": ""},
    ...         {"optimizer": "Adam", "steps": 7, "final loss": float("nan"), "ending": "diverged after step 7"}]
    >>> print(formatted(rows))
    optimizer  steps  final loss
    ---------  -----  ----------
    SGD          200     0.00123
    Adam           7           –
    <BLANKLINE>
    Adam: diverged after step 7
    >>> print(formatted(rows, "markdown"))
    | optimizer | steps | final loss |
    | :-------- | ----: | ---------: |
    | SGD       |   200 |    0.00123 |
    | Adam      |     7 |          – |
    <BLANKLINE>
    Adam: diverged after step 7
    """
    if format not in FORMATS:
        raise ValueError(f"format is {format!r}; expected one of {', '.join(map(repr, FORMATS))}")
    return FORMATS[format](rows)


def as_csv(rows):
    """Return rows as comma-separated values, numbers to full precision."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_text(rows):
    """Return rows in columns, with a line below the head."""
    head, *body = cells(rows)
    widths = [max(map(len, column)) for column in zip(head, *body)]
    lines = [aligned(line, widths, "  ") for line in (head, ["-" * width for width in widths], *body)]
    return "\n".join([line.rstrip() for line in lines] + endings(rows))


def as_markdown(rows):
    """Return rows as a table of Markdown, aligned for reading as text too."""
    head, *body = cells(rows, escape=lambda text: text.replace("|", r"\|"))
    widths = [max(4, *map(len, column)) for column in zip(head, *body)]
    rule = [":" + "-" * (width - 1) if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([f"| {aligned(line, widths, ' | ')} |" for line in (head, rule, *body)] + endings(rows))


def as_html(rows):
    """Return rows as a table of HTML."""
    head, *body = cells(rows, escape=html.escape)
    lines = [f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in line)}</tr>"
             for tag, line in [("th", head), *(("td", line) for line in body)]]
    lines_below = "".join(f"<p>{html.escape(line)}</p>" for line in endings(rows) if line)
    return f"<table>{''.join(lines)}</table>{lines_below}"


def cells(rows, escape=str):
    """Return the head and the rows as lists of short text, without the lines below the table."""
    names = [name for name in rows[0] if name != WRITTEN_BELOW]
    return [names] + [[escape(short(row[name])) for name in names] for row in rows]


def short(value):
    """Return a number with three digits, a dash where it is not known."""
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "–"
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def aligned(line, widths, between):
    """Return a line with the first column to the left and the others to the right."""
    first, *others = zip(line, widths)
    return between.join([first[0].ljust(first[1])] + [cell.rjust(width) for cell, width in others])


def endings(rows):
    """Return an empty line and a line for each row that says how it ended; nothing if no row does."""
    lines_below = [f"{next(iter(row.values()))}: {row[WRITTEN_BELOW]}" for row in rows if row.get(WRITTEN_BELOW)]
    return ["", *lines_below] if lines_below else []


FORMATS = {"text": as_text, "markdown": as_markdown, "html": as_html, "csv": as_csv}
