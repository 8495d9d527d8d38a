"""Programs of `funcgrad.torch` over the rows of the catalogue of causes, as a user writes them.

The line that a report must name ends in `# <-`, further ones in `# <-2` and `# <-3`. `ask` gives the report. `right` is
what `gives` is once the report's code stands in place of what it underlines; None where the report gives prose only.
`error` is the first word of an error's note: the program leaves the error in `error`.
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = """\
import copy, math
from contextlib import suppress
import numpy as np
import funcgrad.torch as torch
from funcgrad.torch import nn
from funcgrad.torch.distributions import Categorical, Normal
from funcgrad.torch.utils.checkpoint import checkpoint
F = nn.functional
Error = suppress(RuntimeError)
X = np.array([1.5, 2.5], np.float32)
def leaf(*values):
    return torch.tensor(values or (1.5, 2.5), requires_grad=True)
"""


@dataclass(frozen=True)
class Program:
    name: str
    rows: tuple[int | str, ...]
    text: str
    status: str
    ask: str = "x.explain_grad()"
    op: str = ""
    """The name of the first cut."""
    says: tuple[str, ...] = ()
    right: str | None = None
    gives: str = "x.grad.numpy()"
    leaf: int = 0


PROGRAMS: list[Program] = []
_LOSS = "loss.explain_grad()"


def program(name: str, rows: tuple, status: str, text: str, **rest) -> None:
    PROGRAMS.append(Program(name, rows, text.lstrip("\n"), status, **rest))


# A. Never asked to be differentiated

program("nothing requires grad", (1,), "not_requested", """
x = torch.tensor([1.5, 2.5])  # <-
loss = (x ** 2).sum()
""", ask=_LOSS, says=("`x`", "without requires_grad=True"))
program("one factor does not", (2,), "not_requested", """
x = torch.tensor([1.5, 2.5])  # <-
w = leaf()
(x * w).sum().backward()
""", says=("without requires_grad=True",))
program("a misspelt flag", (3,), "not_requested", """
x = torch.tensor([1.5, 2.5])  # <-
x.require_grad = True
""", says=("`require_grad`", "requires_grad = True"))
program("a flag of a module", (3,), "flows", """
m = nn.Linear(2, 1)
m.requires_grad = False
m(torch.ones(1, 2)).sum().backward()
""", ask="m.explain_grads()", says=("`requires_grad` was set on a module", "requires_grad_(False)"))
program("frozen by a loop", (4,), "not_requested", """
m = nn.Linear(2, 1)
for p in m.parameters():
    p.requires_grad = False  # <-
loss = m(torch.ones(1, 2)).sum()
""", ask="m.weight.explain_grad()", says=("`p.requires_grad = False`",))
program("a loss of what is frozen", (4,), "not_requested", """
m = nn.Linear(2, 1)
m.requires_grad_(False)  # <-
loss = m(torch.ones(1, 2)).sum()
""", ask=_LOSS, says=("`m.weight` and `m.bias`", "switched off"))
program("frozen in part", (4, 79), "not_requested", """
m = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
m[0].requires_grad_(False)  # <-
m(torch.ones(1, 2)).sum().backward()
""", ask="m.explain_grads()", says=("0.weight", "2 not_requested, 2 flows"))
program("integers", (5, 53), "not_differentiable", """
x = torch.tensor([1, 2])  # <-
""", says=("int64", "x.float()"))
program("a buffer", (10,), "not_requested", """
m = nn.BatchNorm1d(2)
m(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).sum().backward()
""", ask="m.running_mean.explain_grad()", says=("buffer `running_mean`", "Parameter"))
program("layers in a list", (11,), "flows", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.ls = [nn.Linear(2, 2)]
        self.last = nn.Linear(2, 1)
    def forward(self, x):
        return self.last(self.ls[0](x))
m = Net()
m(torch.ones(1, 2)).sum().backward()
""", ask="m.explain_grads()", says=("`ls` holds 1 modules that are not registered", "ModuleList"))
program("parameters in a dict", (11,), "flows", """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.ps = {"a": nn.Parameter(torch.ones(2))}
        self.last = nn.Linear(2, 1)
m = Net()
m.last(m.ps["a"]).sum().backward()
""", ask="m.explain_grads()", says=("`ps` holds 1 tensors that are not registered", "ParameterDict"))

# B. Looking at the wrong tensor

program("no leaf", (12,), "not_leaf", """
x = leaf()
y = x * 2  # <-
y.sum().backward()
""", ask="y.explain_grad()", says=("`mul`", "`x`", "retain_grad() before backward()"))
program("replaced at once", (13,), "not_leaf", """
x = torch.zeros(3, requires_grad=True) * 0.01  # <-
(x * 2).sum().backward()
""", says=("same line", "`mul`", "requires_grad_() last"))
program("replaced by a dtype", (13,), "not_leaf", """
x = torch.ones(3, requires_grad=True).double()  # <-
(x * 2).sum().backward()
""", says=("same line", "`double`"))
program("a Parameter of a computed value", (14,), "cut", """
x = leaf()
p = nn.Parameter(x * 2)  # <-
(p ** 2).sum().backward()
""", op="Parameter", says=("new leaf",))
program("a Parameter and what it was made of", (14,), "cut", """
x = leaf()
p = nn.Parameter(x * 2)  # <-
(p ** 2).sum().backward()
""", ask="p.explain_grad()", leaf=1, op="Parameter")
program("an optimizer of old parameters", (16,), "flows", """
m = nn.Linear(2, 1)
opt = torch.optim.SGD(m.parameters(), lr=0.1)
m.weight = nn.Parameter(torch.ones(1, 2))
m(torch.ones(1, 2)).sum().backward()
opt.step()
""", ask="m.explain_grads()", says=("1 of 2 tensors in the SGD are no longer in the module", "`weight`"))
program("an update that rebinds", (17,), "not_leaf", """
w = leaf()
(w ** 2).sum().backward()
w = w - 0.1 * w.grad  # <-
(w ** 2).sum().backward()
""", ask="w.explain_grad()", says=("assignment to `w`", "torch.no_grad(): w -="))
program("retained too late", (19,), "not_leaf", """
x = leaf()
y = x * 2  # <-
(y ** 2).sum().backward()  # <-2
y.retain_grad()  # <-3
""", ask="y.explain_grad()", says=("came after",))
program("retained, and no pass", (19,), "not_leaf", """
x = leaf()
y = x * 2  # <-
y.retain_grad()  # <-2
""", ask="y.explain_grad()", says=("call backward()",))
program("retained, then written", (20,), "flows", """
x = leaf()
y = x * 2
y.retain_grad()
y.mul_(3)  # <-
y.sum().backward()
""", ask="y.explain_grad()", says=("the value after `y.mul_(3)`",))
program("cleared by the optimizer", (21,), "not_run", """
x = leaf()
opt = torch.optim.SGD([x], lr=0.1)
(x ** 2).sum().backward()
opt.zero_grad()  # <-
""", says=("cleared by `opt.zero_grad()`",))
program("set to zero", (21,), "zero", """
x = leaf()
(x ** 2).sum().backward()
x.grad.zero_()  # <-
""", says=("`x.grad.zero_()`", "since"))
program("set to zero by the optimizer", (21,), "zero", """
x = leaf()
opt = torch.optim.SGD([x], lr=0.1)
(x ** 2).sum().backward()
opt.zero_grad(set_to_none=False)  # <-
""", says=("zero_grad",))
program("assigned", (0,), "not_run", """
x = leaf()
x.grad = torch.ones(2)  # <-
""", says=("assigned",))

# C. Cut on purpose

program("detach, and the loss", (23,), "cut", """
x = leaf()
y = (x * 2).detach()  # <-
loss = (y * y).sum()
with Error: loss.backward()
""", ask=_LOSS, op="detach", says=("does not require grad",), right="8 * X")
program("detach, and the leaf", (23,), "cut", """
x = leaf()
y = (x * 2).detach()  # <-
loss = (y * y).sum()
with Error: loss.backward()
""", op="detach", says=("on which `backward()`",), right="8 * X")
program("clone and detach", (23,), "cut", """
x = leaf()
y = x.clone().detach()  # <-
with Error: (y * y).sum().backward()
""", op="detach", right="2 * X")
program("detached in place", (23,), "cut", """
x = leaf()
y = x * 2
y.detach_()  # <-
with Error: (y * y).sum().backward()
""", op="detach_")
program("one of two paths", (24,), "partly_cut", """
x = leaf()
loss = (x * 2 + (x ** 2).detach()).sum()  # <-
loss.backward()
""", op="detach", says=("1 of its 2 paths", "misses"), right="2 + 2 * X")
program("one of two paths, before the pass", (24,), "partly_cut", """
x = leaf()
loss = (x * 2 + (x ** 2).detach()).sum()  # <-
report = torch.explain(loss)
loss.backward()
""", ask="report", op="detach", says=("1 of its 2 paths",), right="2 + 2 * X")
program("data", (25,), "cut", """
x = leaf()
loss = (x.data * 2).sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="data", right="np.full(2, 2.0)")
program("written through data", (26,), "not_leaf", """
x = leaf()
y = x.exp()
y.data.mul_(0)
loss = y.sum()
""", ask=_LOSS, says=("`y.data.mul_(0)`", "not counted", "`exp`"))
program("no_grad", (27,), "cut", """
x = leaf()
with torch.no_grad():
    y = x * 2  # <-
loss = y.sum()
with Error: loss.backward()
""", ask=_LOSS, op="no_grad", says=("`no_grad` at no_grad.py:14",))
program("a decorator", (27,), "cut", """
@torch.no_grad()
def twice(x):
    return x * 2  # <-
x = leaf()
loss = twice(x).sum()
with Error: loss.backward()
""", op="no_grad", says=("around `twice`",))
program("grad mode left off", (27,), "cut", """
x = leaf()
torch.set_grad_enabled(False)
y = x * 2  # <-
torch.set_grad_enabled(True)
with Error: y.sum().backward()
""", op="set_grad_enabled", says=("switched off by `set_grad_enabled`",))
program("inference mode", (27, 28), "cut", """
x = leaf()
with torch.inference_mode():
    y = x * 2  # <-
""", ask="y.explain_grad()", op="inference_mode")
program("a reentrant checkpoint", (30,), "cut", """
m = nn.Linear(2, 1)
loss = checkpoint(m, torch.ones(1, 2), use_reentrant=True).sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="checkpoint", says=("use_reentrant=False",))
program("a reentrant checkpoint and its parameters", (30,), "cut", """
m = nn.Linear(2, 1)
loss = checkpoint(m, torch.ones(1, 2), use_reentrant=True).sum()  # <-
with Error: loss.backward()
""", ask="m.explain_grads()", op="checkpoint")
program("a gradient of a gradient", (31,), "cut", """
x = leaf()
y = (x ** 3).sum()
g, = torch.autograd.grad(y, x)  # <-
with Error: (g ** 2).sum().backward()
""", op="grad", says=("create_graph=True",), right="36 * X ** 3")
program("the loss of a gradient", (31,), "cut", """
x = leaf()
y = (x ** 3).sum()
g, = torch.autograd.grad(y, x)  # <-
loss = (g ** 2).sum()
with Error: loss.backward()
""", ask=_LOSS, op="grad", right="36 * X ** 3")
program("a penalty on .grad", (31,), "cut", """
x = leaf()
(x ** 3).sum().backward()  # <-
loss = (x.grad ** 2).sum()
""", ask=_LOSS, op="backward", says=("create_graph=True",))
program("a penalty beside the loss", (31, 24), "partly_cut", """
x = leaf()
y = (x ** 3).sum()
g, = torch.autograd.grad(y, x)  # <-
loss = (x ** 2).sum() + (g ** 2).sum()
loss.backward()
""", op="grad", right="2 * X + 36 * X ** 3")
program("gradients that were returned", (31,), "not_run", """
x = leaf()
g, = torch.autograd.grad((x ** 3).sum(), x)  # <-
""", says=("returned its gradient",))
program("differentiable once", (32,), "cut", """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 2
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad * 2 * ctx.saved_tensors[0]
x = leaf()
g, = torch.autograd.grad(Square.apply(x).sum(), x, create_graph=True)  # <-
with Error: g.sum().backward()
""", ask="g.explain_grad()", op="once_differentiable", says=("Square.backward",))
program("an incoming gradient", (31,), "not_requested", """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 2
    @staticmethod
    def backward(ctx, grad):
        global report
        report = grad.explain_grad()
        return grad * 2 * ctx.saved_tensors[0]
x = leaf()
Square.apply(x).sum().backward()  # <-
""", ask="report", says=("create_graph=True",))

# D. Left the library

program("item", (33,), "cut", """
x = leaf()
loss = (x ** 2).sum()
loss = torch.tensor(loss.item())  # <-
with Error: loss.backward()
""", ask=_LOSS, op="item", says=("came back as a constant",), right="2 * X")
program("item, later wrapped", (33,), "cut", """
x = leaf()
value = (x ** 2).sum().item()  # <-
loss = torch.tensor(value)
with Error: loss.backward()
""", op="item", says=("came back as a constant at",))
program("float, in an expression", (33,), "cut", """
x = leaf()
loss = torch.tensor(2 * float((x ** 2).sum()))  # <-
with Error: loss.backward()
""", ask=_LOSS, right="4 * X")
program("float, computed with before it is wrapped", (33,), "not_requested", """
x = leaf()
value = float((x ** 2).sum())  # <-
loss = torch.tensor(value * 2)  # <-2
""", ask=_LOSS, says=("if it was made from them",))
program("a number only looked at", (33,), "not_run", """
x = leaf()
loss = (x ** 2).sum()
print(end=f"{loss.item():.0f}"[:0])
""", says=("call backward()",))
program("NumPy and back", (35,), "cut", """
x = leaf()
y = torch.from_numpy(x.detach().numpy())  # <-
with Error: (y * 2).sum().backward()
""", op="detach")
program("NumPy in between", (35,), "cut", """
x = leaf()
y = torch.from_numpy(np.sin(x.detach().numpy()))  # <-
with Error: y.sum().backward()
""", op="detach", says=("torch's operations",))
program("math", (36,), "cut", """
x = torch.tensor(1.5, requires_grad=True)
y = torch.tensor(math.sin(x))  # <-
with Error: y.backward()
""", ask="y.explain_grad()", op="math.sin", right="np.cos(np.float32(1.5))")
program("tolist", (37,), "cut", """
x = leaf()
y = torch.tensor(x.tolist())  # <-
with Error: (y ** 2).sum().backward()
""", op="tolist", right="2 * X")
program("a copy that is a leaf", (38,), "cut", """
x = leaf()
t = torch.tensor(x, requires_grad=True)  # <-
(t ** 2).sum().backward()
""", op="tensor", says=("new tensor without a history",))
program("a list of tensors", (39,), "cut", """
a, b = leaf(1.5), leaf(2.5)
s = torch.tensor([a, b])  # <-
loss = (s ** 2).sum()
with Error: loss.backward()
""", ask=_LOSS, op="tensor", right="2 * X[:1]", gives="a.grad.numpy()")
program("a list of tensors, and a leaf", (39,), "cut", """
a, b = leaf(1.5), leaf(2.5)
s = torch.tensor([a, b])  # <-
with Error: (s ** 2).sum().backward()
""", ask="a.explain_grad()", op="tensor", right="2 * X[:1]", gives="a.grad.numpy()")
program("a loss made a leaf", (40,), "cut", """
x = leaf()
loss = (x.detach() ** 2).sum()  # <-
loss.requires_grad = True  # <-2
loss.backward()
""", ask=_LOSS, op="detach", says=("began at this tensor itself", "reaches nothing else"))
program("a loss of constants made a leaf", (40,), "cut", """
x = torch.ones(2)
loss = (x ** 2).sum()
loss.requires_grad = True  # <-
loss.backward()
""", ask=_LOSS, says=("reaches nothing else",))

program("a loss of NumPy made a leaf", (40, 38), "cut", """
m = nn.Linear(2, 1)
error = np.mean(m(torch.ones(1, 2)).detach().numpy() ** 2)  # <-
loss = torch.tensor(error, requires_grad=True)
loss.backward()
report = m.explain_grads()
""", ask="report", op="detach", says=("cut by `detach` at",))
program("items of a list", (33,), "cut", """
x = leaf()
values = [(x * i).sum().item() for i in range(3)]  # <-
loss = torch.tensor(values).mean()
with Error: loss.backward()
""", ask=_LOSS, op="item", says=("came back as a constant at",))

# E. The operation carries no derivative

program("a cast", (46,), "cut", """
x = leaf()
loss = x.long().float().sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="long", says=("int64",))
program("argmax", (47,), "cut", """
x = leaf()
loss = x.argmax() * 1.0  # <-
with Error: loss.backward()
""", ask=_LOSS, op="argmax", right="numeric")
program("places of topk", (47,), "cut", """
x = leaf()
values, places = x.topk(1)  # <-
loss = places.float().sum()
with Error: loss.backward()
""", op="topk", says=("values themselves",))
program("argsort", (47,), "cut", """
x = leaf()
loss = x.argsort().float().sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="argsort")
program("a comparison", (48,), "cut", """
x = leaf()
loss = (x > 1).float().mean()  # <-
with Error: loss.backward()
""", ask=_LOSS, op=">", says=("True or False",))
program("accuracy", (48, 47), "cut", """
x = leaf()
loss = (torch.stack([x, -x]).argmax(0) == torch.tensor([0, 1])).float().mean()  # <-
with Error: loss.backward()
""", op="argmax")
program("round", (49,), "zero", """
x = leaf()
loss = x.round().sum()  # <-
loss.backward()
""", says=("`round`",))
program("an index from data", (50,), "cut", """
x = leaf()
loss = torch.tensor([5.0, 6.0, 7.0])[x.long()].sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="long")
program("a draw", (51,), "cut", """
m = leaf()
draw = Normal(m, 1.0).sample()  # <-
loss = (draw ** 2).sum()
with Error: loss.backward()
""", ask="m.explain_grad()", op="sample", says=("rsample()",))
program("a draw of places", (51,), "cut", """
p = leaf(0.5, 0.5)
loss = torch.multinomial(p, 1).float().sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="multinomial", says=("log_prob",))
program("a histogram", (52,), "cut", """
x = leaf()
loss = torch.histc(x, 2, 0.0, 3.0).sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="histc", says=("counts",))
program("searchsorted", (47,), "cut", """
x = leaf()
loss = torch.searchsorted(torch.tensor([1.0, 2.0]), x).float().sum()  # <-
with Error: loss.backward()
""", ask=_LOSS, op="searchsorted")

# F. Zero, or dropped

program("a dead relu", (54,), "zero", """
x = leaf()
loss = torch.relu(-x).sum()  # <-
report = torch.explain(loss)
loss.backward()
""", ask="report", says=("`relu`", "flat part"), right="np.full(2, -0.01)")
program("a dead relu, after the pass", (54,), "zero", """
x = leaf()
loss = torch.relu(-x).sum()  # <-
loss.backward()  # <-2
""", says=("all elements are in its flat part", "`backward()`"), right="np.full(2, -0.01)")
program("a dead relu, graph kept", (54,), "zero", """
x = leaf()
loss = torch.relu(-x).sum()  # <-
loss.backward(retain_graph=True)
""", says=("`relu`", "all elements are in its flat part"), right="np.full(2, -0.01)")
program("clamped", (54,), "zero", """
x = leaf()
loss = torch.clamp(x, 3, 4).sum()  # <-
loss.backward(retain_graph=True)
""", says=("`clamp`", "flat part"))
program("softmax adds up to one", (55,), "cancels", """
x = leaf()
loss = torch.softmax(x, 0).sum()  # <-
""", ask="torch.explain(loss)", says=("add up to one",))
program("times zero", (56,), "zero", """
x = leaf()
loss = (x * 0.0).sum()  # <-
""", ask="torch.explain(loss)", says=("the other factor is zero",))
program("a hook of zeros", (56,), "zero", """
x = leaf()
y = x * 2
y.register_hook(lambda g: g * 0)  # <-
y.sum().backward()
""", says=("it ends in the hook at", "which gives zeros"))
program("a gradient of zeros is given", (56,), "zero", """
x = leaf()
(x * 2).backward(torch.zeros(2))  # <-
""", says=("the gradient that the backward pass was given, which is zero",))
program("a rule that returns None", (59,), "unused", """
class Rule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x ** 2
    @staticmethod  # <-
    def backward(ctx, grad):
        return None
x = leaf()
Rule.apply(x).sum().backward()
""", says=("`Rule.backward`", "returned None"))
program("inside of a rule", ("59a",), "cut", """
class Rule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        global kept
        kept = (x * 3).sum()  # <-
        return x ** 2
    @staticmethod
    def backward(ctx, grad):
        return grad
x = leaf()
Rule.apply(x)
with Error: kept.backward()
""", ask="kept.explain_grad()", op="forward", says=("Rule.forward are not recorded",))
program("independent", (60,), "unused", """
x, w = leaf(), leaf()
(w * 3).sum().backward()  # <-
""", says=("did not come to it",))

# G. NaN or infinite

program("a branch not taken", (61,), "nan", """
x = leaf(0.0, 2.0)
loss = torch.where(x > 0, torch.sqrt(x), torch.zeros(2)).sum()  # <-
report = torch.explain(loss)
loss.backward()
""", ask="report", says=("`sqrt`", "element 0", "throws away"),
   right="np.array([0.0, 0.5 / np.sqrt(2.0)])")
program("a branch not taken, after the pass", (61,), "nan", """
x = leaf(0.0, 2.0)
loss = torch.where(x > 0, torch.sqrt(x), torch.zeros(2)).sum()  # <-
loss.backward()  # <-2
""", says=("the derivative of `sqrt`", "element 0", "throws away"), right="np.array([0.0, 0.5 / np.sqrt(2.0)])")
program("a norm at zero", (62,), "nan", """
x = leaf(0.0, 0.0)
loss = (x ** 2).sum().sqrt()  # <-
report = torch.explain(loss)
loss.backward()
""", ask="report", says=("`sqrt`",), right="np.zeros(2)")
program("a root at zero", (62, 63), "inf", """
x = leaf(0.0, 1.0)
loss = (x ** 0.5).sum()  # <-
report = torch.explain(loss)
loss.backward()
""", ask="report", says=("element 0",))
program("equal eigenvalues", (64,), "nan", """
x = torch.eye(2).requires_grad_()
loss = torch.linalg.eigh(x)[1].sum()  # <-
""", ask="torch.explain(loss)", says=("eigenvalues 0 and 1 are equal",))
program("minus infinity everywhere", (65,), "nan", """
x = leaf(-math.inf, -math.inf)
loss = torch.logsumexp(x, 0)  # <-
""", ask="torch.explain(loss)", says=("logsumexp",))
program("a late filter", (66,), "nan", """
x = leaf(-1.0, 1.0)
loss = (x ** 0.5)[x > 0].sum()  # <-
report = torch.explain(loss)
loss.backward()
""", ask="report", says=("throws away",), right="np.array([0.0, 0.5])")

# H. Changed in place, or stale

program("a saved result", (68,), "modified", """
x = leaf()
y = x.exp()  # <-
y += 1  # <-2
loss = y.sum()
with Error: loss.backward()
""", ask=_LOSS, says=("`exp`", "`y += 1`", "y = y + 1"))
program("a saved result, and the leaf", (68,), "refused", """
x = leaf()
y = x.exp()
y += 1
with Error: y.sum().backward()  # <-
""", says=("modified by an inplace operation",))
program("written by iteration", (69,), "modified", """
x = leaf()
y = x * 1
z = y ** 2  # <-
y.unsqueeze(0).mul_(2)  # <-2
loss = z.sum()
""", ask=_LOSS, says=("`pow`", "mul_(2)"))
program("a step between", (70,), "modified", """
m = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
opt = torch.optim.SGD(m.parameters(), lr=0.1)
loss = m(torch.ones(1, 2)).sum()  # <-
loss.backward(retain_graph=True)
opt.step()  # <-2
""", ask=_LOSS, says=("`m.1.weight`", "`opt.step()`", "backward() before that step"))
program("two passes", (74,), "accumulated", """
x = leaf()
(x ** 2).sum().backward()  # <-
(x ** 3).sum().backward()  # <-2
""", says=("sum of 2 backward passes", "never cleared", "zero_grad"))
program("two passes since", (74,), "accumulated", """
x = leaf()
x.sum().backward()
x.grad = None
(x ** 2).sum().backward()  # <-
(x ** 3).sum().backward()  # <-2
""", says=("sum of 2 backward passes", "since it was cleared"))
program("a second pass over a freed graph", (73,), "flows", """
x = leaf()
loss = (x ** 2).sum()
loss.backward()  # <-
with Error: loss.backward()
""")

# I. The end of the function

program("no scalar", (76,), "refused", """
x = leaf()
y = x ** 2
with Error: y.backward()  # <-
""", says=("scalar",))
program("a column and a row", (77,), "flows", """
m = nn.Linear(2, 1)
loss = ((m(torch.ones(3, 2)) - torch.ones(3)) ** 2).mean()
loss.backward()
""", ask="m.explain_grads()", says=("pair every row with every element",))
program("all is well", (0,), "flows", """
x = leaf()
(x ** 2).sum().backward()  # <-
""", says=("brought its gradient",))
program("before any pass", (12,), "not_run", """
x = leaf()
loss = (x ** 2).sum()
""", says=("No backward pass has reached it",))
program("a parameter that is not used", (79,), "unused", """
m = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
m[1](torch.ones(1, 2)).sum().backward()  # <-
""", ask="m.explain_grads()", says=("2 unused, 2 flows",))
