# ruff: noqa: E501
"""Programs of subclasses of Tensor and of `__torch_function__`; `semantics_programs` runs them and stores what PyTorch
gives."""

from __future__ import annotations

X = "x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\n"
PLAIN = "class T(torch.Tensor): pass\nt = x.detach().as_subclass(T)\ndef names(*ts): print([type(t).__name__ for t in ts])\n"
LOGGED = (
    "class T(torch.Tensor):\n  @classmethod\n  def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
    "    print('call', func.__name__, [k.__name__ for k in types]); return super().__torch_function__(func, types, args, kwargs or {})\n"
    "t = x.detach().as_subclass(T)\n"
)
UNITS = (
    "class M(torch.Tensor):\n  @staticmethod\n  def __new__(cls, data, unit='m', **kw): return torch.as_tensor(data, **kw).as_subclass(cls)\n"
    "  def __init__(self, data, unit='m', **kw): self.unit = unit\n  @classmethod\n  def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
    "    out = super().__torch_function__(func, types, args, kwargs or {}); units = [a.unit for a in args if isinstance(a, cls) and hasattr(a, 'unit')]\n"
    "    if isinstance(out, cls) and units: out.unit = units[0]\n    return out\n"
)
OTHER = (
    "class D:\n  def __init__(self, v): self.v = v\n  @classmethod\n  def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
    "    print('other', func.__name__, [k.__name__ for k in types]); args = [a.v if isinstance(a, D) else a for a in args]; return D(func(*args, **(kwargs or {})))\n"
    "d = D(x.detach())\n"
)
HANDLED = (
    "H = {}\ndef implements(f):\n  def enter(g):\n    H[f] = g\n    return g\n  return enter\n"
    "class D:\n  def __init__(self, v): self.v = v\n  @classmethod\n  def __torch_function__(cls, func, types, args=(), kwargs=None):\n"
    "    if func not in H: return NotImplemented\n    return H[func](*args, **(kwargs or {}))\n"
)

SUBCLASSES = {
    "plain: made": X + PLAIN + 't = T([1.0, 2.0]); print(type(t).__name__, t, t.dtype, isinstance(t, torch.Tensor))',
    "plain: of a leaf": X + PLAIN + 't = x.as_subclass(T); print(type(t).__name__, t.requires_grad, t.is_leaf, t.grad_fn.name(), t._is_view()); y = (t * t).sum(); names(y); y.backward(); names(x.grad); print(x.grad)',
    "plain: operators": X + PLAIN + 'names(t + 1, 1 + t, x * t, t * x, t @ t, -t, t ** 2, t > 1, t == x, 2 / t, x - t, abs(t))',
    "plain: functions": X + PLAIN + 'names(torch.add(t, t), torch.sin(t), torch.mul(x, t), x.mul(t), torch.cat([x, t]), torch.stack([t, t]), torch.nn.functional.relu(t), torch.zeros_like(t), torch.where(t > 1, t, x), torch.nn.functional.softmax(t, 0), torch.linalg.norm(t), torch.clamp(t, 0, 1))',
    "plain: lists of them, after others": X + PLAIN + 'torch.cat([x, x]); names(torch.cat([x, x]), torch.cat([t, x]), torch.stack((x, t)))',
    "plain: methods": X + PLAIN + 'torch.set_warn_always(True); names(t.detach(), t.clone(), t.view(3, 1), t.data, t.float(), t.double(), t.contiguous(), t[0], t[1:], t.sum(), t.T, t.new_zeros(2), t.max(), t.mean(), t.exp()); torch.set_warn_always(False)',
    "plain: several": X + PLAIN + 'names(*t.split(1), *t.max(0), t.sort()[0], *t.unbind(), *[e for e in t]); print(type(t.max(0)).__name__)',
    "plain: in place": X + PLAIN + 't += 1; names(t); print(t); t.mul_(2); t[0] = 5; t[1:] *= 2; print(t, x)',
    "plain: layers": X + PLAIN + 'names(torch.nn.Linear(3, 2)(t), torch.nn.ReLU()(t), torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())(t))',
    "plain: a leaf of its own": X + PLAIN + 't = x.detach().as_subclass(T).requires_grad_(); (t * 2).sum().backward(); names(t, t.grad, t.grad + t); print(t.grad)',
    "plain: attributes": X + PLAIN + "t.label = 'a'; print(t.label, hasattr(t + 1, 'label'), t.shape, t.tolist(), type(t.numpy()).__name__, len(t), t.dtype, t.is_leaf)",
    "plain: shown": X + PLAIN + 'print(t, t.reshape(3, 1), T([]), x.as_subclass(T).detach())',
    "plain: and back": X + PLAIN + 'names(t.as_subclass(torch.Tensor), torch.Tensor.sum(t))',
    "plain: no subclass": X + PLAIN + 'x.as_subclass(int)',
    "plain: no class": X + PLAIN + 'x.as_subclass(3)',
    "plain: _make_subclass": X + PLAIN + 't = torch.Tensor._make_subclass(T, x.detach()); names(t); t = torch.Tensor._make_subclass(T, x.detach(), True); print(t.requires_grad, t.is_leaf)',
    "plain: deepcopy": X + PLAIN + 'import copy; copy.deepcopy(t)',
    "plain: of a subclass": X + PLAIN + 'class S(T): pass\ns = x.detach().as_subclass(S); names(s + t, t + s, s * 2, t * 2)',
    "plain: of two": X + PLAIN + 'class S(torch.Tensor): pass\nx.detach().as_subclass(S) + t',
    "plain: own method": X + PLAIN + "class S(torch.Tensor):\n  def sum(self): return 'own'\n  def twice(self): return self * 2\ns = x.detach().as_subclass(S); print(s.sum()); names(s.twice(), s.mean())",
    "plain: own init": X + PLAIN + "class L(torch.Tensor):\n  @staticmethod\n  def __new__(cls, v, *args): return super().__new__(cls, v)\n  def __init__(self, v, tag): self.tag = tag\nl = L([1.0, 2.0], 'q'); names(l, l * 2); print(l.tag, l)",
    "plain: parameters": X + PLAIN + 'p = torch.nn.Parameter(x.detach()); names(p * 2, p.sum(), p + t, torch.sin(p))',
    "plain: a Function": X + PLAIN + 'class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, a): return a * 2\n  @staticmethod\n  def backward(ctx, g): return g * 2\ny = F.apply(x.as_subclass(T)); y.sum().backward(); print(x.grad)',
    "plain: asked about": X + PLAIN + 'O = torch.overrides; print(O.is_tensor_like(x), O.has_torch_function((x,)), O.has_torch_function((x, t)), O.is_tensor_like(3), torch.is_tensor(t))',
    "logged: an operator": X + LOGGED + 'y = t + 1; print(type(y).__name__)',
    "logged: functions": X + LOGGED + 'torch.sin(t); torch.add(x, t); x.mul(t); torch.cat([x, t]); torch.nn.functional.relu(t)',
    "logged: methods": X + LOGGED + 't.sum(); t.mul_(2); t[0]; t[0] = 1; t.view(3, 1)',
    "logged: operators": X + LOGGED + '-t; 2 * t; t @ t; t == t; t ** 2; t / 2; t - 1; t += 1',
    "logged: attributes": X + LOGGED + 'torch.set_warn_always(True); t.T; t.data; torch.set_warn_always(False)',
    "logged: backward": X + LOGGED + 't = x.as_subclass(T); (t * 2).sum().backward(); print(x.grad)',
    "units: products": X + UNITS + "m = M([1.0, 2.0], 'kg'); n = m * 2; print(type(n).__name__, n.unit, m.unit, n)",
    "units: functions": X + UNITS + "m = M([1.0, 2.0], 'kg'); n = torch.exp(m); k = m.sum() + 1; print(n.unit, k.unit, type(k).__name__)",
    "units: elements": X + UNITS + "m = M([1.0, 2.0], 'kg', dtype=torch.float64); print(m.dtype, m[0].unit, (m + torch.ones(2)).unit)",
    "other: a function": X + OTHER + 'r = torch.sin(d); print(type(r).__name__, r.v)',
    "other: beside a tensor": X + OTHER + 'r = torch.add(d, 1); r = torch.add(x.detach(), d); print(r.v)',
    "other: of layers": X + OTHER + 'r = torch.nn.functional.relu(d); print(r.v)',
    "other: a list": X + OTHER + 'print(torch.overrides.is_tensor_like(d), torch.overrides.has_torch_function((d,)))',
    "handled: a table of functions": X + HANDLED + "@implements(torch.mean)\ndef mean(d): return 'mean'\n@implements(torch.nn.functional.relu)\ndef relu(d, **o): return 'relu'\nprint(torch.mean(D(1)), torch.nn.functional.relu(D(2)))",
    "plain: parameters with others": X + PLAIN + "p = torch.nn.Parameter(x.detach()); names(p + t, t + p, p - t, p * t, p / t, p ** t, p == t, p < t, p.mul(t))",
    "plain: writes": X + PLAIN + "y = x * 1; z = y.as_subclass(T); z.mul_(2); print(y); names(y); z.sum().backward(); print(x.grad, y._version)",
    "plain: hooks": X + PLAIN + "t = x.as_subclass(T) * 2; t.retain_grad(); t.register_hook(lambda g: print('hook', g)); (t * 3).sum().backward(); print(t.grad, x.grad)",
    "plain: while recording is off": X + PLAIN + "with torch.no_grad(): t = x.as_subclass(T) + 1\nnames(t); print(t.requires_grad, t)",
}
