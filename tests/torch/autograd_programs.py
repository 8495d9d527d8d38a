# ruff: noqa: E501
"""Programs of what leaves the graph in place, what rules return, hooks that raise, and derivatives to the last constant;
`semantics_programs` runs them and stores what PyTorch gives."""

from __future__ import annotations

X = "x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)\n"
Y = X + "y = x * 2\n"


def function(forward: str, backward: str = "return g", takes: str = "a", gives: str = "g") -> str:
    return (
        f"class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, {takes}):\n    {forward}\n"
        f"  @staticmethod\n  def backward(ctx, {gives}):\n    {backward}\n"
    )


LEFT = {
    "an operation saved it": Y + "z = y * y; y.detach_(); print(y.requires_grad, y.is_leaf, y._version); z.sum().backward()",
    "an alias was saved": Y + "z = y.view(3) * y.detach(); y.detach_(); z.sum().backward(); print(x.grad)",
    "saved by a Function": Y + function("ctx.save_for_backward(a); return a * 1", "return ctx.saved_tensors[0] * g") + "z = F.apply(y); y.detach_(); z.sum().backward()",
    "saved as a result": X + "y = x.exp(); z = y * 1; y.detach_(); z.sum().backward(); print(x.grad)",
    "a leaf was saved": X + "z = x * x; x.detach_(); z.sum().backward(); print(x.grad, x.requires_grad)",
    "and written": Y + "z = y.sum(); y.detach_(); y.mul_(2); print(y, y._version, y.requires_grad); z.backward(); print(x.grad)",
    "saved again": Y + "y.detach_(); z = y * x; z.sum().backward(); print(x.grad)",
    "a view keeps its entry": Y + "v = y[0]; y.detach_(); print(v.requires_grad, v.grad_fn.name(), v._base is y); (v * 3).backward(); print(x.grad)",
    "a view, when the base is written": Y + "v = y[0]; y.detach_(); y.mul_(2); print(v, v.requires_grad, v.grad_fn.name(), v.grad_fn.next_functions); (v * 3).backward(); print(x.grad)",
    "retained": Y + "y.retain_grad(); z = y * 3; y.detach_(); print(y.retains_grad); z.sum().backward(); print(y.grad, x.grad)",
    "with a hook": Y + "y.register_hook(lambda g: print('hook', g)); z = y * 3; y.detach_(); z.sum().backward(); print(x.grad)",
    "frozen since": X + "z = x * x; h = x.register_hook(lambda g: print(g)); x.register_post_accumulate_grad_hook(lambda t: print(t.grad)); x.requires_grad_(False); z.sum().backward(retain_graph=True); print(x.grad); x.requires_grad_(); z.sum().backward(); print(x.grad)",
    "frozen, and asked for": X + "z = x * x; x.requires_grad_(False)\ntorch.autograd.grad(z.sum(), x)",
    "then a leaf": Y + "y.detach_(); y.requires_grad_(); (y * y).sum().backward(); print(y.grad, x.grad)",
    "a plain tensor": "y = torch.ones(3)[0]; print(y.detach_()); z = torch.ones(2); print(z.detach_() is z, z._version)",
}

RETURNED = {
    "a saved input": X + function("ctx.save_for_backward(a); return a", "(a,) = ctx.saved_tensors; print(a, a.requires_grad, a.grad_fn.name(), a.is_leaf); return g * a") + "y = x * 1; z = F.apply(y); print(z is y, y._version, z._is_view(), z._base is y, z.grad_fn.name()); z.sum().backward(); print(x.grad)",
    "a saved input, twice differentiated": X + function("ctx.save_for_backward(a); return a", "(a,) = ctx.saved_tensors; return g * a") + "z = F.apply(x); (g,) = torch.autograd.grad(z.sum(), x, create_graph=True); print(g.requires_grad, torch.autograd.grad(g.sum(), x)); del g",
    "a dirty input, saved": X + function("ctx.mark_dirty(a); a.mul_(2); ctx.save_for_backward(a); return a", "(a,) = ctx.saved_tensors; print(a, a.requires_grad, a.grad_fn.name()); return g * a") + "y = x * 1; z = F.apply(y); print(z is y, y._version, y.grad_fn.name()); z.sum().backward(); print(x.grad)",
    "a dirty input, saved before": X + function("ctx.save_for_backward(a); ctx.mark_dirty(a); a.mul_(2); return a", "(a,) = ctx.saved_tensors; print(a); return g * a") + "y = x * 1; F.apply(y).sum().backward(); print(x.grad)",
    "a dirty input and another": X + function("ctx.mark_dirty(a); a.mul_(2); return a, a * 3", "print(g, h); return g * 2 + h * 6", gives="g, h") + "y = x * 1; z, w = F.apply(y); print(z is y, z.grad_fn.name()); (z * w).sum().backward(); print(x.grad)",
    "a dirty view": X + function("ctx.mark_dirty(a); a.mul_(2); return a", "return g * 2") + "y = x * 1; v = y[0:2]; z = F.apply(v); print(z is v, v.grad_fn.name(), y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "a dirty constant": function("ctx.mark_dirty(a); a.mul_(2); return a") + "c = torch.ones(3); z = F.apply(c); print(z is c, z.requires_grad, c._version)",
    "a dirty constant, under no_grad": X + function("ctx.mark_dirty(a); a.mul_(2); return a") + "y = x * 1\nwith torch.no_grad(): z = F.apply(y)\nprint(z is y, y._version, y.grad_fn.name())",
    "a written input, not marked": X + function("a.mul_(2); return a", "return g * 2") + "y = x * 1; z = F.apply(y); print(z is y, y._version, y.grad_fn.name(), z.grad_fn.name()); z.sum().backward(); print(x.grad)",
    "an input without a derivative": X + function("ctx.mark_non_differentiable(a); return a") + "z = F.apply(x); print(z.requires_grad, z is x, x.requires_grad, z.is_leaf, z._is_view())",
    "a plain input without a derivative": X + function("ctx.mark_non_differentiable(b); return a * 1, b", "return g, None", takes="a, b", gives="g, h") + "c = torch.ones(2); y, z = F.apply(x, c); print(z.requires_grad, z is c, y.requires_grad)",
}

RAISING = {
    "hook": Y + "y.register_hook(lambda g: g.foo); y.sum().backward()",
    "prehook": Y + "y.grad_fn.register_prehook(lambda g: g.foo); y.sum().backward()",
    "hook behind": Y + "y.grad_fn.register_hook(lambda g, h: h.foo); y.sum().backward()",
    "hook of a leaf": X + "x.register_hook(lambda g: g.foo); (x * 2).sum().backward()",
    "hook of one of several": X + "a, b = x[:2].unbind(); a.register_hook(lambda g: g.foo); (a * b).backward()",
    "when a leaf is filled": X + "x.register_post_accumulate_grad_hook(lambda t: t.grad.foo); (x * 2).sum().backward()",
    "then again": Y + "h = y.register_hook(lambda g: g.foo)\ntry: y.sum().backward()\nexcept AttributeError as e: print(e, x.grad)\nh.remove(); y.sum().backward(); print(x.grad)",
}

ORDERS = {
    expression: X + "y = torch.tensor([0.5, -1.5, 2.5], dtype=torch.float64, requires_grad=True); F = torch.nn.functional\n"
    f"outs = [{expression}]\n"
    "for _ in range(6):\n  gs = torch.autograd.grad(outs, [x, y], [torch.ones_like(o) for o in outs], create_graph=True, allow_unused=True)\n"
    "  print([None if g is None else (g.requires_grad, g.detach().tolist()) for g in gs]); outs = [g for g in gs if g is not None and g.requires_grad]\n"
    "  if not outs: break\ndel outs, gs"
    for expression in (
        *("x**1", "x**2", "x**3", "x**4", "x**2.0", "x**-1", "x.square()", "x.pow(2) + y", "(x * y)**2", "(x - y)**2", "x.float_power(2)", "x[0]**2", "x.mean()**2", "x.pow(2).mean()", "x.float()**3"),
        *("x.relu()", "y.relu()", "(x * y).relu()", "y.relu()**2", "F.leaky_relu(y)", "x * x", "x * y", "x / y", "x.exp()", "x.sum()"),
    )
}
"""To the last derivative that requires grad: which do, and the numbers."""

PROGRAMS = {"left": LEFT, "returned": RETURNED, "raising": RAISING, "orders": ORDERS}
