# ruff: noqa: E501
"""Programs of hooks on what operations save; `semantics_programs` runs them and stores what PyTorch gives."""

from __future__ import annotations

X = "x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)\n"
GRAPH = "G = torch.autograd.graph\n"
TELL = """def pack(t):
  print('pack', list(t.shape), t.dtype, None if t.grad_fn is None else t.grad_fn.name(), t is x, t.requires_grad, torch.is_grad_enabled())
  return t
def unpack(t):
  print('unpack', list(t.shape), torch.is_grad_enabled())
  return t
"""
HALVES = "halves = G.saved_tensors_hooks(lambda t: t.detach().half() if t.is_floating_point() else t, lambda t: t.double() if t.is_floating_point() else t)\n"
THIRDS = "x = torch.tensor([0.3, 0.7, 1.1], dtype=torch.float64, requires_grad=True); w = torch.tensor([1.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)\n"

SAVED = {
    "what is packed": X + GRAPH + TELL + "with G.saved_tensors_hooks(pack, unpack):\n"
    "  y = x * 2; print('exp'); z = x.exp(); print('mul'); w = z * x; print('softmax'); s = (w + 1).softmax(0); print('max'); m = s.max(0).values\n"
    "  print('square'); u = x * x; c = x.clamp(0, 2); print('where'); r = torch.where(x > 0, x, 0 * x); q = x[torch.tensor([0, 1])]; print('pow'); k = x**2; j = x**x; print('std'); st = x.std(); n = x.norm()\n"
    "(w.sum() + y.sum() + u.sum() + st + n + r.sum() + q.sum() + j.sum() + m).backward(); print(x.grad)",
    "what layers pack": GRAPH + "torch.manual_seed(0); seen = []\nm = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))\n"
    "with G.saved_tensors_hooks(lambda t: (seen.append((list(t.shape), str(t.dtype))), t)[1], lambda t: t):\n  loss = torch.nn.functional.cross_entropy(m(torch.arange(18.0).reshape(2, 1, 3, 3) / 9), torch.tensor([0, 2]))\n"
    "loss.backward(); print(seen, [p.grad for p in m.parameters()])",
    "bytes": X + GRAPH + "n = [0]\ndef pack(t):\n  n[0] += t.nbytes\n  return t\nwith G.saved_tensors_hooks(pack, lambda t: t):\n  y = (x.sin() * x).exp().sum()\nprint(n); y.backward(); print(x.grad)",
    "to numpy": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t.detach().numpy().copy(), torch.from_numpy):\n  y = (x.sin() * x / (x + 1)).tanh().prod()\ny.backward(); print(x.grad)",
    "to numbers of 16 bits": THIRDS + GRAPH + HALVES + "with halves:\n  y = (x.sin() * w + x / w).tanh() * x.exp() + (x**3 + w.sigmoid()).sqrt() + x.softmax(0) * w.log_softmax(0)\ny.sum().backward(); print(x.grad, w.grad)",
    "twice differentiated": THIRDS + GRAPH + HALVES + "with halves:\n  y = (x.sin() * w).exp()\n(g,) = torch.autograd.grad(y.sum(), x, create_graph=True)\nprint(g.detach(), g.requires_grad); g.sum().backward(); print(w.grad)",
    "matrices of 16 bits": GRAPH + HALVES + "a = (torch.arange(6, dtype=torch.float64).reshape(2, 3) / 7).requires_grad_(); b = (torch.arange(6, dtype=torch.float64).reshape(3, 2) / 11 - 0.3).requires_grad_(); c = torch.ones(2, dtype=torch.float64, requires_grad=True)\n"
    "with halves:\n  y = torch.nn.functional.linear((a @ b).relu(), a[:, :2], c)\n(y * y).sum().backward(); print(a.grad, b.grad, c.grad)",
    "doubled": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t * 2):\n  y = x.sin() * x\n(g,) = torch.autograd.grad(y.sum(), x, create_graph=True); (h,) = torch.autograd.grad(g.sum(), x); print(g.detach(), h)",
    "doubled complex numbers": THIRDS + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t * 2):\n  z = torch.polar(x, w)\n(z.real + 3 * z.imag).sum().backward(); print(x.grad, w.grad)",
    "shifted products": THIRDS + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t + 0.1):\n  y = torch.vander(x, 4); z = (w * 1).cumprod_(0)\n(y.sum() + z.sum()).backward(); print(x.grad, w.grad)",
    "unpacked at each pass": X + GRAPH + TELL + "with G.saved_tensors_hooks(pack, unpack):\n  y = x.exp().sum()\ny.backward(retain_graph=True); y.backward(); print(x.grad)",
    "freed": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n  y = x.exp().sum()\ny.backward(); y.backward()",
    "the innermost": X + GRAPH + "def named(n): return G.saved_tensors_hooks(lambda t: (print('pack', n), t)[1], lambda t: (print('unpack', n), t)[1])\n"
    "with named(1):\n  a = x.exp()\n  with named(2):\n    b = a.exp()\n  c = b.sin()\nc.sum().backward(); print(x.grad)",
    "nothing to save": GRAPH + "a = torch.ones(2)\nwith G.saved_tensors_hooks(print, print):\n  b = a.exp() * a\n  with torch.no_grad(): c = torch.ones(2, requires_grad=True).exp()\nprint(b, c)",
    "in place": X + GRAPH + TELL + "with G.saved_tensors_hooks(pack, unpack):\n  y = x * 1\n  y.mul_(x); y.add_(1)\n  y[0] = x[1] * x[2]\ny.sum().backward(); print(x.grad)",
    "written after packing": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n  y = x * 1; z = y.sin()\n  y.mul_(2)\nz.sum().backward(); print(x.grad)",
    "cloned before a write": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):\n  y = x * 1; z = y.sin()\n  y.mul_(2)\nz.sum().backward(); print(x.grad)",
    "a hook that writes": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t):\n  y = x.exp()",
    "no tensor": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: 5):\n  y = x.exp()\ny.sum().backward()",
    "another shape": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t[:2]):\n  y = x.exp()\ny.sum().backward()",
    "a shape that broadcasts": "x = torch.ones(3, requires_grad=True)\nwith torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t[:1]):\n  y = x.exp()\ny.sum().backward(); print(x.grad)",
    "one hook": GRAPH + "G.saved_tensors_hooks(lambda t: t)",
    "an error in a hook": X + GRAPH + "def pack(t): raise ValueError('full')\ntry:\n  with G.saved_tensors_hooks(pack, lambda t: t): x.exp()\nexcept ValueError as e: print(e)\ny = x.exp().sum(); y.backward(); print(x.grad)",
    "disabled": GRAPH + "with G.disable_saved_tensors_hooks('no hooks here'):\n  with G.saved_tensors_hooks(lambda t: t, lambda t: t): pass",
    "disabled inside": GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n  with G.disable_saved_tensors_hooks('no hooks here'): pass",
    "of func.grad": X + GRAPH + "with G.saved_tensors_hooks(lambda t: t, lambda t: t):\n  torch.func.grad(lambda v: (v * v).sum())(x)",
    "inside func.grad": X + GRAPH + "def f(v):\n  with G.saved_tensors_hooks(lambda t: t, lambda t: t): return (v * v).sum()\ntorch.func.grad(f)(x)",
    "save_on_cpu": X + GRAPH + "with G.save_on_cpu():\n  y = (x.sin() * x).sum()\ny.backward(); print(x.grad)",
    "pinned": X + GRAPH + "with G.save_on_cpu(pin_memory=True):\n  y = (x.sin() * x).sum()\ny.backward(); print(x.grad)",
    "checkpoint": X + GRAPH + "with G.saved_tensors_hooks(lambda t: (print('pack'), t)[1], lambda t: (print('unpack'), t)[1]):\n  y = torch.utils.checkpoint.checkpoint(lambda v: (v.sin() * v).exp(), x, use_reentrant=False)\n"
    "  print('reentrant'); z = torch.utils.checkpoint.checkpoint(lambda v: (v.sin() * v).exp(), x, use_reentrant=True)\n(y + z).sum().backward(); print(x.grad)",
    "Function": X + GRAPH + TELL + "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, a, b):\n    r = a.exp(); ctx.save_for_backward(a, b, r, None); return r * b\n"
    "  @staticmethod\n  def backward(ctx, g):\n    a, b, r, n = ctx.saved_tensors; print(n, a.requires_grad, b.grad_fn.name(), r.requires_grad); return g * r * b, g * r\n"
    "w = x * 2\nwith G.saved_tensors_hooks(pack, lambda t: t * 2):\n  y = F.apply(x, w)\ny.sum().backward(); print(x.grad)",
    "later, of a result": X + "y = x.exp(); s = y.grad_fn._raw_saved_result\ns.register_hooks(lambda t: (print('pack', t, t.grad_fn), t)[1], lambda t: (print('unpack'), t * 2)[1])\n"
    "print(y.grad_fn._saved_result.detach()); y.sum().backward(); print(x.grad)\ns.register_hooks(lambda t: t, lambda t: t)",
    "later, twice": X + "y = x.exp(); s = y.grad_fn._raw_saved_result; s.register_hooks(lambda t: t, lambda t: t); s.register_hooks(lambda t: t, lambda t: t)",
    "later, of operands": THIRDS + "y = x * w\ny.grad_fn._raw_saved_other.register_hooks(lambda t: (print(t is w, t.requires_grad), t + 1)[1], lambda t: t * 3)\ny.grad_fn._raw_saved_self.register_hooks(lambda t: t + 2, lambda t: t * 5)\n"
    "g = torch.autograd.grad(y.sum(), [x, w], create_graph=True); print(g[0].detach(), g[1].detach(), torch.autograd.grad((g[0] * g[1]).sum(), [x, w]))",
    "later, of one operand twice": X + "y = x * x\ny.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t * 3)\ny.sum().backward(); print(x.grad)",
    "later, of a Function": X + "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, a):\n    r = a.exp(); ctx.save_for_backward(r, None); return r\n  @staticmethod\n  def backward(ctx, g): return g * ctx.saved_tensors[0]\n"
    "y = F.apply(x); raw = y.grad_fn._raw_saved_tensors; print(len(raw)); raw[0].register_hooks(lambda t: t * 10, lambda t: t); y.sum().backward(); print(x.grad)\n"
    "y = F.apply(x); y.grad_fn._raw_saved_tensors[1].register_hooks(lambda t: t, lambda t: t)",
}
"""Hooks, and what they are called with."""

WATCHED = {
    f"{call}, {where}": "x = torch.tensor([1.0, 5.0], requires_grad=True); y = torch.tensor([2.0, 3.0]); i = torch.tensor([0, 1])\n"
    f"a, b = x * 1, y * 1\nr = {call}; {where}.add_(1); r.sum().backward(); print(x.grad)"
    for call in ("torch.remainder(a, b)", "torch.fmod(b, a)", "torch.addcdiv(a, a, b)", "torch.addcmul(a, b, b)", "torch.hypot(a, b)", "torch.hypot(b, a)")
    for where in "ab"
} | {
    f"{call}, {where}": "x = torch.tensor([[1.0, 5.0]], requires_grad=True); i = torch.tensor([[0, 1]])\n"
    f"a = x * 1\nr = {call}; {where}.add_(1); r.abs().sum().backward(); print(x.grad)"
    for call in ("a.scatter(1, i, 2.0)", "a.scatter_add(1, i, a)", "a.gather(1, i)", "torch.fft.rfft(a)", "torch.fft.fft(a)", "torch.nn.functional.embedding(i, a.T)",
                 "torch.nn.functional.max_pool2d(a[None], 1)", "torch.nn.functional.avg_pool2d(a[None], 1)", "torch.nn.functional.nll_loss(a, i[0, 1:])", "a.masked_select(i > 0)")
    for where in "ai"
} | {
    "the places of a sort": X + "v, at = x.sort(); at.add_(1); v.sum().backward()",
    "the places of a maximum": X + "v, at = (x * 1).max(0); at.add_(1); v.backward()",
}
"""What is saved must not be written."""

OPERANDS = {
    call: "x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True); y = torch.tensor([[0.5, 1.5], [2.0, 1.0]], requires_grad=True); c = torch.ones(2, 2)\n"
    f"z = {call}\nprint(type(z.grad_fn).__name__, [(None if f is None else f.name(), i) for f, i in z.grad_fn.next_functions])"
    for call in (
        *("x + y", "x + c", "x + 1", "1 - x", "x * y", "x * x", "x * 2", "x / y", "x / 2", "x ** 2", "x ** y", "2 ** x", "x % 2", "x.exp()", "x.softmax(0)", "x.norm()", "x.std()", "x.sum(0)"),
        *("x @ y", "x @ c", "torch.maximum(x, y)", "torch.atan2(c, x)", "torch.hypot(x, y)", "x.gather(1, torch.zeros(2, 1, dtype=torch.int64))", "x.index_select(0, torch.tensor([0]))", "x.clamp(0, 1)", "x.roll(1)"),
        *("torch.cat([x, y])", "torch.where(x > 1, x, y)", "x.max(0).values", "x.reshape(4)", "x[0]", "x[[0, 1]]", "torch.linalg.qr(x)[1] * 2", "torch.dist(x, y)", "torch.cdist(x, y)"),
        *(f"torch.nn.functional.{f}" for f in ("leaky_relu(x)", "elu(x)", "gelu(x)", "mse_loss(x, y)", "hardtanh(x)", "layer_norm(x, (2,), y[1], y[0])")),
    )
}
"""The entries of operands, each once."""
