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

G = X + "G = torch.autograd.graph\n"
EDGES = {
    "of a leaf": G + "e = G.get_gradient_edge(x); print(type(e).__name__, e._fields, e.node.name(), e.output_nr); print(torch.autograd.grad((x * 2).sum(), e))",
    "of a result": G + "y = x * 2; e = G.get_gradient_edge(y); print(e.node.name(), e.node is y.grad_fn); print(torch.autograd.grad((y * y).sum(), [e, x]))",
    "of a constant": G + "G.get_gradient_edge(torch.ones(2))",
    "of a number": G + "G.get_gradient_edge(3)",
    "of one of several": G + "a, b = x[:2].unbind(); e = G.get_gradient_edge(b); print(e.node.name(), e.output_nr, b.output_nr, x.output_nr); print(torch.autograd.grad(a * b, e))",
    "to begin at": G + "y = (x * 2).sum(); e = G.get_gradient_edge(y); torch.autograd.backward(e); print(x.grad)",
    "to begin at, weighted": G + "y = x * 2; e = G.get_gradient_edge(y); del y; print(torch.autograd.grad(e, x, torch.ones(3, dtype=torch.float64)))",
    "to begin at, no scalar": G + "y = x * 2; e = G.get_gradient_edge(y); torch.autograd.grad(e, x)",
    "as inputs": G + "y = x * 2; e = G.get_gradient_edge(y); (y * 3).sum().backward(inputs=[e, G.get_gradient_edge(x)]); print(x.grad, y.retains_grad)",
    "unused": G + "e = G.get_gradient_edge(x * 2); z = (x * 3).sum(); print(torch.autograd.grad(z, e, allow_unused=True, retain_graph=True)); torch.autograd.grad(z, e)",
    "before a write": G + "y = x * 2; e = G.get_gradient_edge(y); y.mul_(3); print(torch.autograd.grad(y.sum(), e))",
    "recorded": G + "y = x * 2; e = G.get_gradient_edge(y); (g,) = torch.autograd.grad((y * y).sum(), e, create_graph=True); print(g.requires_grad); del g",
    "made by hand": G + "y = x * 2; print(torch.autograd.grad((y * y).sum(), [G.GradientEdge(y.grad_fn, 0), G.GradientEdge(*y.grad_fn.next_functions[0])]))",
    "hooks on constants": G + "G.register_multi_grad_hook((x, torch.ones(2)), print)",
}

MUTATION = {
    "written in place": G + "with G.allow_mutation_on_saved_tensors():\n  y = x * 2; z = y.sin(); y.add_(1); z.sum().backward()\nprint(y, y._version, x.grad)",
    "a result": G + "with G.allow_mutation_on_saved_tensors():\n  y = x.exp(); z = y * 2; y.mul_(3); (z + y).sum().backward()\nprint(x.grad)",
    "through a view": G + "with G.allow_mutation_on_saved_tensors():\n  y = x * 1; v = y[1:]; z = (v * v).sum(); v.mul_(5); z.backward()\nprint(x.grad)",
    "detached": G + "with G.allow_mutation_on_saved_tensors():\n  w = x * 1; y = w * w; w.detach().mul_(7); y.sum().backward()\nprint(x.grad, w)",
    "under no_grad": G + "with G.allow_mutation_on_saved_tensors():\n  w = x * 1; y = w * w\n  with torch.no_grad(): w.mul_(7)\n  y.sum().backward()\nprint(x.grad, w)",
    "by a Function": G + function("ctx.save_for_backward(a); return a * a", "return 2 * ctx.saved_tensors[0] * g") + "with G.allow_mutation_on_saved_tensors():\n  w = x * 1; y = F.apply(w); w.detach().mul_(7); y.sum().backward()\nprint(x.grad)",
    "saved before": G + "y = x * 2; z = y.sin()\nwith G.allow_mutation_on_saved_tensors():\n  y.add_(1); z.sum().backward()",
    "nested": G + "with G.allow_mutation_on_saved_tensors():\n  with G.allow_mutation_on_saved_tensors(): pass",
    "the end of it": G + "try:\n  with G.allow_mutation_on_saved_tensors(): raise ValueError\nexcept ValueError: pass\ny = x * 2; z = y.sin(); y.add_(1); z.sum().backward()",
}

NODES = {
    "metadata": Y + "y.grad_fn.metadata['a'] = 1; print(y.grad_fn.metadata, (x * 2).grad_fn.metadata); y.sum().backward(); print(x.grad)",
    "of a Function": X + function("return a * 2") + "y = F.apply(x); print(isinstance(y.grad_fn, torch.autograd.graph.Node), y.grad_fn.name(), y.grad_fn.metadata)",
    "sequence": X + "a = x * 2; b = a * 3; print(b.grad_fn._sequence_nr() > a.grad_fn._sequence_nr(), a.grad_fn.requires_grad)",
    "grad_mode": "from importlib import import_module as i; m = i(torch.__name__ + '.autograd.grad_mode'); print(m.no_grad is torch.no_grad, m.set_grad_enabled is torch.set_grad_enabled)",
    **{f"slices: {w}": X + f"c = torch.ones(3, dtype=torch.float64)\ny = x * 1; {w}; print(y.grad_fn.name(), [None if f is None else f.name() for f, _ in y.grad_fn.next_functions])"
       for w in ("y[0] = 5", "y[0] = x[1]", "y[0:2].mul_(2)", "y[0:2].mul_(x[1:])", "y[0:2].mul_(c[1:])", "y[:2].fill_(3)", "y[:2].zero_()", "y[:2].copy_(x[1:])", "y[:2].copy_(c[1:])", "y[:2].exp_()", "y = torch.zeros(3, dtype=torch.float64); y[0] = x[0]", "y[:2].addcmul_(x[1:], c[1:])")},
}

REPLACED = {
    f"{hook}: {gives}": Y + f"{register}(lambda {takes}: {gives}); y.sum().backward(); print(x.grad)"
    for hook, register, takes, all_of in (
        ("tensor", "y.register_hook", "g", ("g.float()", "g[:1]", "g * 5", "3", "(g,)")),
        ("before", "y.grad_fn.register_prehook", "g", ("(g[0].float(),)", "(g[0][:1],)", "(g[0] * 5,)", "(3,)", "(None,)", "[g[0]]", "g[0]", "g * 2")),
        ("behind", "y.grad_fn.register_hook", "g, o", ("(g[0].float(), None)", "(g[0][:1], None)", "(g[0] * 5, None)", "(3, None)", "(None, None)", "g[0]", "g[:1]", "(g[0], g[0])")),
        ("leaf", "y.grad_fn.next_functions[0][0].register_prehook", "g", ("(g[0].float(),)", "(g[0] * 5,)", "(None,)", "g[0]")),
    )
    for gives in all_of
}
"""What hooks put in the place of a gradient."""

PROGRAMS = {
    "left": LEFT, "returned": RETURNED, "raising": RAISING, "orders": ORDERS, "edges": EDGES, "mutation": MUTATION,
    "nodes": NODES, "replaced": REPLACED,
}  # fmt: skip
