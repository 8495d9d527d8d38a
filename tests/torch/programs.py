# ruff: noqa: E501
"""Small programs that mean the same under PyTorch and under funcgrad.torch; each prints what it finds."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
Y = X + "y = x * 2\n"

LEAVES = {
    "flags": X + "print(x.requires_grad, x.is_leaf, x.grad, x.grad_fn, x.dtype, x.shape, x._version)",
    "accumulates": X + "(x * x).sum().backward(); (x * 3).sum().backward(); print(x.grad)",
    "grad keeps its object": X + "x.sum().backward(); g = x.grad; x.sum().backward(); print(g is x.grad, g)",
    "assigned gradient": X + "x.grad = torch.ones(3); x.sum().backward(); print(x.grad)",
    "gradient of a tensor that requires none": "a = torch.ones(2); a.grad = torch.zeros(2); print(a.grad, a.requires_grad)",
    "wrong size": X + "x.grad = torch.ones(2)",
    "wrong dtype": X + "x.grad = torch.ones(3, dtype=torch.float64)",
    "wrong type": X + "x.grad = [1.0]",
    "itself": X + "x.grad = x",
    "cleared": X + "x.sum().backward(); x.grad = None; print(x.grad)",
    "integers": "torch.tensor([1, 2], requires_grad=True)",
    "integers later": "torch.tensor([1, 2]).requires_grad_()",
    "frozen": X + "x.requires_grad_(False); print((x * 2).requires_grad)",
    "computed cannot be frozen": Y + "y.requires_grad = False",
    "computed is no leaf": Y + "print(y.requires_grad_() is y, y.grad_fn.name()); y.requires_grad = True",
    "leaf scalar": "x = torch.tensor(2.0, requires_grad=True); x.backward(); print(x.grad)",
    "non-leaf": Y + "y.retain_grad(); y.sum().backward(); print(y.grad, y.retains_grad, y.is_leaf)",
    "retain without gradient": "torch.ones(2).retain_grad()",
}

BACKWARD = {
    "vector": Y + "y.backward()",
    "weighted": Y + "y.backward(torch.tensor([1.0, 0.5, 0.0])); print(x.grad)",
    "wrong shape": Y + "y.sum().backward(torch.ones(3))",
    "nothing required": "torch.ones(2).sum().backward()",
    "twice": Y + "z = (y * y).sum(); z.backward(); z.backward()",
    "twice, nothing saved": X + "z = (x + 1).sum(); z.backward(); z.backward(); print(x.grad)",
    "twice, a number saved": Y + "z = y.sum(); z.backward(); z.backward()",
    "retained": Y + "z = (y * y).sum(); z.backward(retain_graph=True); z.backward(); print(x.grad)",
    "inputs": Y + "(y * x).sum().backward(inputs=[y]); print(x.grad, y.grad)",
    "no inputs": Y + "y.sum().backward(inputs=[])",
    "several": Y + "torch.autograd.backward([y, x * 3], [torch.ones(3), torch.ones(3)]); print(x.grad)",
    "count": Y + "torch.autograd.backward([y, y], [torch.ones(3)])",
    "grad": Y + "print(torch.autograd.grad((y * y).sum(), [x, y]), x.grad)",
    "unused": Y + "torch.autograd.grad(y.sum(), torch.ones(2, requires_grad=True))",
    "allowed": Y
    + "print(torch.autograd.grad(y.sum(), [x, torch.ones(2, requires_grad=True)], allow_unused=True))",
    "materialized": Y
    + "print(torch.autograd.grad(y.sum(), [x, torch.ones(2, requires_grad=True)], materialize_grads=True))",
    "of no leaf": Y + "torch.autograd.grad(y.sum(), torch.ones(2))",
    "second order": Y
    + "(g,) = torch.autograd.grad((y**3).sum(), x, create_graph=True); g.sum().backward(); print(g.detach(), x.grad)",
    "third order": "x = torch.tensor(0.7, requires_grad=True); g = torch.sin(x) * torch.exp(x)\n"
    "for _ in range(3):\n  (g,) = torch.autograd.grad(g, x, create_graph=True)\nprint(g.detach())",
    "gradient penalty": "w = torch.tensor([[1.0, -2.0], [0.5, 1.5]], requires_grad=True)\n"
    "x = torch.tensor([[0.3, 0.7]], requires_grad=True)\n"
    "(g,) = torch.autograd.grad(torch.tanh(x @ w).sum(), x, create_graph=True)\n"
    "((g**2).sum().sqrt() - 1).pow(2).backward(); print(w.grad, x.grad)",
    "hook": Y + "y.register_hook(lambda g: g * 10); y.sum().backward(); print(x.grad)",
    "hook on a leaf": X
    + "h = x.register_hook(lambda g: print(g)); x.sum().backward(); h.remove(); x.sum().backward()",
    "hook of a wrong size": X + "x.register_hook(lambda g: torch.ones(2)); x.sum().backward()",
    "hook of a wrong type": X + "x.register_hook(lambda g: 3); x.sum().backward()",
    "by nothing": Y + "torch.autograd.grad(y.sum(), [])",
    "modules of autograd": "import importlib\nfor m in ('functional', 'function', 'forward_ad', 'graph'):\n"
    "  print(importlib.import_module(torch.__name__ + '.autograd.' + m) is getattr(torch.autograd, m))",
    "hook without gradient": "torch.ones(2).register_hook(print)",
    "grad_fn": Y + "print(y.grad_fn.name(), [f[0].name() for f in (y + x).grad_fn.next_functions])",
    "float64 weights": Y + "y.backward(torch.ones(3, dtype=torch.float64)); print(x.grad)",
    "diamond": X + "a = x.exp(); b = a * a + a / x; (b * a).sum().backward(); print(x.grad)",
}

CUTS = {
    "detach": Y + "z = y.detach() * 3; print(z.requires_grad, z.is_leaf, z.grad_fn)",
    "detach shares": X + "x.detach().add_(1); print(x, x._version)",
    "detach in place": Y + "y.detach_(); print(y.requires_grad, y.is_leaf)",
    "detach a view in place": Y + "y[0].detach_()",
    "no_grad": X + "with torch.no_grad():\n  y = x * 2\nprint(y.requires_grad, torch.is_grad_enabled())",
    "nested modes": "with torch.no_grad():\n  with torch.enable_grad():\n    print(torch.is_grad_enabled())\n  print(torch.is_grad_enabled())",
    "decorated": X
    + "@torch.no_grad()\ndef f(): return x * 2\n@torch.no_grad\ndef g(): return x * 2\nprint(f(), g())",
    "set": X
    + "torch.set_grad_enabled(False); y = x * 2; torch.set_grad_enabled(True); print(y.requires_grad, (x * 2).requires_grad)",
    "an error gives the mode back": "try:\n  with torch.no_grad(): 1 / 0\nexcept ZeroDivisionError: print(torch.is_grad_enabled())",
    "view without grad": X
    + "with torch.no_grad():\n  v = x[0]\nprint(v.requires_grad, v.is_leaf)\nv.add_(1)",
    "numpy": X + "x.numpy()",
    "asarray": X + "np.asarray(x)",
    "numpy shares": X + "a = x.detach().numpy(); a[0] = 9; print(x)",
    "from_numpy shares": "a = np.array([1.0, 2.0]); t = torch.from_numpy(a); t.mul_(2); a[1] = 7; print(a, t)",
    "round trip": X
    + "z = torch.from_numpy(x.detach().numpy() * 2).requires_grad_(); (z * z).sum().backward(); print(x.grad, z.grad)",
    "from a list": "torch.from_numpy([1])",
    "item": X + "print(x.sum().item(), x.tolist())",
    "item of many": X + "x.item()",
    "truth of many": X + "bool(x > 1)",
    "item constant": X + "(x * x[0].item()).sum().backward(); print(x.grad)",
    "integers cut": Y
    + "print(y.to(torch.int64).requires_grad, y.argmax().requires_grad, (y > 2).requires_grad)",
    "float cast flows": Y + "y.double().sum().backward(); print(x.grad)",
}

IN_PLACE = {
    "leaf": X + "x += 1",
    "view of a leaf": X + "x[0] = 1.0",
    "leaf without grad": X + "with torch.no_grad():\n  x += 1\n  x -= 0.5 * x\nprint(x, x._version)",
    "non-leaf": Y + "y += 1; print(y, y._version); y.sum().backward(); print(x.grad)",
    "chain": Y + "y -= 1; y *= x; y /= 3; y **= 2; print(y); y.sum().backward(); print(x.grad)",
    "into a constant": Y
    + "a = torch.zeros(3); a += y; print(a, a.is_leaf); a.sum().backward(); print(x.grad)",
    "element": Y + "y[0] = 5.0; print(y); y.sum().backward(); print(x.grad)",
    "element of a constant": Y
    + "a = torch.zeros(3); a[1] = y[0] * x[2]; print(a); a.sum().backward(); print(x.grad)",
    "view": Y
    + "v = y[1:]; v.mul_(3); print(y, v, y._version, v._version); (y * v[0]).sum().backward(); print(x.grad)",
    "base": Y + "v = y[1:]; y.mul_(x); print(v); v.sum().backward(); print(x.grad)",
    "view of a view": Y
    + "v = y.view(3, 1)[1:]; v[0] += 4; print(y, v); (y * y.detach()).sum().backward(); print(x.grad)",
    "transposed": "x = torch.arange(6.0).view(2, 3).requires_grad_(); y = x * 1; y.t()[0] = 7.0; print(y); (y * y).sum().backward(); print(x.grad)",
    "column": "x = torch.arange(6.0).view(2, 3).requires_grad_(); y = x * 1; y[:, 1] *= 2; print(y); y.sum().backward(); print(x.grad)",
    "mask": Y + "y[y > 3] = 0.0; print(y); y.sum().backward(); print(x.grad)",
    "index": Y + "y[torch.tensor([0, 2])] = x[:2] * 5; print(y); y.sum().backward(); print(x.grad)",
    "index twice": Y
    + "y[torch.tensor([0, 0])] = torch.tensor([1.0, 2.0]); print(y); y.sum().backward(); print(x.grad)",
    "zero": Y + "y.zero_(); print(y); y.sum().backward(); print(x.grad)",
    "fill": Y + "y.fill_(2); print(y); y.sum().backward(); print(x.grad)",
    "copy": Y + "y.copy_(x * x); print(y); y.sum().backward(); print(x.grad)",
    "functions": Y
    + "y.exp_(); y.clamp_(0, 50); y.sqrt_(); y.neg_(); print(y); y.sum().backward(); print(x.grad)",
    "saved result": Y + "z = y.exp(); z.add_(1); z.sum().backward()",
    "saved operand": Y + "z = y * y; y.add_(1); z.sum().backward()",
    "saved by the same": Y + "y.mul_(y); y.sum().backward()",
    "saved through an alias": Y + "z = y.sin(); y.detach().add_(1); z.sum().backward()",
    "saved constant": Y + "w = torch.ones(3); z = y * w; w.add_(1); z.sum().backward()",
    "saved view": Y + "z = y.view(3, 1) @ x.view(1, 3); y.add_(1); z.sum().backward()",
    "saved by sigmoid": Y + "z = y.sigmoid(); z.mul_(2); z.sum().backward()",
    "saved by softmax": Y + "z = torch.softmax(y, 0); z[0] = 1.0; z.sum().backward()",
    "saved by var": Y + "z = y.var(); y.add_(1); z.backward()",
    "not saved by sum": Y + "z = y.sum(); y.add_(1); z.backward(); print(x.grad)",
    "not saved by relu": Y + "z = y.relu(); y.sub_(9); z.sum().backward(); print(x.grad)",
    "not saved by div": Y + "z = y / x; z.add_(1); z.sum().backward(); print(x.grad)",
    "not saved without grad": Y
    + "w = torch.ones(3); z = w * 2; w.add_(1); (z * y).sum().backward(); print(x.grad)",
    "shape": Y + "y.add_(torch.ones(2, 3))",
    "dtype": "torch.ones(3, dtype=torch.int64).add_(1.5)",
    "expanded": Y + "y.expand(2, 3).add_(1)",
    "unbound": Y + "a, b, c = y.unbind(); a.add_(1)",
    "split": Y + "a, b = y.split(2); b.mul_(2)",
    "versions": Y + "y[0] += 1; print(y._version); y[0] = 3; print(y._version, y.detach()._version)",
    "retained moves": Y + "y.retain_grad(); y.mul_(3); y.sum().backward(); print(y.grad, x.grad)",
    "gradient descent": "torch.manual_seed(0); w = torch.randn(3, requires_grad=True); x = torch.randn(20, 3); t = x @ torch.tensor([1.0, -2.0, 0.5])\n"
    "for _ in range(60):\n  loss = ((x @ w - t) ** 2).mean(); loss.backward()\n  with torch.no_grad():\n    w -= 0.2 * w.grad\n  w.grad.zero_()\nprint(w)",
}

FUNCTION = """
class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor, by):
        print(ctx.needs_input_grad, torch.is_grad_enabled())
        ctx.save_for_backward(x, factor)
        ctx.by = by
        return x * factor * by
    @staticmethod
    def backward(ctx, grad):
        x, factor = ctx.saved_tensors
        print(grad, grad.requires_grad, torch.is_grad_enabled())
        return {returned}
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
f = torch.tensor([2.0, 0.5, 1.0], requires_grad=True)
y = Scaled.apply(x, f, 3)
"""
WHOLE = FUNCTION.replace("{returned}", "grad * factor * ctx.by, grad * x * ctx.by, None")

FUNCTIONS = {
    "plain": WHOLE + "print(y, y.grad_fn.name()); y.sum().backward(); print(x.grad, f.grad)",
    "weights that require grad": WHOLE
    + "print(torch.autograd.grad(y, x, torch.ones(3, requires_grad=True)))",
    "twice": WHOLE + "y.sum().backward(); y.sum().backward()",
    "second order": WHOLE
    + "(g,) = torch.autograd.grad((y * y).sum(), x, create_graph=True); g.sum().backward(); print(g.detach(), x.grad, f.grad)",
    "too few": FUNCTION.replace("{returned}", "grad") + "y.sum().backward()",
    "too many": FUNCTION.replace("{returned}", "grad, grad, None, grad") + "y.sum().backward()",
    "shape": FUNCTION.replace("{returned}", "torch.ones(2), None, None") + "y.sum().backward()",
    "kind": FUNCTION.replace("{returned}", "1.0, None, None") + "y.sum().backward()",
    "none": FUNCTION.replace("{returned}", "None, grad, None") + "y.sum().backward(); print(x.grad, f.grad)",
    "saved and written": WHOLE.replace("y = S", "v = x * 1\ny = S").replace("apply(x", "apply(v")
    + "v.add_(1); y.sum().backward()",
    "without grad": WHOLE.replace("y = S", "x = x.detach(); f = f.detach()\ny = S")
    + "print(y.requires_grad)",
    "several outputs": """
class Parts(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        whole = x.floor()
        ctx.mark_non_differentiable(whole)
        return x * 2, whole, x.argmax(), x * 5
    @staticmethod
    def backward(ctx, a, b, c, d):
        print(a, b, d)
        return a * 2 + d * 5
x = torch.tensor([1.5, 2.5], requires_grad=True)
r = Parts.apply(x)
print(r, [t.requires_grad for t in r])
r[0].sum().backward()
print(x.grad)
""",
    "saved output": """
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y
    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad * y
x = torch.tensor([0.5, 1.0], requires_grad=True)
(g,) = torch.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
g.sum().backward()
print(g.detach(), x.grad)
Exp.apply(x).mul_(2).sum().backward()
""",
    "no backward": "F = type('F', (torch.autograd.Function,), {'forward': staticmethod(lambda ctx, a: a * 2)})\n"
    + X
    + "F.apply(x).sum().backward()",
}

SHAPES = {
    "view": X + "x.view(2, 2)",
    "reshape": X + "x.reshape(2, 2)",
    "incompatible view": "torch.ones(2, 3).t().view(6)",
    "sum": X + "x.sum(1)",
    "broadcast": X + "x + torch.ones(2)",
    "dot": X + "x @ torch.ones(2)",
    "mm": "torch.ones(2, 2) @ torch.ones(3, 2)",
    "index": X + "x[3]",
    "indices": X + "x[0, 0]",
    "cat": X + "torch.cat([x, torch.ones(2, 2)])",
    "stack": X + "torch.stack([x, torch.ones(2)])",
    "expand": X + "x.expand(2, 2)",
    "bool minus": "torch.tensor([True]) - torch.tensor([True])",
    "negative power": "torch.tensor([2]) ** -1",
    "mean of integers": "torch.tensor([1, 2]).mean()",
    "sizes": "s = torch.zeros(2, 3).shape; print(s, s[1:], s + (1,), s.numel(), s == (2, 3))",
    "iteration": X + "print([float(r.detach()) for r in x], len(x), 2.0 in x)",
    "step": X + "x[::-1]",
}

VALUES = [
    "-x", "abs(x)", "1 - x", "x - 1", "2 / x", "x / 2", "x**2", "x**-1", "x**0.5", "2**x", "x**x", "x % 2", "x * i", "x + d",
    "x.exp()", "x.log()", "x.log1p()", "x.expm1()", "x.log2()", "x.log10()", "x.exp2()", "x.sin()", "x.cos()", "x.tan()",
    "(x / 4).asin()", "(x / 4).acos()", "x.atan()", "x.sinh()", "x.cosh()", "x.tanh()", "x.asinh()", "(x + 1).acosh()", "(x / 4).atanh()",
    "x.sqrt()", "x.rsqrt()", "x.reciprocal()", "x.sigmoid()", "(x - 2).relu()", "(x - 2).abs()", "x.sign()", "x.floor()", "x.frac()",
    "x.round()", "x.square()", "torch.atan2(x, y)", "torch.hypot(x, y)", "torch.logaddexp(x, y)", "torch.maximum(x, y)", "torch.minimum(x, y)",
    "x.fmod(1.5)", "x.clamp(1, 2)", "x.clamp(min=2)", "x.clamp(y, y + 1)", "torch.where(x > 1.5, x, y * 2)", "x.masked_fill(x > 2, 0.0)",
    "m.sum()", "m.sum(0)", "m.sum(1, keepdim=True)", "m.sum((0, 1))", "m.mean()", "m.mean(0)", "m.mean((0, 1), keepdim=True)", "m.prod()",
    "m.prod(1)", "m.var()", "m.var(0)", "m.var(1, unbiased=False)", "m.std()", "m.std(0, keepdim=True)", "m.std(correction=0)", "m.max()",
    "m.min()", "m.max(0)", "m.min(1, keepdim=True)", "m.amax(1)", "m.amin(0)", "m.argmax()", "m.argmin(1)", "m.norm()", "m.norm(dim=1)",
    "m.norm(1)", "m.logsumexp(1)", "m.softmax(1)", "m.softmax(0)", "m.log_softmax(1)", "m.cumsum(0)", "m.cumprod(1)", "m.sort(1)", "m.sort(1, descending=True)",
    "m.argsort(0)", "m.topk(2)", "m.any()", "m.all(0)", "m.t()", "m.T", "m.mT", "m.transpose(0, 1)", "m.permute(1, 0)", "m.view(3, 2)",
    "m.view(-1)", "m.reshape(6)", "m.t().reshape(6)", "m.flatten()", "m.unsqueeze(1)", "m.unsqueeze(0).squeeze()", "m.unsqueeze(0).squeeze(0)",
    "x.expand(2, 3)", "m.repeat(2, 1)", "m.flip(0)", "m.roll(1, 0)", "m.diagonal()", "x.diag()", "m.tril()", "m.triu(1)", "m.unbind(1)", "m.split(2, 1)",
    "m.chunk(2)", "m.narrow(1, 0, 2)", "m.select(1, 2)", "m.gather(1, i.view(1, 3) - 1)", "m.index_select(1, i - 1)", "torch.cat([m, m])",
    "torch.cat([m, m], 1)", "torch.stack([x, y])", "torch.stack([x, y], -1)", "torch.stack([x, y]).sum(0)", "x @ y", "m @ x", "m @ m.t()", "x @ m.t()",
    "m.view(1, 2, 3) @ m.t()", "torch.bmm(m.view(1, 2, 3), m.view(1, 3, 2))", "torch.outer(x, y)", "torch.addmm(m[:, :2], m, m.t())",
    "m[0]", "m[:, 1]", "m[..., 0]", "m[None]", "m[0, 1:]", "m[[0, 1], [1, 2]]", "m[m > 1]", "m[:, i - 1]", "m[torch.tensor(1)]", "m[1:, None]", "x[i.flip(0) - 1]",
    "x.clone()", "x.double()", "x.float()", "x.to(torch.float64)", "x.add(y, alpha=2)", "x.sub(y, alpha=3)", "x.div(y, rounding_mode='floor')",
    "i / 2", "i * 2.5", "i**2", "i.exp()", "i.sum()", "i // 2", "i % 2", "i > 1", "~(i > 1)", "(i > 1) & (i < 3)", "i.double() * x", "x * torch.tensor(2.0, dtype=torch.float64)",
    "torch.zeros(2, 3)", "torch.ones(2, dtype=torch.int32)", "torch.full((2,), 3)", "torch.full((2,), 1.5)", "torch.arange(3)", "torch.arange(1, 2, 0.25)", "torch.linspace(0, 1, 5)",
    "torch.eye(2)", "torch.zeros(2, 0)", "torch.tensor(3)", "torch.tensor(True)", "torch.tensor([1e-5, 1.0])", "torch.tensor([1e10, 1.0])", "torch.tensor([float('nan'), 1.0])",
    "torch.tensor([float('inf'), -1.5])", "torch.arange(2000)", "torch.arange(2000.0).view(40, 50)", "torch.tensor([[1, -20], [300, 4]])", "torch.zeros(2, 2, 2)", "torch.tensor([])",
    "torch.tensor([1.0, 2.0], dtype=torch.float64)", "torch.arange(30.0)", "torch.linspace(-1, 1, 40)", "torch.zeros_like(x)", "torch.tensor(0.1)", "torch.tensor([0.0, -0.5])",
    "torch.tensor([1 + 2j, 0.5j])", "x.type()", "x.device", "torch.result_type(i, 2.5)", "torch.einsum('ij,j->i', m, x).detach()",
    "torch.manual_seed(3) and torch.randn(5)", "torch.manual_seed(3) and torch.rand(4)", "torch.manual_seed(3) and torch.randn(37)", "torch.manual_seed(3) and torch.randint(0, 100, (6,))",
    "torch.manual_seed(3) and torch.randperm(7)", "torch.manual_seed(3) and torch.randn(3, dtype=torch.float64)",
]  # fmt: skip

KINKS = {
    f"{expression} at {point}": f"t = torch.tensor({point}, requires_grad=True)\n"
    f"r = {expression}\n"
    "r.sum().backward()\n"
    "print(r, t.grad)"
    for expression, point in [
        ("t.abs()", "[0.0, -1.0, 2.0]"),
        ("torch.maximum(t, torch.zeros(3))", "[0.0, -1.0, 2.0]"),
        ("t.clamp(0, 1)", "[0.0, 1.0, 2.0]"),
        ("torch.relu(t)", "[0.0, 1.0, -1.0]"),
        ("t.max()", "[2.0, 2.0, 1.0]"),
        ("t.max(0)[0]", "[2.0, 2.0, 1.0]"),
        ("t.amax(0)", "[2.0, 2.0, 1.0]"),
        ("t.sort()[0] * torch.tensor([1.0, 2.0, 3.0])", "[1.0, 1.0, 0.0]"),
        ("t.norm()", "[0.0, 0.0, 0.0]"),
        ("t.std()", "[1.0, 1.0, 1.0]"),
        ("t.sqrt()", "[0.0, 1.0, 4.0]"),
        ("t.pow(0.0)", "[0.0, 1.0, 2.0]"),
        ("t.prod()", "[0.0, 0.0, 4.0]"),
        ("t.cumprod(0)", "[0.0, 2.0, 3.0]"),
        ("torch.logsumexp(t, 0)", "[float('-inf'), float('-inf')]"),
        ("torch.atan2(t, t)", "[0.0, 1.0, -2.0]"),
        ("torch.atan2(t, -t)", "[0.0, -0.0, 2.0]"),
        ("torch.hypot(t, t)", "[0.0, 1.0, 2.0]"),
        ("t % 2", "[0.0, 2.0, 3.0]"),
        ("t.round()", "[0.5, 1.5, 2.0]"),
    ]
}

GROUPS = {
    "kinks": KINKS,
    "leaves": LEAVES,
    "backward": BACKWARD,
    "cuts": CUTS,
    "in place": IN_PLACE,
    "function": FUNCTIONS,
    "shapes": SHAPES,
}
PROGRAMS = {
    f"{group}: {name}": source for group, sources in GROUPS.items() for name, source in sources.items()
}

SETTING = (
    "x = torch.tensor([0.7, 1.8, 2.9], requires_grad=True); y = torch.tensor([1.1, 1.8, 0.4], requires_grad=True)\n"
    "m = torch.tensor([[0.5, 1.5, -2.5], [1.25, 0.75, 2.0]], requires_grad=True); i = torch.tensor([1, 2, 3])\n"
    "d = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)\n"
)
GRADIENTS = (
    "found = r if isinstance(r, tuple) else (r,)\n"
    "for n, t in enumerate(found):\n"
    "  if isinstance(t, torch.Tensor) and t.requires_grad:\n"
    "    w = torch.linspace(0.5, 1.5, t.numel(), dtype=t.dtype).view(t.shape)\n"
    "    (t * w).sum().backward()\n"
    "    print(n, t.grad_fn.name() if t.grad_fn else None, x.grad, y.grad, m.grad)\n"
)


def value_program(expression: str) -> str:
    """A program that prints an expression's value, and the gradients of it."""
    return f"{SETTING}r = {expression}\nprint(r)\n{GRADIENTS}"


ALL = PROGRAMS | {f"value: {expression}": value_program(expression) for expression in VALUES}

EXPECTED = Path(__file__).with_name("expected.json")
"""What PyTorch 2.13 printed; `python -m tests.torch.programs` writes it anew."""
NUMBERS = Path(__file__).with_name("numbers.json")
"""The tensors that PyTorch's programs ended with, and their gradients, in full precision; written with it."""
ELSEWHERE = {
    "[1.0, 2.0, 3.0]": "[0.3, -1.7, 2.9]",
    "[0.7, 1.8, 2.9]": "[-0.45, 1.3, 0.62]",
    "[1.1, 1.8, 0.4]": "[0.35, -2.2, 1.3]",
    "[[0.5, 1.5, -2.5], [1.25, 0.75, 2.0]]": "[[-0.3, 0.9, 1.7], [0.2, -1.1, 0.6]]",
}
"""Other numbers for the tensors that programs begin with."""
NUMBER = re.compile(r"-?\d+\.\d*(?:e[+-]\d+)?")

Outcome = dict[str, Any]


def outcome(torch: Any, source: str) -> Outcome:
    """What a program prints, with its error, and its warnings."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(source, {"torch": torch, "np": np})
        except Exception as error:
            print(type(error).__name__, error)
    messages = [str(w.message).partition(" (Triggered")[0] for w in caught if w.category is UserWarning]
    return {"printed": printed.getvalue(), "warnings": messages}


def in_words_of_this_python(text: str) -> str:
    """`OrderedDict([('a', x)])` is stored, as Python 3.11 prints it; from 3.12 on it is `OrderedDict({'a': x})`."""
    before, there_is, rest = text.partition("OrderedDict([")
    if not there_is or sys.version_info < (3, 12):
        return text
    made, depth, is_key, characters = "OrderedDict({", 0, False, iter(rest)
    for c in characters:
        depth += (c in "([{") - (c in ")]}")
        if depth < 0:
            break
        if c == "(" and depth == 1:
            is_key = True
        elif c == "," and depth == 1 and is_key:
            made, is_key = made + ":", False
        elif not (c == ")" and depth == 0):
            made += c
    return f"{before}{in_words_of_this_python(made)}}}{in_words_of_this_python(''.join(characters))}"


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """The same text, numbers within what is printed of them."""
    texts = found["printed"], in_words_of_this_python(wanted["printed"])
    assert NUMBER.sub("#", texts[0]) == NUMBER.sub("#", texts[1])
    numbers = [np.array(NUMBER.findall(text), float) for text in texts]
    # printed with four digits, the last of which may be rounded otherwise
    np.testing.assert_allclose(*numbers, rtol=2e-4, atol=2e-4)
    assert found["warnings"] == wanted["warnings"]


def moved(source: str) -> str:
    """The program at another point."""
    for here, there in ELSEWHERE.items():
        source = source.replace(f"torch.tensor({here}, requires_grad", f"torch.tensor({there}, requires_grad")
    return source


def numbers(torch: Any, source: str, dtype: str) -> dict[str, str]:
    """All tensors that a program leaves, and their gradients, where floats are of the given dtype."""
    names: dict[str, Any] = {"torch": torch, "np": np}
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(Exception):
                exec(source, names)
            kept = {name: t for name, t in names.items() if isinstance(t, torch.Tensor)}
            kept |= {f"{name}.grad": t.grad for name, t in kept.items() if t.grad is not None}
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
    return {name: written(t) for name, t in sorted(kept.items())}


def written(t: Any) -> str:
    flat = t.detach().numpy().reshape(-1)
    return f"{flat.dtype}: " + " ".join(map(str, flat))


def all_numbers(torch: Any, source: str) -> list[dict[str, str]]:
    return [numbers(torch, at, dtype) for at in (source, moved(source)) for dtype in ("float64", "float32")]


def assert_same_numbers(found: dict[str, str], wanted: dict[str, str], ulps: float = 16.0) -> None:
    """Equal but for rounding, in full precision."""
    assert list(found) == list(wanted)
    for name, text in wanted.items():
        (dtype, f), (wanted_dtype, w) = (t.split(": ", 1) for t in (found[name], text))
        assert dtype == wanted_dtype, name
        if dtype[0] in "iub":
            assert f == w, name
            continue
        kind = complex if dtype[0] == "c" else float
        a, b = (np.array([kind(n) for n in t.split()]) for t in (f, w))
        assert a.shape == b.shape, name
        finite = np.abs(b[np.isfinite(b)]).max(initial=1.0)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(a, b, rtol=ulps * eps, atol=ulps / 4 * eps * finite, err_msg=name)


@lru_cache(maxsize=1)
def kept_numbers() -> dict[str, list[dict[str, str]]]:
    return json.loads(NUMBERS.read_text())


@lru_cache(maxsize=1)
def expected() -> dict[str, Outcome]:
    return json.loads(EXPECTED.read_text())


def main() -> None:
    import torch

    EXPECTED.write_text(json.dumps({name: outcome(torch, s) for name, s in ALL.items()}, indent=1) + "\n")
    NUMBERS.write_text(json.dumps({name: all_numbers(torch, s) for name, s in ALL.items()}, indent=0) + "\n")


if __name__ == "__main__":
    main()
