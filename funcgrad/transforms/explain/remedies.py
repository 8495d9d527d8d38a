"""What to write instead of a call that ends a derivative, by the name of what was called.

A template is code in which {call} stands for the user's expression, {0}, {1} for its arguments. `np` is NumPy, `fnp` is
`funcgrad.numpy`, `fg` is funcgrad.
"""

from __future__ import annotations

import ast
import math

import numpy as np

from funcgrad.transforms.explain.sources import Written

_THROUGH = "{0} + fg.stop_gradient({call} - {0})"
"""The value of the step, the derivative of the line through it."""
_ABOVE = "fg.nn.sigmoid(10.0 * ({0} - {1}))"
_BELOW = "fg.nn.sigmoid(10.0 * ({1} - {0}))"
_NEAR = "np.exp(-(({0} - {1}) ** 2))"
TEMPLATES = {
    **dict.fromkeys(("floor", "ceil", "trunc", "rint", "round", "around", "fix", "astype"), _THROUGH),
    "sign": "np.tanh(10.0 * {0})",
    "heaviside": "fg.nn.sigmoid(10.0 * {0})",
    "floor_divide": "{0} / {1} + fg.stop_gradient({call} - {0} / {1})",
    "argmax": "np.sum(np.arange(np.size({0})) * fg.nn.softmax(10.0 * {0}))",
    "argmin": "np.sum(np.arange(np.size({0})) * fg.nn.softmax(-10.0 * {0}))",
    "argsort": "np.sort({0})",
    "searchsorted": "np.interp({1}, {0}, np.arange(len({0})))",
    "digitize": "np.interp({0}, {1}, np.arange(len({1})))",
    "greater": _ABOVE,
    "greater_equal": _ABOVE,
    "less": _BELOW,
    "less_equal": _BELOW,
    "equal": _NEAR,
    "not_equal": "1 - " + _NEAR,
    "count_nonzero": "np.sum(np.tanh(10.0 * {0}) ** 2)",
}
_NEEDS = {name: 2 if "{1}" in text else 1 for name, text in TEMPLATES.items()}
_WHOLE = frozenset(("argmax", "argmin", "argsort", "count_nonzero"))
"""Of the whole array: no template for them along an axis."""
WORDS = {
    "bernoulli": "a relaxed draw, or the score: fg.stop_gradient(f(draw)) * (the logarithm of its probability)",
    "categorical": "the softmax of the logits for the expectation, or the score: fg.stop_gradient(f(draw)) * (the "
    "logarithm of its probability)",
    "histogram": "a sum of smooth bumps, np.sum(np.exp(-((x[:, None] - centres) / width) ** 2), axis=0)",
    "isnan": "np.where(np.isnan(x), 0.0, x) to leave them out",
}
"""What to write where that is no code to be put in place."""
BETWEEN = "an interpolation between the elements: np.interp(x, np.arange(len(t)), t)"
_MATH = {"fabs": "abs", "pow": "power", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
_LOCATIONS = {"normal": ("0.0", "1.0"), "uniform": ("0.0", "1.0"), "exponential": ("1.0",)}


def code_for(name: str, call: Written | None) -> str:
    """The expression to write in place of the user's call; "" where there is none to give."""
    if call is None or name not in TEMPLATES or len(call.args) < _NEEDS[name]:
        return ""
    if name in _WHOLE and (len(call.args) > 1 or call.keywords):
        return ""
    if call.callee == "divmod":  # of two results
        return ""
    return TEMPLATES[name].format(*call.args, call=call.text)


def of_math(name: str, call: Written | None) -> str:
    """NumPy's function in place of one of Python's `math`."""
    function = _MATH.get(name, name)
    if call is None or not hasattr(math, name) or not hasattr(np, function):
        return ""
    return f"np.{function}({', '.join(call.bare)})"


def renamed(prefix: str, call: Written | None, of_module: bool = False) -> str:
    """The same call of a function of another module; `of_module`: it was called as an attribute of one, too."""
    if call is None or not call.callee:
        return ""
    arguments = [*call.bare[of_module and call.is_method :], *(f"{k}={v}" for k, v in call.keywords.items())]
    return f"{prefix}({', '.join(arguments)})"


def drawn(call: Written | None) -> str:
    """A draw with its parameters outside of it: location + scale * standard draw."""
    name = "" if call is None else call.callee.rpartition(".")[2]
    if call is None or name not in _LOCATIONS:
        return ""
    args = call.args[1:] if call.is_method else call.args
    names = {"normal": ("loc", "scale"), "uniform": ("low", "high"), "exponential": ("scale",)}[name]
    given = [
        args[i] if i < len(args) else call.keywords.get(parameter, _LOCATIONS[name][i])
        for i, parameter in enumerate(names)
    ]
    size = args[len(names)] if len(args) > len(names) else call.keywords.get("size")
    draw = f"{call.callee}({'' if size is None else f'size={size}'})"
    if name == "normal":
        return f"{given[0]} + {given[1]} * {draw}"
    if name == "uniform":
        return f"{given[0]} + ({given[1]} - {given[0]}) * {draw}"
    return f"{given[0]} * {draw}"


_AWAY = {
    "sqrt": "np.sqrt({0} + 1e-12)",
    "log": "np.log({0} + 1e-12)",
    "reciprocal": "1.0 / ({0} + 1e-12)",
    "norm": "np.sqrt(np.sum({0} ** 2) + 1e-12)",
    "std": "np.sqrt(np.var({0}) + 1e-12)",
    "true_divide": "{0} / ({1} + 1e-12)",
    "divide": "{0} / ({1} + 1e-12)",
    "power": "({0} + 1e-12) ** {1}",
}

UNDETERMINED = {
    "arctan2": "The angle of (0, 0) is not determined: say by np.where(condition, angle, value) what it is to be "
    "there, and give `arctan2` other arguments where the condition does not hold",
}
_TOO_LARGE = "Its argument is too large for a number: subtract the largest, bound it from above, or use logarithms"
_NEGATIVE = "Its argument is negative there: bound it from below"
OUT_OF_RANGE = {
    **dict.fromkeys(((name, "inf") for name in ("exp", "expm1", "exp2", "sinh", "cosh")), _TOO_LARGE),
    **dict.fromkeys(((name, "nan") for name in ("log", "log2", "log10", "log1p", "sqrt", "rsqrt")), _NEGATIVE),
    ("power", "nan"): "Its base is negative there: bound it from below",
    ("power", "inf"): "It is too large for a number, or a negative power of zero: smaller steps, or a bounded base",
    **dict.fromkeys(
        ((name, "nan") for name in ("std", "var")),
        "It divides by n - 1, which is zero for one number: more of them, or correction=0",
    ),
    **dict.fromkeys(
        ((name, "nan") for name in ("softmax", "log_softmax", "logsumexp")),
        "All of a row is minus infinity there, or an element of it infinite: leave something finite in each row",
    ),
    **dict.fromkeys(
        ((name, "inf") for name in ("multiply", "linear", "matmul", "add", "sum", "mean", "mse_loss")),
        "What it was given is too large for a number, or has become so: smaller steps, or inputs that are scaled",
    ),
}
"""What to do where the value of an operation is not finite, and a small constant does not help."""
SMOOTH = {
    "clip": "a smooth squash, low + (high - low) * fg.nn.sigmoid(x)",
    "clamp": "a smooth squash, low + (high - low) * sigmoid(x)",
    "maximum": "a smooth maximum, np.logaddexp(x, y)",
    "minimum": "a smooth minimum, -np.logaddexp(-x, -y)",
    **dict.fromkeys(("multiply", "linear", "matmul", "bmm"), "a factor that is not zero"),
    "relu": "leaky_relu, or a start at which some of its arguments are positive",
    **dict.fromkeys(("sigmoid", "logistic", "expit", "tanh", "erf"), "a smaller argument, scaled or normalised"),
}


def away(name: str, call: Written | None) -> str:
    """The same a small constant away from the point where its derivative is not finite."""
    template = _AWAY.get(name)
    if call is None or template is None or call.keywords or not _calls(call, name):
        return ""
    if name == "reciprocal" and len(call.args) == 2:  # as it is written: 1 / x
        template = _AWAY["divide"]
    return template.format(*call.args) if len(call.args) == 1 + ("{1}" in template) else ""


_SIGNS = {ast.Div: ("divide", "true_divide", "reciprocal"), ast.Pow: ("power",)}
_SYNONYMS = {"divide": ("div",), "power": ("pow", "float_power"), "norm": ("vector_norm",)}


def _calls(call: Written, name: str) -> bool:
    """Whether an expression is a call of an operation itself, and not of what is made of it."""
    if isinstance(call.node, ast.BinOp):
        return name in _SIGNS.get(type(call.node.op), ())
    return call.callee.rpartition(".")[2] in (name, "true_divide", *_SYNONYMS.get(name, ()))


def guarded(name: str, call: Written, condition: str) -> str:
    """The same of an argument that is one wherever the result is not used."""
    if not call.args:
        return ""
    guard = lambda x: f"np.where({condition}, {x}, 1.0)"
    if isinstance(call.node, ast.BinOp):
        operator = ast.unparse(ast.BinOp(ast.Name("a"), call.node.op, ast.Name("b")))[1:-1]
        divides = isinstance(call.node.op, ast.Div)
        left, right = (call.args[0], guard(call.bare[1])) if divides else (guard(call.bare[0]), call.args[1])
        return f"{left}{operator}{right}"
    rest = [*call.bare[1:], *(f"{k}={v}" for k, v in call.keywords.items())]
    if call.is_method and call.callee:
        return f"{guard(call.bare[0])}.{call.callee.rpartition('.')[2]}({', '.join(rest)})"
    if not call.callee:
        return ""
    return f"{call.callee}({', '.join([guard(call.bare[0]), *rest])})"


def smooth(name: str, call: Written | None) -> str:
    """A function in place of a flat one whose derivative is nowhere zero."""
    if call is None or not call.args or call.callee.rpartition(".")[2] != name:  # a layer that is called
        return ""
    zero = len(call.args) == 2 and call.args[1] in ("0", "0.0")
    if name == "relu" or (name in ("maximum", "fmax") and zero):
        return f"fg.nn.leaky_relu({call.bare[0]})"
    if name in ("round", "floor", "ceil", "trunc") and len(call.args) == 1 and not call.keywords:
        return _THROUGH.format(*call.args, call=call.text)
    if name == "clip" and len(call.args) == 3:
        _, low, high = call.args
        return f"{low} + ({high} - {low}) * fg.nn.sigmoid({call.bare[0]})"
    return ""
