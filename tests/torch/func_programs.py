# ruff: noqa: E501
"""Programs about `torch.func`: what `no_grad`, `detach`, `data` and writes in place mean under its transformations;
about which gradients require one; and about rules of the user's for batches.

`python -m tests.torch.func_programs` runs them under PyTorch and writes func_expected.json.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch import batch_programs
from tests.torch.semantics_programs import found

EXPECTED = Path(__file__).parent / "func_expected.json"
BEGIN = """F = torch.func
x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
v = torch.ones(3, dtype=torch.float64)
c = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
"""
class_of = """class {name}(torch.autograd.Function):
  generate_vmap_rule = True
  @staticmethod
  def forward({inputs}): return {value}
  @staticmethod
  def setup_context(ctx, inputs, output): ctx.save_for_backward(*inputs); ctx.save_for_forward(*inputs)
  @staticmethod
  def backward(ctx, {gradients}): return {pulled}
  @staticmethod
  def jvp(ctx, {tangents}): return {pushed}
"""
BEGIN += class_of.format(
    name="Square", inputs="x", value="x * x", gradients="g", pulled="g * 2 * ctx.saved_tensors[0]", tangents="t",
    pushed="t * 2 * ctx.saved_tensors[0]",
)
BEGIN += class_of.format(
    name="Both", inputs="x, y", value="(x * y, x + y)", gradients="g, h",
    pulled="g * ctx.saved_tensors[1] + h, g * ctx.saved_tensors[0] + h", tangents="t, u",
    pushed="(t * ctx.saved_tensors[1] + u * ctx.saved_tensors[0], t + u)",
)
INSIDE = {
    "no_grad": "with torch.no_grad(): y = x * x\n  return ((y + x) * x).sum()",
    "no_grad of a view": "with torch.no_grad(): y = x[:2]\n  return (y * y).sum() + x.sum()",
    "no_grad of a cast": "with torch.no_grad(): y = x.float()\n  return (y * y).sum().double() + x.sum()",
    "no_grad of a clone": "with torch.no_grad(): y = x.clone()\n  return (y * x).sum()",
    "no_grad of several": "with torch.no_grad(): y = torch.stack([x, x * x])\n  return (y * x).sum()",
    "no_grad that changes nothing": "with torch.no_grad(): y = x\n  return (y * x).sum()",
    "enable_grad in no_grad": "with torch.no_grad():\n    y = x * x\n    with torch.enable_grad(): z = y * x\n  return (z * x).sum()",
    "set_grad_enabled": "torch.set_grad_enabled(False)\n  y = x * x\n  torch.set_grad_enabled(True)\n  return (y * x).sum()",
    "inference_mode": "with torch.inference_mode(): y = x * x\n  return ((y + x) * x).sum()",
    "a part written in no_grad": "y = x * 2\n  with torch.no_grad(): y[0] = x[1]\n  return (y * y).sum()",
    "written in no_grad": "y = x * 2\n  with torch.no_grad(): y.mul_(x)\n  return (y * y).sum()",
    "filled in no_grad": "y = torch.zeros(3, dtype=torch.float64) + x.detach() * 0\n  with torch.no_grad(): y.copy_(x)\n  return (y * x).sum()",
    "zeroed in no_grad": "y = x * x\n  with torch.no_grad(): y.zero_()\n  return ((y + x) * x).sum()",
    "detach": "return ((x * x).detach() * x).sum() + x.sum()",
    "detach of a view": "return (x[:2].detach() ** 2).sum() + x.sum()",
    "detach_": "y = x * x\n  y.detach_()\n  return ((y + x) * x).sum()",
    "data": "return ((x * x).data * x).sum()",
    "a detached alias written": "y = x * 1\n  y.detach().mul_(2)\n  return (y * x).sum()",
    "a detached alias written with x": "y = x * 1\n  z = y.detach()\n  z.mul_(x)\n  return (z * y * x).sum()",
    "a detached alias after its base was written": "y = x * 1\n  z = y.detach()\n  y.mul_(x)\n  return (z * x).sum()",
    "detach_ of what outer levels trace": "return F.grad(lambda b: ((x * x).detach_() * b).sum())(x).sum()",
    "data of what outer levels trace": "return F.grad(lambda b: ((x * x).data * b).sum())(x).sum()",
    "no_grad of what outer levels trace": "def inner(b):\n    with torch.no_grad(): y = x * x\n    return (y * b).sum()\n  return F.grad(inner)(x).sum()",
    "a gradient in no_grad": "with torch.no_grad(): g = F.grad(lambda b: (b ** 3).sum())(x)\n  return (g * x).sum()",
    "a tangent in no_grad": "with torch.no_grad(): g = F.jvp(lambda b: b ** 3, (x,), (v,))[1]\n  return (g * x).sum()",
    "requires_grad": "return (x * 2 if x.requires_grad else x).sum()",
    "requires_grad of a result": "return (x * x).sum() if (x * x).requires_grad else x.sum()",
    "is_leaf": "return (x * x).sum() if x.is_leaf else x.sum()",
    "a Function": "return (Square.apply(x) * x).sum()",
    "a Function in no_grad": "with torch.no_grad(): y = Square.apply(x)\n  return (y * x).sum()",
    "a Function of two": "y, z = Both.apply(x, x * x)\n  return (y * z).sum()",
    "a Function of a constant": "y, z = Both.apply(x, c)\n  return (y * z).sum()",
    "a Function of a detached value": "y, z = Both.apply(x, (x * x).detach())\n  return (y * z).sum()",
    "a Function twice": "return Square.apply(Square.apply(x)).sum()",
    "float": "return (x.float() ** 2).sum().double()",
    "to and back": "return (x.to(torch.float32).to(torch.float64) * x).sum()",
    "float16": "return (x.half().double() * x).sum()",
    "promotion": "return (x.float() + x).sum()",
}
UNDER = {
    "grad": "found = F.grad(f)(x); print(found.tolist())",
    "jvp": "value, found = F.jvp(f, (x,), (v,)); print(value.item(), found.item())",
    "linearize": "import warnings; warnings.simplefilter('ignore'); value, along = F.linearize(f, x); found = along(v); print(value.item(), found.item())",
    "jacfwd": "found = F.jacfwd(f)(x); print(found.tolist())",
    "hessian": "found = F.hessian(f)(x); print(found.tolist())",
    "jacrev of jacrev": "found = F.jacrev(F.jacrev(f))(x); print(found.tolist())",
    "jvp of grad": "found = F.jvp(F.grad(f), (x,), (v,))[1].clone(); print(found.tolist())",
    "grad of jvp": "found = F.grad(lambda x: F.jvp(f, (x,), (v,))[1])(x); print(found.tolist())",
    "jvp of jvp": "found = F.jvp(lambda x: F.jvp(f, (x,), (v,))[1], (x,), (v,))[1]; print(found.item())",
    "vmap of jvp": "found = F.vmap(lambda x: F.jvp(f, (x,), (v,))[1])(torch.stack([x, x + 1])); print(found.tolist())",
    "backward of grad": "xr = x.clone().requires_grad_(); F.grad(f)(xr).sum().backward(); found = xr.grad; print(found.tolist())",
    "backward of jvp": "xr = x.clone().requires_grad_(); F.jvp(f, (xr,), (v,))[1].backward(); found = xr.grad; print(found.tolist())",
}
LOST = "PyTorch loses the outer tangent of what save_for_forward keeps: the second derivative is wrong"
ZEROS = "PyTorch's result is a ZeroTensor, which cannot be read"
NOT_THERE = {
    **{
        (what, "linearize"): "PyTorch's linearize is not the derivative that its jvp is"
        for what in INSIDE
        if what.startswith("a detached alias")
    },
    **{(what, "jvp of jvp"): LOST for what in INSIDE if what.startswith("a Function")},
    ("a tangent in no_grad", "linearize"): "PyTorch's linearize cannot be nested",
    ("no_grad of a view", "backward of jvp"): "PyTorch records that there is nothing to record, and the gradient is None",
    ("detach", "grad of jvp"): ZEROS,
    ("detach", "backward of jvp"): ZEROS,
    ("a detached alias after its base was written", "grad of jvp"): ZEROS,
    ("a detached alias after its base was written", "backward of jvp"): ZEROS,
    ("data of what outer levels trace", "vmap of jvp"): "PyTorch refuses data of what vmap traces, though not innermost",
    ("detach_ of what outer levels trace", "vmap of jvp"): "PyTorch loops over elements in place of detach_",
}
WRITES = {
    "add_": "c.add_(1)",
    "item": "c[0] = 5.0",
    "list of items": "c[[0, 1]] = 5.0",
    "copy_": "c.copy_(torch.zeros(3, dtype=torch.float64))",
    "zero_": "c.zero_()",
    "fill_": "c.fill_(2.0)",
    "pow_ by a tensor": "c.pow_(c)",
    "pow_ by a number": "c.pow_(2)",
    "masked_fill_": "c.masked_fill_(c > 1, 0.0)",
    "relu_": "c.relu_()",
    "its view": "c[1:].fill_(7)",
    "traced values": "c.add_(x)",
    "detached values": "c.add_(x.detach())",
    "its data": "c.data.add_(1)",
    "its alias": "c.detach().add_(1)",
    "in no_grad": "with torch.no_grad(): c.add_(1)",
    "by out": "torch.add(c, 1, out=c)",
    "of its own": "d = torch.zeros(3, dtype=torch.float64); d.add_(x); d.zero_()",
    "the argument": "x.add_(1)",
    "a view of the argument": "x.view(3).add_(c)",
    "requires_grad_": "c.requires_grad_()",
    "requires_grad_ of a clone": "c.clone().requires_grad_()",
}
WRITING = {
    "grad": "found = F.grad(f)(x); print(found.tolist())",
    "jvp": "value, found = F.jvp(f, (x,), (v,)); print(value.item(), found.item())",
    "vmap": "found = F.vmap(f)(x[None]); print(found.tolist())",
    "vmap of grad": "found = F.vmap(F.grad(f))(torch.stack([x, x])); print(found.tolist())",
    "jacrev": "found = F.jacrev(f)(x); print(found.tolist())",
    "vjp": "found = F.vjp(f, x)[0]; print(found.tolist())",
}
NOT_WRITTEN = {
    ("traced values", "vmap"), ("detached values", "vmap"), ("of its own", "vmap"), ("of its own", "vmap of grad"),
}
"""PyTorch refuses what does not fit into the memory with its batch; here what was made inside may take it on."""
ARGUMENTS = {
    "not differentiated": "g = F.grad(lambda x, c: (x * c.add_(1)).sum())(x, c); print(g.tolist(), c.tolist())",
    "not differentiated by jacrev": "g = F.jacrev(lambda x, c: x * c.add_(1))(x, c); print(g.tolist(), c.tolist())",
    "not differentiated by jacfwd": "g = F.jacfwd(lambda x, c: x * c.add_(1))(x, c); print(g.tolist(), c.tolist())",
    "by keyword": "g = F.grad(lambda x, c: (x * c.add_(1)).sum())(x, c=c); print(g.tolist(), c.tolist())",
    "not mapped": "g = F.vmap(lambda x, c: (x * c.add_(1)).sum(), in_dims=(0, None))(x[None], c); print(g.tolist(), c.tolist())",
    "mapped": "m = torch.stack([c, c]); g = F.vmap(lambda x, c: (x * c.add_(1)).sum(), in_dims=(None, 1), out_dims=0)(torch.ones(2, dtype=torch.float64), m); print(g.tolist(), m.tolist(), m._version)",
    "of jvp": "g = F.jvp(lambda x: x.mul_(2), (x,), (v.clone(),)); print(g[0].tolist(), g[1].tolist(), x.tolist())",
    "of an outer level": "F.grad(lambda a: F.grad(lambda b: (b * a.clone().add_(b)).sum())(a).sum())(x)",
    "made in an outer level": "def outer(a):\n  d = a * 1\n  return F.grad(lambda b: (b * d.add_(1)).sum())(a).sum()\nF.grad(outer)(x)",
    "statistics": "bn = torch.nn.BatchNorm1d(3).double(); F.grad(lambda x: bn(x).pow(2).sum())(torch.stack([x, x + 1]))",
    "statistics by name": "bn = torch.nn.BatchNorm1d(3).double(); b = {k: t.clone() for k, t in bn.named_buffers()}; g = F.grad(lambda p, b: (F.functional_call(bn, (p, b), (torch.stack([x, x * x, x.sin()]),)) ** 3).sum())(dict(bn.named_parameters()), b); print([t.tolist() for t in b.values()], bn.num_batches_tracked.item()); found = g['weight'].detach()",
}
OVERWRITTEN = {
    "grad": "print(F.grad(f)(x).tolist(), x.tolist(), x._version)",
    "grad_and_value": "(g, (y, aux)) = F.grad_and_value(lambda t: (f(t), t * 2), has_aux=True)(x); print(g.tolist(), y.item(), aux.tolist(), x.tolist())",
    "grad of a leaf": "x.requires_grad_(); print(F.grad(f)(x).detach().tolist(), x.tolist(), x.is_leaf)",
    "grad of a result": "x = x.clone().requires_grad_() * 1; print(F.grad(f)(x).detach().tolist(), x.tolist(), x.grad_fn.name())",
    "grad by a dict": "d = {'a': x, 'b': c}; print({k: g.tolist() for k, g in F.grad(lambda d: f(d['a']) * d['b'].sum())(d).items()}, x.tolist(), c.tolist())",
    "vjp": "y, pull = F.vjp(f, x); print(y.item(), pull(torch.tensor(2.0, dtype=torch.float64))[0].tolist(), x.tolist())",
    "jacrev": "print(F.jacrev(lambda t: f(t) * c)(x).tolist(), x.tolist())",
    "jacfwd": "print(F.jacfwd(lambda t: f(t) * c)(x).tolist(), x.tolist())",
    "jvp": "y, t = F.jvp(f, (x,), (v,)); print(y.item(), t.item(), x.tolist())",
    "hessian": "print(F.hessian(f)(x).tolist(), x.tolist())",
    "vmap of grad": "s = torch.stack([x, x + 1]); print(F.vmap(F.grad(f))(s).tolist(), s.tolist())",
}
NOT_OVERWRITTEN = {(how, "jvp") for how in ("in no_grad", "an item in no_grad")}
"""PyTorch writes the caller's tangent too."""
OVERWRITES = {
    "in no_grad": "with torch.no_grad(): x.mul_(2)",
    "by its alias": "x.detach().add_(1)",
    "an item in no_grad": "with torch.no_grad(): x[0] = 5",
}
INFERENCE = {
    "grad": "print(F.grad(lambda x: (x**3).sum())(x).tolist())",
    "vjp": "y, pull = F.vjp(lambda x: x**3, x); print(y.tolist(), pull(v)[0].tolist())",
    "jvp": "print([t.tolist() for t in F.jvp(lambda x: x**3, (x,), (v,))])",
    "jacrev": "print(F.jacrev(lambda x: x**3)(x).tolist())",
    "hessian": "print(F.hessian(lambda x: (x**3).sum())(x).tolist())",
    "vmap": "print(F.vmap(F.grad(lambda x: x**3))(x).tolist())",
}
SAMPLED = (
    *("v + torch.rand(2)", "v + torch.randn(2)", "torch.rand_like(v)", "torch.randn_like(v)", "torch.randint(5, (2,))", "torch.bernoulli(v + 0.5)"),
    *("torch.nn.functional.dropout(v + 1, 0.5)", "torch.normal(v, 1.0)", "v.clone().uniform_()", "v.clone().normal_(1, 2)", "torch.randn(20) + v[0]", "torch.randn(3, 7)"),
    *("v.clone().bernoulli_(0.5)", "v.clone().exponential_()", "torch.nn.functional.dropout(v + 1, 0.3) + torch.rand(2)", "torch.randint_like(v, 7)"),
    *("torch.nn.functional.gumbel_softmax(v)", "torch.rand((), dtype=torch.float64)"),
    *("torch.func.vmap(lambda e: e + torch.rand(()), randomness='different')(v)", "torch.func.vmap(lambda e: e + torch.rand(()), randomness='same')(v)"),
    "torch.func.grad(lambda t: (t * torch.rand(2)).sum())(v)",
)
"""With numbers of its own for each of a batch."""


RECORDED = [
    *(f"x.{name}()" for name in ("relu", "abs", "sum", "mean", "exp", "sin", "tanh", "square", "neg", "sign", "floor", "max", "min", "amax", "prod", "t", "std", "median")),
    *("x.clamp(-1, 1)", "x.clamp(min=0)", "x.max(0)[0]", "x.sort()[0]", "x * 2", "x * x", "2 / x", "x ** 1", "x ** 2", "x @ x.t()"),
    *("torch.where(x > 0, x, -x)", "torch.maximum(x, torch.zeros_like(x))", "x[0]", "x[[0, 1]]", "torch.cat([x, x])", "x.masked_fill(x > 0, 0.0)"),
    *(f"torch.nn.functional.{name}(x)" for name in ("elu", "hardshrink", "softplus", "hardswish")),
    *(f"torch.nn.functional.{name}(x)" for name in ("relu6", "leaky_relu", "hardtanh", "softshrink", "logsigmoid")),
    *("x.norm(1)", "x.norm(inf)", "x.norm()", "torch.dist(x, 2 * x, 1)", "torch.fft.rfft(x).real", "x.gather(1, torch.zeros(2, 1, dtype=torch.int64))", "x.nansum()"),
    *("x.masked_select(x > 0)", "x.angle()", "x.xlogy(2.0)", "x.trunc()", "x.frac()", "x.logsumexp(1)", "x.quantile(0.3)", "x % 2", "torch.ldexp(x, torch.tensor([1, 2, 3]))"),
    *(f"torch.nn.functional.{call}" for call in ("max_pool1d(x, 2)", "avg_pool1d(x, 2)", "adaptive_max_pool1d(x, 2)", "pad(x, (1, 1), mode='reflect')", "layer_norm(x, (3,))")),
    *("x.cummax(1)[0]", "x.abs().log()", "(x * 2).relu()", "x.relu() * 2", "(x * 1).relu_()", "x.nan_to_num()"),
]
"""Of whose gradients PyTorch says that they require a gradient, or not, where it is always zero."""
FLAGS = """from math import inf
x = torch.tensor([[1.0, -2.0, 3.0], [0.5, 2.0, -1.0]], dtype=torch.float64, requires_grad=True)
y = {}
g, = torch.autograd.grad(y.sum(), x, create_graph=True)
print(g.requires_grad, g.grad_fn is None)
if g.requires_grad: print(torch.autograd.grad(g.sum(), x)[0].abs().tolist())
"""


DUAL = {  # which leave no dual tensor: it ends with its level
    "a level": "with fw.dual_level(): found = fw.unpack_dual(fw.make_dual(x, v) ** 2).tangent",
    "entered": "fw.enter_dual_level(); found = fw.unpack_dual(fw.make_dual(x, v).sin() * c).tangent; fw.exit_dual_level()",
    "no_grad": "with fw.dual_level():\n  d = fw.make_dual(x, v)\n  with torch.no_grad(): y = d * d\n  found = fw.unpack_dual(y * d).tangent\ndel y, d",
    "detach": "with fw.dual_level():\n  d = fw.make_dual(x, v)\n  found = fw.unpack_dual((d * d).detach() * d).tangent\ndel d",
    "a write": "with fw.dual_level():\n  y = fw.make_dual(x, v) * 1\n  y[0] = y[1]\n  y.mul_(c)\n  found = fw.unpack_dual(y).tangent\ndel y",
    "a view": "with fw.dual_level(): found = fw.unpack_dual(fw.make_dual(x, v)[1:].flip(0)).tangent",
    "a Function": "with fw.dual_level(): found = fw.unpack_dual(Square.apply(fw.make_dual(x, v)) * x).tangent",
    "backward": "x.requires_grad_()\nwith fw.dual_level():\n  p, t = fw.unpack_dual(fw.make_dual(x, v) ** 3)\n  t.sum().backward(); print(x.grad)\n  p.sum().backward()",
    "no tangent": "with fw.dual_level(): print(fw.unpack_dual(x), fw.unpack_dual(fw.make_dual(x, v) > 1).tangent)",
    "behind": "with fw.dual_level(): y = fw.make_dual(x, v) * 2\nprint(fw.unpack_dual(y)); del y",
    "no level": "fw.make_dual(x, v)",
    "no level to exit": "fw.exit_dual_level()",
    "nested": "with fw.dual_level():\n  with fw.dual_level(): pass",
    "another size": "with fw.dual_level(): fw.make_dual(x, torch.ones(2))",
    "integers": "with fw.dual_level(): fw.make_dual(torch.arange(3), v)",
    "twice": "with fw.dual_level(): fw.make_dual(fw.make_dual(x, v), v)",
}

LEAVING = {
    "grad": "torch.func.grad(lambda x: torch.tensor(x.numpy()).sum())(x)",
    "jvp": "torch.func.jvp(lambda x: torch.tensor(x.numpy()).sum(), (x,), (v,))",
    "an item": "torch.func.grad(lambda x: x.sum() * x.sum().item())(x)",
}


def _function(body: str) -> str:
    return f"{BEGIN}def f(x):\n  {body}\n"


PROGRAMS = {
    **{
        f"{what}: {how}": _function(body) + call
        for what, body in INSIDE.items()
        for how, call in UNDER.items()
        if (what, how) not in NOT_THERE
    },
    **{
        f"{what} written: {how}": _function(f"{body}\n  return (x * c).sum()") + f"try: {call}\nfinally: print(c.tolist(), x.tolist())"
        for what, body in WRITES.items()
        for how, call in WRITING.items()
        if (what, how) not in NOT_WRITTEN
    },
    **{f"forward_ad: {what}": BEGIN + "fw = torch.autograd.forward_ad\n" + body for what, body in DUAL.items()},
    **{f"the gradient of {made}": FLAGS.format(made) for made in RECORDED},
    **{f"numpy of what is traced: {how}": BEGIN + body for how, body in LEAVING.items()},
    **{f"an argument written, {what}": BEGIN + body for what, body in ARGUMENTS.items()},
    **{
        f"an argument written {how}: {what}": _function(f"{write}\n  return (x * x * c).sum()") + body
        for how, write in OVERWRITES.items()
        for what, body in OVERWRITTEN.items()
        if (how, what) not in NOT_OVERWRITTEN
    },
    **{f"{what} in inference mode": f"{BEGIN}with torch.inference_mode():\n  {body}\n" for what, body in INFERENCE.items()},
    **{
        f"different random numbers: {body}": f"{BEGIN}torch.manual_seed(0); print(F.vmap(lambda v: {body}, randomness='different')(torch.zeros(3, 2)))"
        for body in SAMPLED
    },
    **batch_programs.programs(BEGIN),
}


@lru_cache(maxsize=1)
def expected() -> dict[str, Any]:
    return json.loads(EXPECTED.read_text())


def main() -> None:
    import torch

    EXPECTED.write_text(json.dumps({name: found(torch, s) for name, s in PROGRAMS.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
