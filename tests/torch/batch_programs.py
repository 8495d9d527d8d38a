# ruff: noqa: E501
"""Programs about `vmap` of an `autograd.Function`, for tests/torch/func_programs.py: by the rule of its own, by the one
that is made of `forward`, and PyTorch's errors."""

from __future__ import annotations

SORT = """import numpy as np
class Sort(torch.autograd.Function):
  @staticmethod
  def forward(x, dim=-1):
    a = x.detach().numpy(); there = np.argsort(a, dim); back = np.argsort(there, dim)
    return torch.tensor(np.take_along_axis(a, there, dim)), torch.tensor(there), torch.tensor(back)
  @staticmethod
  def setup_context(ctx, inputs, output):
    _, there, back = output
    ctx.mark_non_differentiable(there, back); ctx.save_for_backward(there, back); ctx.save_for_forward(there, back)
    ctx.dim = inputs[1]
  @staticmethod
  def backward(ctx, g, *_):
    there, back = ctx.saved_tensors
    return Take.apply(g, back, there, ctx.dim), None
  @staticmethod
  def jvp(ctx, t, _):
    there, back = ctx.saved_tensors
    return Take.apply(t, there, back, ctx.dim), None, None
  @staticmethod
  def vmap(info, in_dims, x, dim):
    assert info.batch_size == x.shape[in_dims[0]] and in_dims[1] is None, (info, in_dims)
    print(type(info).__name__, info.batch_size, info.randomness)
    return Sort.apply(x.movedim(in_dims[0], 0), dim if dim < 0 else dim + 1), 0
class Take(torch.autograd.Function):
  @staticmethod
  def forward(x, there, back, dim):
    return torch.tensor(np.take_along_axis(x.detach().numpy(), there.numpy(), dim))
  @staticmethod
  def setup_context(ctx, inputs, output):
    _, there, back, ctx.dim = inputs
    ctx.save_for_backward(there, back); ctx.save_for_forward(there, back)
  @staticmethod
  def backward(ctx, g):
    there, back = ctx.saved_tensors
    return Take.apply(g, back, there, ctx.dim), None, None, None
  @staticmethod
  def jvp(ctx, t, *_):
    there, back = ctx.saved_tensors
    return Take.apply(t, there, back, ctx.dim)
  @staticmethod
  def vmap(info, in_dims, *args):
    *tensors, dim = args
    whole = [t.expand(info.batch_size, *t.shape) if d is None else t.movedim(d, 0) for t, d in zip(tensors, in_dims)]
    return Take.apply(*whole, dim if dim < 0 else dim + 1), 0
m = torch.stack([x, torch.tensor([0.5, -2.0, 0.25], dtype=torch.float64)])
w = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
def sort(r): return Sort.apply(r)[0]
def f(r): return (sort(r) ** 2 * w).sum()
"""
"""A Function whose `forward` leaves for NumPy, so that it has to have a rule of its own."""
OF_SORT = {
    "vmap": "found = F.vmap(sort)(m)",
    "vmap over columns": "found = F.vmap(lambda r: Sort.apply(r, 0)[0], in_dims=1, out_dims=1)(m)",
    "vmap of vmap": "found = F.vmap(F.vmap(lambda r: Sort.apply(r, 0)[0]))(torch.stack([m, m * m, -m]))",
    "randomness": "found = F.vmap(sort, randomness='same')(m)",
    "grad": "found = F.grad(f)(m[1])",
    "jvp": "value, found = F.jvp(f, (m[1],), (w,)); print(value)",
    "vmap of grad": "found = F.vmap(F.grad(f))(m)",
    "grad of vmap": "found = F.grad(lambda m: F.vmap(f)(m).sum())(m)",
    "vmap of jvp": "value, found = F.vmap(lambda r: F.jvp(f, (r,), (w,)))(m); print(value)",
    "jvp of vmap": "value, found = F.jvp(F.vmap(f), (m,), (m + 1,)); print(value)",
    "jacrev": "found = F.jacrev(sort)(m[1])",
    "jacfwd": "found = F.jacfwd(sort)(m[1])",
    "hessian": "found = F.hessian(f)(m[1])",
    "vmap of jacrev": "found = F.vmap(F.jacrev(sort))(m)",
    "vmap of jacfwd": "found = F.vmap(F.jacfwd(sort))(m)",
    "vmap of hessian": "found = F.vmap(F.hessian(f))(m)",
    "vmap of vmap of grad": "found = F.vmap(F.vmap(F.grad(f)))(torch.stack([m, -m]))",
    "grad of vmap of grad": "found = F.grad(lambda m: (F.vmap(F.grad(f))(m) ** 2).sum())(m)",
    "backward": "m.requires_grad_(); F.vmap(f)(m).sum().backward(); found = m.grad; print(F.vmap(sort)(m).requires_grad)",
    "backward twice": "m.requires_grad_(); g, = torch.autograd.grad(F.vmap(f)(m).sum(), m, create_graph=True); (g ** 2).sum().backward(); found = m.grad",
    "backward of vmap of grad": "m.requires_grad_(); F.vmap(F.grad(f))(m).sum().backward(); found = m.grad",
    "no_grad": "m.requires_grad_()\nwith torch.no_grad(): found = F.vmap(sort)(m); print(found.requires_grad)",
    "what is not mapped": "found = F.vmap(lambda r: r * sort(w))(m)",
}

SCALE = """class Scale(torch.autograd.Function):
  {rule}
  @staticmethod
  def forward({ctx}x, k=2.0): {kept}return {out}
  {setup}
  @staticmethod
  def backward(ctx, *gs): return gs[0] * ctx.k, None
m = torch.stack([x, torch.tensor([0.5, -2.0, 0.25], dtype=torch.float64)])
"""
SETUP = "@staticmethod\n  def setup_context(ctx, inputs, output): ctx.k = inputs[1]"
MADE = "generate_vmap_rule = True"


def scale(rule: str = "", out: str = "x * k", setup: str = SETUP, ctx: str = "", kept: str = "") -> str:
    return SCALE.format(rule=rule, out=out, setup=setup, ctx=ctx, kept=kept)


def static(body: str) -> str:
    return f"@staticmethod\n  def vmap(info, in_dims, x, k): {body}"


APPLY = "found = F.vmap(Scale.apply)(m)"
RULES = {
    "neither": scale() + APPLY,
    "both": scale(f"{MADE}\n  {static('return x * k, 0')}") + APPLY,
    "neither, by grad": scale() + "found = F.grad(lambda x: Scale.apply(x).sum())(x)",
    "neither, by vmap of grad": scale() + "found = F.vmap(F.grad(lambda x: Scale.apply(x).sum()))(m)",
    "made": scale(MADE) + APPLY,
    "made, by vmap of grad": scale(MADE) + "found = F.vmap(F.grad(lambda x: (Scale.apply(x, 3.0) ** 2).sum()))(m)",
    "no context": scale(MADE, setup="", ctx="ctx, ", kept="ctx.k = k; ") + APPLY,
    "no context, by grad": scale(setup="", ctx="ctx, ", kept="ctx.k = k; ") + "F.grad(lambda x: Scale.apply(x).sum())(x)",
    "no context, by jvp": scale(setup="", ctx="ctx, ", kept="ctx.k = k; ") + "F.jvp(Scale.apply, (x,), (v,))",
    "no context, in the rule of another": scale(setup="", ctx="ctx, ", kept="ctx.k = k; ").replace("Scale", "Inner")
    + scale(static("return Inner.apply(x, k), 0"))
    + APPLY,
    "its own": scale(static("print(in_dims); return x * k, 0")) + APPLY,
    "by keyword": scale(static("print(k); return x * k, 0")) + "found = F.vmap(lambda r: Scale.apply(r, k=5.0))(m)",
    "a number of the sample": scale(static("print(in_dims); return x * k.unsqueeze(-1), 0")) + "found = F.vmap(Scale.apply)(m, m[:, 0])",
    "a number of all": scale(static("print(in_dims); return x * k, 0")) + "found = F.vmap(Scale.apply, in_dims=(0, None))(m, m[0, 0])",
    "no tuple": scale(static("return x * k")) + "try: F.vmap(Scale.apply)(m)\nexcept RuntimeError as error: print(str(error).partition('Got')[0])",
    "a list": scale(static("return [x * k, 0]")) + APPLY,
    "three": scale(static("return x * k, 0, 0")) + APPLY,
    "dims of more": scale(static("return (x * k, x + k), (0, 0, 0)")) + "try: F.vmap(Scale.apply)(m)\nexcept RuntimeError as error: print(str(error).partition(' out_dims has')[0])",
    "one dim for two": scale(static("return (x * k, x + k), 0")) + APPLY,
    "an output of all": scale(static("return (x * k, x.sum()), (0, None)")) + APPLY,
    "no such dim": scale(static("return x * k, 5")) + APPLY,
    "the last dim": scale(static("return (x * k).t(), -1")) + APPLY,
    "another dim": scale(static("return (x * k).t(), 1")) + APPLY,
    "no tensor": scale(static("return 3.0, None")) + APPLY,
    "what it is given": scale(static("return x, 0")) + APPLY,
    "a write": scale(static("return x.mul_(k), 0")) + "found = F.vmap(lambda r: (Scale.apply(r * 1), r))(m)",
    "random numbers": scale(static("torch.manual_seed(0); return x * torch.rand(2, 3).double(), 0")) + APPLY,
    "called": "torch.autograd.Function.vmap(None, ())",
}
COLUMNS = (
    "torch.manual_seed(0); found = F.jacfwd(lambda t: t * torch.rand(3).double(), randomness='{}')(x); print(found)"
)

PROGRAMS = {
    **{f"a Function of NumPy: {what}": f"{SORT}{body}\nprint(found)" for what, body in OF_SORT.items()},
    **{f"a rule for batches: {what}": f"{body}\nif 'found' in dir(): print(found)" for what, body in RULES.items()},
    **{f"random numbers in jacfwd: {how}": COLUMNS.format(how) for how in ("same", "different")},
}


def programs(begin: str) -> dict[str, str]:
    return {what: begin + body for what, body in PROGRAMS.items()}
