"""C. Cut on purpose: tensors."""

from __future__ import annotations

import ast

from funcgrad.core.provenance import place
from funcgrad.transforms.explain.causes.registry import Finding, Reason, cause, cuts_of, ends
from funcgrad.transforms.explain.causes.remembered.words import at, may_be, pass_of, places
from funcgrad.transforms.explain.evidence import End, Ending, Evidence
from funcgrad.transforms.explain.sources import Written, written
from funcgrad.transforms.explain.status import Status
from funcgrad.transforms.explain.wording import cut_sentence

_OF_TENSORS = {
    "detach": ("its derivative was asked to end here", "the tensor itself, where its derivative is wanted"),
    "detach_": ("its derivative was asked to end here", "the tensor as it was, where its derivative is wanted"),
    "data": ("`.data` is the value without its history", "the tensor itself"),
    "data=": (
        "what is assigned to `.data` leaves its history behind",
        "the tensor that was computed, where it is used",
    ),
    "Parameter": (
        "a Parameter is a new leaf, whatever its value was computed from",
        "the tensor it is computed from as the Parameter, and the computation in forward()",
    ),
    "grad": (
        "gradients are plain values unless create_graph=True",
        "torch.autograd.grad(..., create_graph=True), where they are to be differentiated",
    ),
    "backward": (
        "gradients are plain values unless create_graph=True",
        "backward(create_graph=True), or better torch.autograd.grad(..., create_graph=True)",
    ),
    "no_grad": ("recording was off", "the same line where it is on"),
    "item": ("the value left as a Python number", "the tensor itself: a 0-d tensor adds up like a number"),
    "tolist": ("the values left as Python numbers", "the tensor itself, or torch.stack of several"),
    "numpy": ("the values left as a NumPy array", "torch's operations on the tensor itself"),
    "tensor": ("the copy is a new tensor without a history", "t.clone(), or torch.stack of a list of tensors"),
    "from_numpy": ("an array has no history", "torch's operations on the tensor itself"),
    "state_dict": ("it gives values without their history", "the parameter itself, or state_dict(keep_vars=True)"),
}
_WANTED = ("detach", "detach_")


@ends(23, 25, 14, 31, 33, 35, 37, 38, 39)
def of_a_tensor(end: End) -> Reason | None:
    if not end.of_tensor or end.as_ not in _OF_TENSORS:
        return None
    why, remedy = _OF_TENSORS[end.as_]
    op, code = _instead(end)
    if end.kind is Ending.LEFT and end.back is not None:
        why += f", and came back as a constant{at(end.back)}"
        wrapped = kept(written(end.back))
        return Reason(why, remedy, wrapped, place(end.back), op=op)
    return Reason(why, remedy, code, op=op, tail=", where its derivative is wanted" if end.as_ in _WANTED else "")


def kept(call: Written | None) -> str:
    """What a call of `torch.tensor` wraps, without the conversions to numbers in it."""
    if call is None or not isinstance(call.node, ast.Call) or len(call.node.args) != 1:
        return ""
    found = _Kept()
    tree = found.visit(ast.parse(ast.unparse(call.node.args[0]), mode="eval")).body
    if not found.count or not all(_takes_tensors(n) for n in ast.walk(tree) if isinstance(n, ast.Call)):
        return ""
    text = ast.unparse(tree)
    return f"torch.stack({text})" if isinstance(tree, ast.List | ast.ListComp) else text


_METHODS = ("sum", "mean", "pow", "exp", "log", "sqrt", "abs", "view", "reshape", "squeeze", "flatten", "max", "min")


def _takes_tensors(call: ast.Call) -> bool:
    """Whether a function that was given numbers takes tensors too, as far as its name says."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in ("sum", "abs")
    if not isinstance(function, ast.Attribute):
        return False
    owner = ast.unparse(function.value)
    return owner == "torch" or (function.attr in _METHODS and owner not in ("np", "numpy", "math", "statistics"))


class _Kept(ast.NodeTransformer):
    """Takes `.item()`, `.tolist()`, `float(...)` and Python's `math` out of an expression."""

    count = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("item", "tolist") and not node.args:
            self.count += 1
            return function.value
        if isinstance(function, ast.Name) and function.id in ("float", "complex") and len(node.args) == 1:
            self.count += 1
            return node.args[0]
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) == "math":
            self.count += 1
            function.value = ast.Name("torch")
        return node


def _instead(end: End) -> tuple[str, str]:
    """The name of what was called, where it is another, and code in its place."""
    call = written(end.loc)
    if call is None:
        return "", ""
    if end.as_ in _WANTED and call.text.endswith(f".{end.as_}()"):
        return "", call.bare[0]
    if end.as_ == "data" and isinstance(call.node, ast.Attribute):
        return "", ast.unparse(call.node.value)
    if end.as_ == "grad" and isinstance(call.node, ast.Call) and "create_graph" not in call.keywords:
        return "", f"{call.text[:-1]}, create_graph=True)"
    if end.as_ == "backward" and isinstance(call.node, ast.Call) and "create_graph" not in call.keywords:
        return "", f"{call.text[:-1]}{', ' if call.node.args or call.keywords else ''}create_graph=True)"
    if end.as_ == "tensor" and isinstance(call.node, ast.Call) and len(call.node.args) == 1:
        data = call.node.args[0]
        return "", f"torch.stack({ast.unparse(data)})" if isinstance(data, ast.List) else ""  # a tensor, or a list
    if end.kind is Ending.LEFT and call.callee.startswith("math."):
        return call.callee, f"torch.{call.callee[5:]}({', '.join(call.bare)})"
    if end.kind is Ending.LEFT and call.callee in ("float", "complex") and len(call.args) == 1:
        return call.callee, call.bare[0]
    return "", ""


@ends("59a")
def rule_bypassed(end: End) -> Reason | None:
    """What `forward` of a rule does, where it was called itself."""
    if end.as_ != "bypassed":
        return None
    why = f"`{end.called}` was called directly, so `{end.written}.backward` is not used, and what it does is recorded"
    return Reason(why, f"{end.written}.apply(...), which stands for both")


@ends(31)
def in_a_backward(end: End) -> Reason | None:
    if end.as_ != "inside backward":
        return None
    why = "a backward pass is not recorded itself, so what comes in requires no gradient"
    return Reason(why, "backward(create_graph=True), or a gradient (grad_outputs) that itself requires grad")


@ends(27, 30, 32, "59a")
def recording_off(end: End) -> Reason | None:
    if not end.of_tensor or end.as_ != "off":
        return None
    if end.called == "forward":
        return Reason(
            f"values inside of {end.written}.forward are not recorded: the rule stands for them",
            f"{end.written}.apply(...), whose result is recorded, and autograd outside of the rule",
        )
    if end.called == "once_differentiable":
        return Reason(
            f"{end.written} is marked once_differentiable{at(end.back)}", "a backward of operations that are recorded"
        )
    if end.called == "backward":
        why = f"the backward pass{at(end.back)} runs with recording off unless create_graph=True"
        return Reason(why, "create_graph=True there")
    name = f"`{end.called}`" + (f" around `{end.written}`" if end.written else "")
    remedy = "set_grad_enabled(True) before it" if end.called == "set_grad_enabled" else "the same line outside of it"
    return Reason(f"recording had been switched off by {name}{at(end.back)}", remedy)


@cause(23, 25, 27, 31, 33, 35, 46, 47, 48, status=Status.CUT)
def of_a_constant(e: Evidence) -> Finding | None:
    """A tensor that does not require grad, though what it was computed from did."""
    if e.history is None or e.history.kind != "constant" or not e.ends:
        return None
    return Finding(f"It does not require grad: what it was computed from {cut_sentence(cuts_of(e), 1)}")


@cause(40, status=Status.CUT)
def silenced(e: Evidence) -> Finding | None:
    """A loss that was made a leaf, so that backward() runs and reaches nothing but itself."""
    h = e.history
    if h is None or h.kind != "leaf" or not h.is_output or (e.gradient is None and not h.predicted):
        return None
    began = f"{pass_of(h.passes[0])} began" if h.passes else "backward() would begin"
    start = (
        f"{began} at this tensor itself, which was made a leaf{at(h.made)} and has no operation behind it: it reaches "
        "nothing else."
    )
    if not h.copied:
        remedy = "the loss as it is computed, from what requires grad"
        text = f"{start} {may_be(h)}" if h.recent else start
        return Finding(text, remedy, places(h.made, *(end.loc for end in h.recent[:1])))
    e.ends, e.live, e.total = h.copied, 0, 1
    return Finding(f"{start} What it was computed from {cut_sentence(cuts_of(e), 1)}", "", places(h.made))


@cause(23, 25, 27, 33, status=Status.CUT)
def passed_by(e: Evidence) -> Finding | None:
    """A leaf that a pass has gone by: the value it began at was cut off."""
    h = e.history
    if h is None or h.kind != "leaf" or e.gradient is not None or e.total or h.missed is None or not h.missed_ends:
        return None
    e.ends, e.total = h.missed_ends, 1
    return Finding(
        f"The value on which {pass_of(h.missed)} was called {cut_sentence(cuts_of(e), 1)}", "", places(h.missed.loc)
    )


@cause(14, 23, 38, 39, status=Status.CUT)
def told(e: Evidence) -> Finding | None:
    """A leaf of which something was computed that was cut off, and that no pass has reached."""
    h = e.history
    if h is None or h.kind != "leaf" or e.gradient is not None or e.total:
        return None
    cut = h.told_cuts
    if not cut or h.cleared is not None or h.asked is not None:
        return None
    e.ends, e.total = cut, 1
    start = "" if h.others else "No backward pass has reached it. "
    return Finding(f"{start}What was computed from it {cut_sentence(cuts_of(e), 1)}")
