"""Python's formulas as LaTeX formulas: quotients become fractions, beta1 becomes a Greek letter with an index."""

import ast

GREEK = {"alpha", "beta", "gamma", "delta", "eta", "kappa", "lambda", "mu", "nu", "phi", "rho", "sigma", "tau", "theta"}
LETTERS = {"φ": r"\varphi", "phi": r"\varphi", "θ": r"\theta", "eps": r"\varepsilon", "lr": r"\gamma"}
SIGNS = {ast.Add: (" + ", 1), ast.Sub: (" - ", 1), ast.Mult: (r" \cdot ", 2), ast.MatMult: (r" \cdot ", 2),
         ast.Div: (" / ", 2), ast.Pow: ("^", 4)}


def typeset(text):
    r"""Return a Python expression, or a result, as LaTeX to put between dollar signs.

    Examples
    --------
    >>> from optim.explanation.typesetting import typeset
    >>> print(typeset("m_hat / (np.sqrt(v) + 1e-08)"))
    \frac{\hat{m}}{\sqrt{v} + 1 \cdot 10^{-8}}
    >>> print(typeset("(1 - beta1) * (-2)"))
    (1 - \beta_{1}) \cdot (-2)
    """
    try:
        return node_as_latex(ast.parse(text, mode="eval").body)
    except SyntaxError:
        return rf"\mathrm{{{escape(text)}}}"


def node_as_latex(node, level=0):
    """Return a part of an expression, in parentheses if it binds less tightly than `level`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return rf"\frac{{{node_as_latex(node.left)}}}{{{node_as_latex(node.right)}}}"
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        sign, own = SIGNS[type(node.op)]
        if isinstance(node.op, ast.Pow):
            return f"{node_as_latex(node.left, 5)}^{{{node_as_latex(node.right)}}}"
        return enclosed(node_as_latex(node.left, own) + sign + node_as_latex(node.right, own + 1), own < level)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return enclosed("-" + node_as_latex(node.operand, 3), level > 1)
    if isinstance(node, (ast.List, ast.Tuple)):
        left, right = "[]" if isinstance(node, ast.List) else "()"
        return enclosed(r",\allowbreak ".join(map(node_as_latex, node.elts)), True, left, right)
    if isinstance(node, ast.Call):
        return call_as_latex(node)
    if isinstance(node, ast.Constant) and not isinstance(node.value, (str, bool)):
        return number_as_latex(node.value, level)
    if isinstance(node, ast.Name):
        return name_as_latex(node.id)
    return rf"\mathrm{{{escape(ast.unparse(node))}}}"


def call_as_latex(node):
    """Return a call; square roots and absolute values in their own notation."""
    name, arguments = ast.unparse(node.func).removeprefix("np."), [node_as_latex(argument) for argument in node.args]
    if name == "sqrt":
        return rf"\sqrt{{{arguments[0]}}}"
    if name in ("abs", "absolute"):
        return rf"\left|{arguments[0]}\right|"
    return rf"\mathrm{{{escape(name)}}}" + enclosed(r",\allowbreak ".join(arguments), True)


def number_as_latex(number, level):
    """Return a number; a very large or small one with a power of ten."""
    mantissa, _, exponent = f"{number:.6g}".partition("e")
    return enclosed(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", level > 3) if exponent else mantissa


def name_as_latex(name):
    """Return a name, with Greek letters, indices and hats in LaTeX."""
    stem = name.removesuffix("_hat")
    letters = stem.rstrip("0123456789")
    shown = LETTERS.get(letters) or (rf"\{letters}" if letters in GREEK else letters if len(letters) == 1
                                     else rf"\mathrm{{{escape(letters)}}}")
    if stem[len(letters):]:
        shown += f"_{{{stem[len(letters):]}}}"
    return rf"\hat{{{shown}}}" if stem != name else shown


def enclosed(text, needed, left="(", right=")"):
    r"""Return text in parentheses if they are needed.

    They grow with their contents only if these are tall, because TeX breaks no line between \left and \right.
    """
    if not needed:
        return text
    tall = r"\frac" in text or r"\sqrt" in text or "^" in text
    return rf"\left{left}{text}\right{right}" if tall else f"{left}{text}{right}"


def escape(text):
    """Return text with LaTeX's special characters escaped; Greek letters become mathematics."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
               "θ": r"$\theta$", "φ": r"$\varphi$"}
    return "".join(special.get(char, "\\" + char if char in "&%$#_{}" else char) for char in text)


def breakable_code(text):
    """Return code for LaTeX, in which lines may also break after brackets, commas, dots and underscores."""
    return "".join(escape(char) + r"\allowbreak{}" * (char in "([{,._=") for char in text)
