# ruff: noqa: E501
"""Small programs about autograd itself: views and memory, indexing, hooks, the pass, modes, functions, copies.

`python -m tests.torch.semantics_programs` runs them under PyTorch and writes semantics_expected.json.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch import autograd_programs
from tests.torch.graph_programs import BETWEEN, GRAPHS, LOSSY, TWICE
from tests.torch.programs import numbers, outcome
from tests.torch.saved_programs import OPERANDS, SAVED, WATCHED
from tests.torch.subclass_programs import SUBCLASSES

X = "x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)\n"
M = "m = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()\n"

OWN_ENTRY = {
    "ellipsis of a leaf": X + "y = x[...]; y.sum().backward(); print(x.grad, y.grad_fn.name(), y._is_view())",
    "full slice of a leaf": X + "y = x[:]; print(y.is_leaf, y.grad_fn.name()); (y * y).sum().backward(); print(x.grad)",
    "ellipsis and slice": M + "y = m[..., :]; print(y.is_leaf, y.grad_fn.name()); y.sum().backward(); print(m.grad)",
    "hooks of both": X + "x.register_hook(lambda g: print('x', g)); y = x[...]; y.register_hook(lambda g: print('y', g)); (y * 2).sum().backward(); print(x.grad)",
    "ellipsis of a result": X + "y = x * 2; y.register_hook(lambda g: print('y', g)); z = y[...]; z.register_hook(lambda g: g * 3); z.sum().backward(); print(x.grad, y.grad_fn.name(), z.grad_fn.name())",
    "einsum that does nothing": M + "y = torch.einsum('ij->ij', m); print(y.is_leaf, y.requires_grad); y.sum().backward(); print(m.grad)",
    "reshape to the same shape": X + "y = x.view(3); print(y.is_leaf, y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "expand to the same shape": X + "y = x.expand(3); print(y.is_leaf, y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "permute in order": M + "y = m.permute(0, 1); print(y.is_leaf, y.grad_fn.name()); y.sum().backward(); print(m.grad)",
    "squeeze of nothing": X + "y = x.squeeze(); print(y.is_leaf, y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "narrow of all": X + "y = x.narrow(0, 0, 3); print(y.is_leaf, y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "retain_grad of an alias": X + "y = x[...]; y.retain_grad(); (y * 2).sum().backward(); print(y.grad, x.grad)",
    "an alias retained beside what it is of": X + "w = x * 1; w.retain_grad(); y = w[...]; y.retain_grad(); (y * 2 + w).sum().backward(); print(y.grad, w.grad, x.grad)",
    "cat of one": X + "y = torch.cat([x]); print(y.is_leaf); y.sum().backward(); print(x.grad)",
    "roll by nothing": X + "y = x.roll(0, 0); print(y.is_leaf); y.sum().backward(); print(x.grad)",
    "flip of nothing": X + "y = x.flip([]); print(y.is_leaf); y.sum().backward(); print(x.grad)",
    "repeat once": X + "y = x.repeat(1); print(y.is_leaf); y.sum().backward(); print(x.grad)",
    "sum over no dimension of a scalar": "x = torch.tensor(2.0, requires_grad=True); y = x.sum(); print(y.is_leaf); y.backward(); print(x.grad)",
    "max of a scalar": "x = torch.tensor(2.0, requires_grad=True); y = x.max(); print(y.is_leaf); y.backward(); print(x.grad)",
    "real of a real": X + "y = x.real; print(y is x)",
    "broadcast_to the same": X + "y = x.broadcast_to((3,)); print(y.is_leaf); y.sum().backward(); print(x.grad)",
    "no_grad alias": X + "with torch.no_grad(): y = x[...]\nprint(y.requires_grad, y.is_leaf, y._is_view())",
}

INDEXING = {
    "integer beside a list": "a = torch.arange(24).reshape(2, 3, 4); print(a[0, :, [0, 1]], a[0, :, [0, 1]].shape)",
    "integer behind": "a = torch.arange(24).reshape(2, 3, 4); print(a[[0, 1], :, 0], a[:, 0, [1, 2]])",
    "two lists apart": "a = torch.arange(24).reshape(2, 3, 4); print(a[[0, 1], :, [0, 1]])",
    "integer tensors apart": "a = torch.arange(24).reshape(2, 3, 4); print(a[torch.tensor(0), :, torch.tensor([0, 1])])",
    "store beside a list": "a = torch.zeros(2, 3, 4); a[0, :, [0, 1]] = torch.arange(6.0).reshape(3, 2); print(a)",
    "store of a number": "a = torch.zeros(2, 3, 4); a[1, :, [0, 3]] = 7; print(a)",
    "gradient beside a list": "a = torch.arange(24.0).reshape(2, 3, 4).requires_grad_(); b = a[0, :, [0, 1]]; (b * torch.arange(6.0).reshape(3, 2)).sum().backward(); print(a.grad, b.grad_fn.name())",
    "tracked store beside a list": "a = torch.zeros(2, 3, 4); v = torch.arange(6.0).reshape(3, 2).requires_grad_(); a[0, :, [0, 1]] = v; (a * torch.arange(24.0).reshape(2, 3, 4)).sum().backward(); print(v.grad, a.grad_fn.name())",
    "mask and integer": "a = torch.arange(12).reshape(3, 4); print(a[torch.tensor([True, False, True]), 1], a[1, torch.tensor([True, False, True, True])])",
    "mask of two dimensions": "a = torch.arange(24).reshape(2, 3, 4); m = a[:, :, 0] > 4; print(a[m], a[m, 1])",
    "None beside a list": "a = torch.arange(6).reshape(2, 3); print(a[None, [0, 1], [1, 2]].shape, a[[0, 1], None].shape, a[:, None, [0, 2]].shape)",
    "slice beside a list": "a = torch.arange(24).reshape(2, 3, 4); print(a[:, 1:, [0, 2]].shape, a[[1], 1:, 2].shape)",
    "bool": "a = torch.arange(3); print(a[True].shape, a[False].shape)",
    "bool and list": "a = torch.arange(6).reshape(2, 3); print(a[True, [0]].shape)",
    "list of bools": "a = torch.arange(3); print(a[[True, False, True]])",
    "nested lists": "a = torch.arange(6).reshape(2, 3); print(a[[[0, 1], [1, 0]]].shape)",
    "tuple in a tuple": "a = torch.arange(6).reshape(2, 3); print(a[(0, 1), (1, 2)])",
    "range": "a = torch.arange(6); print(a[range(2)])",
    "uint8 tensor is a mask": "a = torch.arange(4); print(a[torch.tensor([1, 0, 1, 0], dtype=torch.uint8)])",
    "int32 index": "a = torch.arange(4); print(a[torch.tensor([1, 3], dtype=torch.int32)])",
    "float index": "a = torch.arange(4); a[torch.tensor([1.0])]",
    "float": "a = torch.arange(4); a[1.0]",
    "numpy index": "a = torch.arange(4); print(a[np.array([0, 2])], a[np.int64(1)])",
    "out of bounds in a list": "a = torch.arange(4); a[[0, 7]]",
    "out of bounds second": "a = torch.arange(6).reshape(2, 3); a[[0], [5]]",
    "mask of the wrong size": "a = torch.arange(4); a[torch.tensor([True, False])]",
    "too many": "a = torch.arange(4); a[0, 0]",
    "too many with a list": "a = torch.arange(4); a[[0], [0]]",
    "lists that do not broadcast": "a = torch.arange(12).reshape(3, 4); a[[0, 1], [0, 1, 2]]",
    "store that does not fit": "a = torch.zeros(3, 4); a[[0, 1]] = torch.ones(3)",
    "store that does not fit a slice": "a = torch.zeros(3, 4); a[0] = torch.ones(3)",
    "last of several stores": "a = torch.zeros(3); a[[0, 0, 1]] = torch.tensor([1.0, 2.0, 3.0]); print(a)",
    "store of another dtype": "a = torch.zeros(3, dtype=torch.int64); a[0] = 2.7; print(a)",
    "two ellipses": "a = torch.zeros(2, 2, 2); a[..., 0, ...]",
    "negative step": "a = torch.arange(4); a[::-1]",
    "empty list": "a = torch.arange(4); print(a[[]], a[[]].dtype)",
    "empty tuple": X + "y = x[()]; print(y, y.grad_fn.name())",
    "index of a scalar": "a = torch.tensor(3); a[0]",
    "ellipsis of a scalar": "a = torch.tensor(3); print(a[...], a[None], a[()])",
    "mask of a scalar": "a = torch.tensor(3.0); print(a[a > 1], a[torch.tensor(True)])",
    "store into a scalar": "a = torch.tensor(3.0); a[...] = 4; print(a); a[()] = 5; print(a)",
    "names of views": M + "print([m[i].grad_fn.name() for i in (0, slice(1), (slice(None), 1), None, ..., (0, 1), (slice(None), slice(0, 2)), [0])])",
    "index modified after": X + "i = torch.tensor([0, 2]); y = x[i]; i[0] = 1; y.sum().backward(); print(x.grad)",
    "mask modified after": X + "i = torch.tensor([True, False, True]); y = x[i]; i[0] = False; y.sum().backward(); print(x.grad)",
    "written and copied": "a = torch.arange(4.0); b = a.clone(); a[0] = 9; a[1] = 8; print(a, b, a._version)",
    "shifted onto itself": "a = torch.arange(5.0); a[1:] = a[:-1].clone(); print(a)",
    "index_put_ with accumulate": "a = torch.zeros(3); a.index_put_((torch.tensor([0, 0, 1]),), torch.ones(3), accumulate=True); print(a)",
    "index_put": X + "y = x.index_put((torch.tensor([0, 2]),), torch.tensor([5.0, 6.0], dtype=torch.float64)); y.sum().backward(); print(y, x.grad)",
}

MEMORY = {
    "given gradient is copied": X + "a = np.ones(3); g = torch.from_numpy(a); (x * 1).backward(g); a[0] = 9; print(x.grad)",
    "given gradient of a leaf": X + "a = np.ones(3); g = torch.from_numpy(a); x.backward(g); a[0] = 9; print(x.grad, x.grad is g)",
    "given gradient accumulates": X + "g = torch.ones(3, dtype=torch.float64); x.backward(g); x.backward(g); print(x.grad, g)",
    "two leaves of one sum": "x = torch.ones(2, requires_grad=True); y = torch.ones(2, requires_grad=True); (x + y).sum().backward(); x.grad[0] = 5; print(x.grad, y.grad)",
    "gradient and saved value": X + "y = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64); (x * y).sum().backward(); x.grad[0] = 7; print(y)",
    "gradient written between passes": X + "(x * x).sum().backward(); x.grad.zero_(); (x * x).sum().backward(); print(x.grad)",
    "gradient through numpy": X + "(x * x).sum().backward(); x.grad.numpy()[0] = 100; (x * x).sum().backward(); print(x.grad)",
    "hook writes": X + "def h(g): g.mul_(2)\nx.register_hook(h); (x * 3).sum().backward(); print(x.grad)",
    "hook of a result writes": X + "y = x * 1\ndef h(g): g[0] = 10\ny.register_hook(h); (y * 3).sum().backward(); print(x.grad)",
    "backward writes into its gradient": X + "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def backward(ctx, g):\n    g.mul_(2)\n    return g\n(F.apply(x * 1) * 3).sum().backward(); print(x.grad)",
    "element is a view": "a = np.zeros(3); t = torch.from_numpy(a); v = t[0]; a[0] = 5; print(v)",
    "element of a matrix is a view": "a = np.zeros((2, 2)); t = torch.from_numpy(a); v = t[1, 1]; a[1, 1] = 5; print(v); v.fill_(3); print(a)",
    "iteration gives views": "a = np.zeros(2); t = torch.from_numpy(a)\nfor v in t: v.fill_(7)\nprint(a)",
    "elements by iteration follow": "a = np.zeros(2); vs = list(torch.from_numpy(a)); a[:] = 4; print(vs)",
    "diagonal is a view": "a = np.zeros((2, 2)); d = torch.from_numpy(a).diagonal(); a[0, 0] = 5; print(d); d[1] = 3; print(a)",
    "select and narrow are views": "a = np.zeros((2, 3)); t = torch.from_numpy(a); s = t.select(1, 0); n = t.narrow(1, 1, 2); a[:] = 1; print(s, n); s[0] = 5; n[1, 1] = 6; print(a)",
    "unbind, split and chunk are views": "a = np.zeros(4); t = torch.from_numpy(a); u = t.unbind(); s = t.split(2); c = t.chunk(2); a[:] = 2; print(u, s, c)",
    "expand is a view": "a = np.zeros(2); e = torch.from_numpy(a).expand(2, 2); a[0] = 3; print(e)",
    "transposed, reshaped": "a = np.zeros((2, 3)); t = torch.from_numpy(a); u = t.t()[0]; r = t.view(-1)[1:]; a[:] = 2; print(u, r)",
    "numpy of a view": "t = torch.zeros(2, 3); n = t[1].numpy(); n[0] = 4; t[1, 2] = 5; print(t, n)",
    "numpy of an element": "t = torch.zeros(3); n = t[1].numpy(); n[...] = 4; print(t)",
    "numpy twice": "t = torch.zeros(3); a = t.numpy(); b = t.numpy(); a[0] = 1; print(b, np.shares_memory(a, b))",
    "numpy and a view made before": "t = torch.zeros(3); v = t[1:]; e = t[0]; a = t.numpy(); a[:] = 1; print(v, e); v[0] = 5; e.fill_(6); print(a)",
    "numpy under no_grad": X + "with torch.no_grad(): a = (x * 2).numpy()\nprint(a)",
    "numpy of a leaf under no_grad": X + "with torch.no_grad(): a = x.numpy()\nprint(a)",
    "detached numpy of a leaf": X + "a = x.detach().numpy(); a[0] = 7; print(x); (x * x).sum().backward(); print(x.grad)",
    "data replaced, views stay": "x = torch.zeros(3); v = x[0:2]; x.data = torch.ones(3); x[0] = 5; print(x, v)",
    "data shared": "x = torch.zeros(3); y = torch.ones(3); x.data = y; y[0] = 9; print(x, x._version, y._version)",
    "data of a view made before": "x = torch.zeros(3); v = x[:2]; v.fill_(1); x.data = torch.full((3,), 7.0); v.fill_(2); print(x, v)",
    "data of another shape": X + "x.data = torch.ones(2, dtype=torch.float64); print(x.shape, x.requires_grad); (x * x).sum().backward(); print(x.grad)",
    "data of another dtype": "x = torch.zeros(3); x.data = torch.ones(2, dtype=torch.float64); print(x)",
    "many writes, saved in between": X + "t = torch.zeros(3, dtype=torch.float64); t[0] = 1; a = x * t; t[1] = 2; t[2] = 3; a.sum().backward(); print(t, x.grad)",
    "saved before a write of a constant": X + "t = torch.ones(3, dtype=torch.float64); a = x * t; b = a * a; t[1] = 2; b.sum().backward()",
    "copies do not follow": "t = torch.zeros(3); t[0] = 1; c = t.clone(); d = t + 0; e = torch.cat([t]); f = t.to(torch.float64); t[1] = 2; print(c, d, e, f)",
    "detached follows": "t = torch.zeros(3); d = t.detach(); t[0] = 1; t[1] = 2; d[2] = 3; print(t, d, t._version, d._version)",
    "copy_ from a transposed source": "t = torch.zeros(2, 3); t.copy_(torch.arange(6.0).reshape(3, 2).t()); print(t.view(-1), t.is_contiguous())",
    "writes into a transposed view": "t = torch.zeros(2, 3); t.t()[0] = 1; t.t()[2, 1] = 5; print(t)",
    "expanded without expansion": "t = torch.zeros(3); t.expand(3).add_(1); t.expand(1, 3).add_(1); print(t)",
    "expanded": "t = torch.zeros(3, 1); t.expand(3, 2).add_(1)",
    "fill_ of what numpy sees": "t = torch.zeros(3); a = t.numpy(); t.fill_(2); t.add_(1); t[0] = 9; t.copy_(t * 2); print(a)",
    "asarray of a computed tensor": "t = torch.zeros(3) + 1; a = np.asarray(t); t[0] = 4; print(a)",
    "from_numpy twice": "a = np.zeros(3); t, u = torch.from_numpy(a), torch.from_numpy(a); t[0] = 3; print(u, a)",
    "as_tensor shares": "a = np.zeros(3); t = torch.as_tensor(a); t[0] = 3; print(a)",
    "tensor copies": "a = np.zeros(3); t = torch.tensor(a); t[0] = 3; print(a)",
    "from a strided array": "a = np.zeros((2, 4)); t = torch.from_numpy(a[:, ::2]); t[0, 1] = 3; print(a, t.stride())",
    "dlpack": "t = torch.arange(3.0); a = np.from_dlpack(t); t[0] = 5; print(a, t.__dlpack_device__()[1])",
    "dlpack of a leaf": X + "np.from_dlpack(x)",
    "tolist then write": "t = torch.zeros(2); l = t.tolist(); t[0] = 1; print(l)",
    "unwritten tail": "t = torch.zeros(2, 2)\nfor i in range(2):\n  for j in range(2): t[i, j] = i * 2 + j\nprint(t, t._version)",
    "set_": "t = torch.zeros(3); u = torch.ones(2); t.set_(u); u[0] = 5; print(t)",
    "resize_": "t = torch.arange(4.0); t.resize_(2, 2); print(t); t.resize_(3); print(t)",
    "t_ and friends": "t = torch.arange(6.0).reshape(2, 3); t.t_(); print(t.shape); t.unsqueeze_(0); print(t.shape); t.squeeze_(); print(t.shape); t.transpose_(0, 1); print(t)",
    "same memory": "t = torch.zeros(4); print(t.data_ptr() == t[:2].data_ptr(), t.data_ptr() == t.clone().data_ptr(), t[1].storage_offset(), t.untyped_storage().data_ptr() == t[2:].untyped_storage().data_ptr())",
}
Y = X + "y = x * 2\n"
PASS = {
    "more gradients than outputs": X + "y = x.sum(); torch.autograd.backward([y], [torch.tensor(1.0), torch.tensor(1.0)]); print(x.grad)",
    "leaf hook before other leaves": "a = torch.ones(2, requires_grad=True); b = torch.ones(2, requires_grad=True); c = (b * 2)\na.register_hook(lambda g: print('a')); b.register_hook(lambda g: print('b')); c.register_hook(lambda g: print('c')); (a * c).sum().backward()",
    "leaf hook when complete": "a = torch.ones(2, requires_grad=True); b = a * 2; c = b * 3; d = c + a\na.register_hook(lambda g: print('a', g)); b.register_hook(lambda g: print('b', g)); c.register_hook(lambda g: print('c', g)); d.sum().backward(); print(a.grad)",
    "leaf hook sees earlier grads": "a = torch.ones(2, requires_grad=True); b = torch.ones(2, requires_grad=True); y = b.exp(); z = y * a\ny.register_hook(lambda g: print('y', a.grad)); z.sum().backward()",
    "retain_grad and autograd.grad": Y + "y.retain_grad(); z = (y * y).sum(); print(torch.autograd.grad(z, x, retain_graph=True)); print(y.grad); z.backward(); print(y.grad)",
    "retain_grad and grad of y": Y + "y.retain_grad(); z = (y * y).sum(); print(torch.autograd.grad(z, y)); print(y.grad, x.grad)",
    "retain_grad and inputs": Y + "y.retain_grad(); z = (y * y).sum(); z.backward(inputs=[x]); print(y.grad, x.grad)",
    "inputs is the retained": Y + "y.retain_grad(); z = (y * y).sum(); z.backward(inputs=[y]); print(y.grad, x.grad)",
    "inputs no leaf": Y + "z = (y * y).sum(); z.backward(inputs=[y]); print(y.grad, x.grad)",
    "inputs twice": X + "(x * x).sum().backward(inputs=[x, x]); print(x.grad)",
    "hooks and autograd.grad": Y + "x.register_hook(lambda g: g * 10); y.register_hook(lambda g: g * 100); print(torch.autograd.grad((y * y).sum(), [x, y]))",
    "hooks of a wanted result": Y + "y.register_hook(lambda g: print('hook') or g * 100); print(torch.autograd.grad((y * y).sum(), y))",
    "grad_fn is grad_fn": Y + "print(y.grad_fn is y.grad_fn, y.grad_fn.next_functions[0][0] is y.grad_fn.next_functions[0][0], y.grad_fn == y.grad_fn)",
    "accumulate node": Y + "n = y.grad_fn.next_functions[0][0]; print(n.variable is x, n.name(), (x * 3).grad_fn.next_functions[0][0] is n)",
    "wanted result is not pulled through": Y + "z = (y * y).sum(); torch.autograd.grad(z, y); y.sum().backward(); print(x.grad)",
    "wanted result with a way round": Y + "z = y.exp(); w = z * y; print(torch.autograd.grad(w.sum(), [y, z]))",
    "wanted result and leaf": Y + "z = y.exp(); w = z * 3; print(torch.autograd.grad(w.sum(), [z, x]))",
    "grad of itself": X + "y = x.sum(); print(torch.autograd.grad(y, y), torch.autograd.grad(x, x, torch.ones(3, dtype=torch.float64)))",
    "two outputs": Y + "print(torch.autograd.grad([y.sum(), (y * y).sum()], [x]))",
    "the same output twice": Y + "z = y.sum(); print(torch.autograd.grad([z, z], [x]))",
    "unused": X + "z = torch.ones(2, requires_grad=True); torch.autograd.grad(x.sum(), [x, z])",
    "unused allowed": X + "z = torch.ones(2, requires_grad=True); print(torch.autograd.grad(x.sum(), [x, z], allow_unused=True))",
    "materialized": X + "z = torch.ones(2, requires_grad=True); r = torch.autograd.grad(x.sum(), [x, z], materialize_grads=True); print(r)",
    "not requiring": X + "z = torch.ones(2); torch.autograd.grad(x.sum(), [x, z])",
    "batched grads": Y + "print(torch.autograd.grad(y, x, torch.eye(3, dtype=torch.float64), is_grads_batched=True))",
    "batched grads of wrong shape": Y + "torch.autograd.grad(y, x, torch.ones(3, dtype=torch.float64), is_grads_batched=True)",
    "batched grads without grads": Y + "torch.autograd.grad(y.sum(), x, is_grads_batched=True)",
    "create_graph and grad": X + "(g,) = torch.autograd.grad((x ** 3).sum(), x, create_graph=True); print(g.requires_grad, torch.autograd.grad(g.sum(), x))",
    "third order": X + "g = x ** 4\nfor _ in range(3): (g,) = torch.autograd.grad(g.sum(), x, create_graph=True)\nprint(g)",
    "twice": X + "z = (x * x).sum(); z.backward(); z.backward()",
    "twice what saves nothing": X + "z = (x + x).sum(); z.backward(); z.backward(); print(x.grad)",
    "retain_graph": X + "z = (x * x).sum(); z.backward(retain_graph=True); z.backward(); print(x.grad)",
    "error leaves the mode": X + "x.register_hook(lambda g: 1 / 0)\ntry: (x * 2).sum().backward()\nexcept ZeroDivisionError: print('raised')\nprint(torch.is_grad_enabled(), x.grad); z = x * 2; print(z.requires_grad)",
    "leaf as root": X + "x.sum().backward(); x.backward(torch.ones(3, dtype=torch.float64)); print(x.grad)",
    "grad mode in a hook": X + "x.register_hook(lambda g: print(torch.is_grad_enabled(), g.requires_grad)); (x * x).sum().backward(); import warnings; warnings.simplefilter('ignore'); (x * x).sum().backward(create_graph=True)",
    "no gradient for a tensor": "torch.ones(3).sum().backward()",
    "not scalar": X + "(x * 2).backward()",
    "wrong shape of gradient": X + "(x * 2).backward(torch.ones(2))",
    "gradient of another dtype": X + "(x * 2).backward(torch.ones(3)); print(x.grad)",
    "gradient is no tensor": X + "(x * 2).backward([1.0, 2.0, 3.0])",
    "inputs not requiring": X + "x.sum().backward(inputs=[torch.ones(2)])",
    "inputs empty": X + "x.sum().backward(inputs=[])",
    "inputs a tensor": X + "(x * x).sum().backward(inputs=x); print(x.grad)",
    "grad requires grad when created": X + "import warnings; warnings.simplefilter('ignore'); (x * x * x).sum().backward(create_graph=True); print(x.grad.requires_grad, x.grad.detach())",
    "accumulates into what was given": X + "x.grad = g = torch.ones(3, dtype=torch.float64); (x * 2).sum().backward(); print(g, x.grad is g)",
    "accumulates out of place when created": X + "x.grad = g = torch.ones(3, dtype=torch.float64); import warnings; warnings.simplefilter('ignore'); (x * 2).sum().backward(create_graph=True); print(g, x.grad is g, x.grad)",
    "grad outputs tracked": X + "w = torch.ones(3, dtype=torch.float64, requires_grad=True); (g,) = torch.autograd.grad(x * x, x, w, create_graph=True); print(torch.autograd.grad(g.sum(), w))",
    "zero_grad idiom": X + "(x * x).sum().backward(); x.grad = None; (x * 3).sum().backward(); print(x.grad)",
    "saved self": Y + "z = y.exp(); print(z.grad_fn._saved_result is z or z.grad_fn._saved_result); print((y * y).grad_fn._saved_self)",
    "next functions of a multiple": X + "a, b = x.split([1, 2]); print(a.grad_fn.next_functions == b.grad_fn.next_functions, len(a.grad_fn.next_functions))",
    "backward in a hook": X + "w = torch.ones(2, requires_grad=True)\nx.register_hook(lambda g: (w * w).sum().backward()); (x * 2).sum().backward(); print(w.grad, x.grad)",
    "unreached output of sort": "m = torch.arange(4.0).requires_grad_(); v, i = (m * 1).sort(); print(i.requires_grad, v.grad_fn is v.grad_fn); v.sum().backward(); print(m.grad)",
}

HOOKS = {
    "handle removed": Y + "h = y.register_hook(lambda g: g * 100); h.remove(); h.remove(); y.sum().backward(); print(x.grad)",
    "handle as context": Y + "with y.register_hook(lambda g: g * 100): pass\ny.sum().backward(); print(x.grad)",
    "order of several": Y + "y.register_hook(lambda g: print(1) or g + 1); y.register_hook(lambda g: print(2) or g * 10); y.sum().backward(); print(x.grad)",
    "hook returns other size": Y + "y.register_hook(lambda g: g[:1]); y.sum().backward()",
    "hook returns no tensor": Y + "y.register_hook(lambda g: 5); y.sum().backward()",
    "hook of what needs none": "torch.ones(2).register_hook(lambda g: g)",
    "retain_grad after a hook": Y + "y.register_hook(lambda g: g * 3); y.retain_grad(); y.sum().backward(); print(y.grad, x.grad)",
    "retain_grad before a hook": Y + "y.retain_grad(); y.register_hook(lambda g: g * 3); y.sum().backward(); print(y.grad, x.grad)",
    "hook before a write": Y + "y.register_hook(lambda g: print('old', g)); y.mul_(3); y.register_hook(lambda g: print('new', g)); y.sum().backward(); print(x.grad)",
    "hook added in a hook": X + "def h(g): x.register_hook(lambda g: print('late')); print('first')\nx.register_hook(h); x.sum().backward(); x.sum().backward()",
    "post accumulate": X + "h = x.register_post_accumulate_grad_hook(lambda p: print('filled', p is x, p.grad)); (x * 2).sum().backward(); h.remove(); (x * 2).sum().backward(); print(x.grad)",
    "post accumulate of no leaf": Y + "y.register_post_accumulate_grad_hook(lambda p: None)",
    "post accumulate of what needs none": "torch.ones(2).register_post_accumulate_grad_hook(lambda p: None)",
    "post accumulate clears": X + "def step(p):\n  with torch.no_grad(): p.sub_(p.grad, alpha=0.1)\n  p.grad = None\nx.register_post_accumulate_grad_hook(step); (x * x).sum().backward(); print(x, x.grad)",
    "post accumulate and autograd.grad": X + "x.register_post_accumulate_grad_hook(lambda p: print('filled')); torch.autograd.grad(x.sum(), x)",
    "hook of a grad_fn": Y + "y.grad_fn.register_hook(lambda gi, go: print(gi, go)); (y * y).sum().backward(); print(x.grad)",
    "hook of a grad_fn replaces": Y + "y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, *gi[1:])); (y * y).sum().backward(); print(x.grad)",
    "hook of a grad_fn with two operands": X + "w = torch.ones(3, dtype=torch.float64, requires_grad=True); z = x * w; z.grad_fn.register_hook(lambda gi, go: (gi[1], gi[0])); z.sum().backward(); print(x.grad, w.grad)",
    "prehook of a grad_fn": Y + "y.grad_fn.register_prehook(lambda go: print(go)); y.sum().backward(); print(x.grad)",
    "prehook of a grad_fn replaces": Y + "y.grad_fn.register_prehook(lambda go: (go[0] * 10,)); y.sum().backward(); print(x.grad)",
    "hook of a leaf's grad_fn": Y + "n = y.grad_fn.next_functions[0][0]; n.register_hook(lambda gi, go: print(gi, go)); y.sum().backward(); print(x.grad)",
    "prehook of a leaf's grad_fn": Y + "n = y.grad_fn.next_functions[0][0]; n.register_prehook(lambda go: (go[0] * 5,)); y.sum().backward(); print(x.grad)",
    "handle of a grad_fn hook": Y + "h = y.grad_fn.register_hook(lambda gi, go: print('no')); h.remove(); y.sum().backward(); print(x.grad)",
    "wrong count from a grad_fn hook": Y + "y.grad_fn.register_hook(lambda gi, go: ()); y.sum().backward()",
    "hook with two arguments": Y + "y.register_hook(lambda a, b: a); y.sum().backward()",
    "multi-grad hook": "a = torch.ones(2, requires_grad=True); b = torch.ones(2, requires_grad=True); c = torch.ones(2, requires_grad=True)\ntorch.autograd.graph.register_multi_grad_hook((a, b, c), lambda gs: print(gs)); (a * 2 + b * 3).sum().backward()",
    "a version counted by hand": X + "h = x * 1; y = h.sin(); torch.autograd.graph.increment_version(h); print(h._version); y.sum().backward()",
    "versions counted by hand": X + "v = x.detach()[1:]; torch.autograd.graph.increment_version([v, iter([v]).__next__()]); print(v._version, x._version); torch.autograd.graph.increment_version(x); print(x._version)",
    "a version of no tensor": "torch.autograd.graph.increment_version(3)",
    "versions of no tensors": "torch.autograd.graph.increment_version([torch.ones(1), 3])",
    "multi-grad hook any": "a = torch.ones(2, requires_grad=True); b = torch.ones(2, requires_grad=True)\nh = torch.autograd.graph.register_multi_grad_hook((a, b), lambda g: print(g), mode='any'); (a * 2 + b * 2).sum().backward(); h.remove(); (a * 2).sum().backward()",
}

FUNCTION = {
    "keyword arguments refused": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x, k=1): return x * k\n  @staticmethod\n  def backward(ctx, g): return g, None\n" + X + "y = F.apply(x, k=5)",
    "default argument": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x, k=3): return x * k\n  @staticmethod\n  def backward(ctx, g): return g * 3\n" + X + "y = F.apply(x); y.sum().backward(); print(x.grad)",
    "grad_fn is its ctx": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x):\n    global kept\n    kept = ctx; ctx.tag = 7\n    return x * 2\n  @staticmethod\n  def backward(ctx, g): print(ctx is kept, ctx.tag); return g * 2\n" + X + "y = F.apply(x); print(y.grad_fn is kept, y.grad_fn.tag, y.grad_fn.name(), type(y.grad_fn).__name__, kept.needs_input_grad); y.sum().backward()",
    "ctx of several outputs": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2, x * 3\n  @staticmethod\n  def backward(ctx, g, h): print(g, h); return g * 2 + h * 3\n" + X + "a, b = F.apply(x); print(a.grad_fn is b.grad_fn, (a + b).grad_fn.next_functions[1][1]); b.sum().backward(); print(x.grad)",
    "mark_dirty": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x):\n    x.mul_(2); ctx.mark_dirty(x); return x\n  @staticmethod\n  def backward(ctx, g): return g * 2\n" + X + "a = x * 1; v = a._version; y = F.apply(a); print(y is a, a._version - v, a.grad_fn.name()); (y * y).sum().backward(); print(x.grad)",
    "mark_dirty of a leaf": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x):\n    x.mul_(2); ctx.mark_dirty(x); return x\n  @staticmethod\n  def backward(ctx, g): return g * 2\n" + X + "F.apply(x)",
    "mark_dirty of what is not returned": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x):\n    x.mul_(2); ctx.mark_dirty(x); return x * 1\n  @staticmethod\n  def backward(ctx, g): return g * 2\n" + X + "F.apply(x * 1)",
    "mark_dirty of a plain one": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x, y):\n    y.mul_(x); ctx.save_for_backward(x); ctx.mark_dirty(y); return y\n  @staticmethod\n  def backward(ctx, g): print(ctx.needs_input_grad); return g * 5, None\n" + X + "t = torch.ones(3, dtype=torch.float64); y = F.apply(x, t); print(y is t, t.requires_grad); y.sum().backward(); print(x.grad)",
    "setup_context": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(x, k): return x * k\n  @staticmethod\n  def setup_context(ctx, inputs, output):\n    ctx.k = inputs[1]; ctx.save_for_backward(inputs[0], output)\n  @staticmethod\n  def backward(ctx, g):\n    x, y = ctx.saved_tensors\n    print(x, y); return g * ctx.k, None\n" + X + "F.apply(x, 4).sum().backward(); print(x.grad)",
    "too many gradients": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def backward(ctx, g): return g, g\n" + X + "F.apply(x).sum().backward()",
    "too few gradients": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x, k): return x * 2\n  @staticmethod\n  def backward(ctx, g): return g\n" + X + "F.apply(x, 1).sum().backward()",
    "wrong shape": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def backward(ctx, g): return g[:2]\n" + X + "F.apply(x).sum().backward()",
    "no tensor as gradient": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def backward(ctx, g): return 3.0\n" + X + "F.apply(x).sum().backward()",
    "gradient for what needs none": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x, y): return x * y\n  @staticmethod\n  def backward(ctx, g): return g, g\n" + X + "F.apply(x, torch.ones(3, dtype=torch.float64)).sum().backward(); print(x.grad)",
    "gradient of another dtype": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def backward(ctx, g): return g.float()\n" + X + "F.apply(x).sum().backward(); print(x.grad)",
    "once_differentiable": "from_f = torch.autograd.function.once_differentiable\nclass F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.save_for_backward(x); return x * x\n  @staticmethod\n  @from_f\n  def backward(ctx, g): print(torch.is_grad_enabled()); (x,) = ctx.saved_tensors; return g * 2 * x\n" + X + "(g,) = torch.autograd.grad(F.apply(x).sum(), x, create_graph=True); print(g.requires_grad); g.sum().backward()",
    "backward missing": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n" + X + "F.apply(x).sum().backward()",
    "forward missing": "class F(torch.autograd.Function): pass\n" + X + "F.apply(x)",
    "instance called": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x\nF()(torch.ones(1))",
    "materialized zeros": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2, x * 3\n  @staticmethod\n  def backward(ctx, g, h): print(g, h); return g\n" + X + "a, b = F.apply(x); a.sum().backward(); print(x.grad)",
    "not materialized": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.set_materialize_grads(False); return x * 2, x * 3\n  @staticmethod\n  def backward(ctx, g, h): print(g, h); return g\n" + X + "a, b = F.apply(x); a.sum().backward(); print(x.grad)",
    "non differentiable": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x):\n    a, b = x * 2, x * 3; ctx.mark_non_differentiable(b); return a, b\n  @staticmethod\n  def backward(ctx, g, h): print(g, h); return g * 2\n" + X + "a, b = F.apply(x); print(a.requires_grad, b.requires_grad); a.sum().backward(); print(x.grad)",
    "view of its input, then written": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x[:2]\n  @staticmethod\n  def backward(ctx, g): return torch.cat([g, g[:1]])\n" + X + "a = x * 1; y = F.apply(a); print(y._is_view(), y.grad_fn.name()); y.mul_(2)",
    "two views, one written": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x[:2], x[1:]\n  @staticmethod\n  def backward(ctx, g, h): return torch.cat([g, h[:1]])\n" + X + "a = x * 1; y, z = F.apply(a); y.mul_(2)",
    "input returned": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x\n  @staticmethod\n  def backward(ctx, g): return g * 5\n" + X + "y = F.apply(x); print(y is x, y.requires_grad, y.is_leaf, y._is_view()); y.sum().backward(); print(x.grad)",
    "view of its input, base written": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x.view_as(x)\n  @staticmethod\n  def backward(ctx, g): return g * 5\n" + X + "a = x * 1; y = F.apply(a); a.mul_(3); print(y); y.sum().backward(); print(x.grad)",
    "under no_grad": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): print(ctx.needs_input_grad, torch.is_grad_enabled()); return x * 2\n  @staticmethod\n  def backward(ctx, g): return g\n" + X + "with torch.no_grad(): y = F.apply(x)\nprint(y.requires_grad)",
    "saved written": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.save_for_backward(x); return x * 2\n  @staticmethod\n  def backward(ctx, g): ctx.saved_tensors; return g\n" + X + "a = x * 1; y = F.apply(a); a.mul_(2); y.sum().backward()",
    "saved twice": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.save_for_backward(x); return x * 2\n  @staticmethod\n  def backward(ctx, g): print(ctx.saved_tensors[0] is x); return g\n" + X + "y = F.apply(x); y.sum().backward(); y.sum().backward()",
    "save something else": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.save_for_backward(x, 3); return x * 2\n  @staticmethod\n  def backward(ctx, g): return g\n" + X + "F.apply(x)",
    "returns no tensor": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return 3\n  @staticmethod\n  def backward(ctx, g): return g\n" + X + "print(F.apply(x))",
    "returns a list": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return [x * 2]\n  @staticmethod\n  def backward(ctx, g): return g\n" + X + "print(F.apply(x))",
    "returns None among others": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2, None, 'a'\n  @staticmethod\n  def backward(ctx, g, *h): print(h); return g\n" + X + "y, n, s = F.apply(x); print(n, s); y.sum().backward()",
    "double backward": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.save_for_backward(x); return x ** 3\n  @staticmethod\n  def backward(ctx, g): (x,) = ctx.saved_tensors; return g * 3 * x ** 2\n" + X + "(g,) = torch.autograd.grad(F.apply(x).sum(), x, create_graph=True); g.sum().backward(); print(x.grad)",
    "ctx keeps what it likes": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.y = x.exp(); return ctx.y\n  @staticmethod\n  def backward(ctx, g): return g * ctx.y\n" + X + "F.apply(x).sum().backward(); print(x.grad)",
    "nested": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): ctx.save_for_backward(x); return x * x\n  @staticmethod\n  def backward(ctx, g):\n    (x,) = ctx.saved_tensors\n    with torch.enable_grad():\n      z = x.detach().requires_grad_(); (h,) = torch.autograd.grad((z * z).sum(), z)\n    return g * h\n" + X + "F.apply(x).sum().backward(); print(x.grad)",
    "list of tensors is not seen": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, xs): return xs[0] * 2\n  @staticmethod\n  def backward(ctx, g): return g\n" + X + "print(F.apply([x]).requires_grad)",
    "vjp in place of backward": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def vjp(ctx, g): return g * 2\n" + X + "F.apply(x).sum().backward(); print(x.grad)",
    "both vjp and backward": "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def vjp(ctx, g): return g * 2\n  @staticmethod\n  def backward(ctx, g): return g * 2\n" + X + "F.apply(x).sum().backward()",
}

MODES = {
    "generator": X + "@torch.no_grad()\ndef f():\n  for _ in range(2): yield (x * 2).requires_grad\nfor r in f(): print(r, torch.is_grad_enabled(), (x * 2).requires_grad)",
    "generator with send and throw": X + "@torch.no_grad()\ndef f():\n  try: got = yield 1\n  except ValueError: got = 'thrown'\n  print(got, torch.is_grad_enabled()); yield 2\ng = f(); next(g); g.send('sent'); print(torch.is_grad_enabled()); g = f(); next(g); g.throw(ValueError()); print(torch.is_grad_enabled())",
    "coroutine": X + "@torch.no_grad()\nasync def f(): return (x * 2).requires_grad\nc = f()\ntry: c.send(None)\nexcept StopIteration as e: print(e.value, torch.is_grad_enabled())",
    "coroutine that waits": X + "class W:\n  def __await__(self): yield 5\n@torch.no_grad()\nasync def f():\n  await W(); return torch.is_grad_enabled()\nc = f(); print(c.send(None), torch.is_grad_enabled())\ntry: c.send(None)\nexcept StopIteration as e: print(e.value, torch.is_grad_enabled())",
    "nested": X + "with torch.no_grad():\n  with torch.enable_grad(): print((x * 2).requires_grad)\n  print((x * 2).requires_grad)\nprint((x * 2).requires_grad)",
    "decorator without parentheses": X + "@torch.no_grad\ndef f(): return (x * 2).requires_grad\nprint(f(), torch.is_grad_enabled())",
    "decorated method": X + "class A:\n  @torch.no_grad()\n  def f(self): return (x * 2).requires_grad\nprint(A().f())",
    "decorated class": "@torch.no_grad()\nclass A: pass",
    "set_grad_enabled": X + "torch.set_grad_enabled(False); print((x * 2).requires_grad); torch.set_grad_enabled(True); print((x * 2).requires_grad)",
    "set_grad_enabled as context": X + "with torch.set_grad_enabled(False): print((x * 2).requires_grad)\nprint((x * 2).requires_grad)",
    "set_grad_enabled as decorator": X + "@torch.set_grad_enabled(False)\ndef f(): return (x * 2).requires_grad\nprint(torch.is_grad_enabled(), f(), torch.is_grad_enabled())",
    "set_grad_enabled repr": "print(torch.is_grad_enabled(), type(torch.set_grad_enabled(True)).__name__)",
    "raises inside": "try:\n  with torch.no_grad(): raise ValueError\nexcept ValueError: print(torch.is_grad_enabled())",
    "inference tensor": "with torch.inference_mode(): t = torch.ones(2)\nprint(t.is_inference(), t.requires_grad, torch.ones(2).is_inference())",
    "inference mode is known": "print(torch.is_inference_mode_enabled())\nwith torch.inference_mode(): print(torch.is_inference_mode_enabled(), torch.is_grad_enabled())\nprint(torch.is_inference_mode_enabled())",
    "inference tensor saved": X + "with torch.inference_mode(): t = torch.ones(3, dtype=torch.float64)\nx * t",
    "inference tensor not saved": X + "with torch.inference_mode(): t = torch.ones(3, dtype=torch.float64)\nprint((x + t).requires_grad)",
    "inference tensor written": "with torch.inference_mode(): t = torch.ones(3)\ntry: t.mul_(2)\nfinally: del t  # PyTorch has written it all the same",
    "inference tensor written inside": "with torch.inference_mode():\n  t = torch.ones(3); t.mul_(2); print(t)",
    "inference tensor requires": "with torch.inference_mode(): t = torch.ones(3)\nt.requires_grad_()",
    "inference tensor version": "with torch.inference_mode(): t = torch.ones(3)\nt._version",
    "inference tensor cloned": "with torch.inference_mode(): t = torch.ones(3)\nc = t.clone(); print(c.is_inference()); c.requires_grad_(); print(c.requires_grad)",
    "computed inside": X + "with torch.inference_mode(): y = x * 2\nprint(y.requires_grad, y.is_inference(), y.is_leaf)",
    "normal tensor viewed inside": "t = torch.ones(3)\nwith torch.inference_mode(): v = t[:2]; v.add_(1)\nprint(t, v.is_inference(), t.is_inference())",
    "inference_mode(False)": X + "with torch.inference_mode(False): y = x * 2\nprint(y.requires_grad)",
    "inference_mode(False) inside": X + "with torch.inference_mode():\n  with torch.inference_mode(False): y = x * 2; print(y.requires_grad, y.is_inference())\n",
    "inference_mode as decorator": X + "@torch.inference_mode()\ndef f(): return x * 2\ny = f(); print(y.requires_grad, y.is_inference())",
    "inference backward": X + "with torch.inference_mode(): y = (x * 2).sum()\ny.backward()",
    "inference tensor viewed outside": "with torch.inference_mode(): t = torch.ones(3)\nv = t[:2]; print(v.is_inference())\ntry: v.mul_(2)\nfinally: del t, v",
    "enable_grad inside inference": X + "with torch.inference_mode():\n  with torch.enable_grad(): y = x * 2; print(y.requires_grad, y.is_inference())",
}

COPIES = {
    "deepcopy of a leaf": X + "import copy; (x * x).sum().backward(); c = copy.deepcopy(x); c.grad[0] = 9; print(c, c.grad, x.grad, c.is_leaf)",
    "deepcopy of a result": Y + "import copy; copy.deepcopy(y)",
    "deepcopy keeps sharing": "import copy; t = torch.zeros(3); a, b = copy.deepcopy([t, t[1:]]); a[1] = 5; print(b, t)",
    "deepcopy of the same twice": "import copy; t = torch.zeros(3); a, b = copy.deepcopy([t, t]); print(a is b)",
    "deepcopy of a strided": "import copy; t = torch.arange(6.0).reshape(2, 3).t(); c = copy.deepcopy(t); print(c, c.stride())",
    "copy of a leaf": X + "import copy; c = copy.copy(x); print(c, c.is_leaf, c is x); \nwith torch.no_grad(): c[0] = 7\nprint(x)",
    "copy of a result": Y + "import copy; c = copy.copy(y); print(c, c.is_leaf)",
    "pickle of a leaf": X + "import pickle; (x * x).sum().backward(); p = pickle.loads(pickle.dumps(x)); print(p, p.grad, p.is_leaf)",
    "pickle of a result": Y + "import pickle; p = pickle.loads(pickle.dumps(y)); print(p, p.is_leaf)",
    "pickle keeps sharing": "import pickle; t = torch.zeros(3); a, b = pickle.loads(pickle.dumps((t, t[1:]))); a[1] = 5; print(b, t)",
    "pickle of dtypes and sizes": "import pickle; print(pickle.loads(pickle.dumps((torch.float64, torch.zeros(2, 3).shape))))",
    "save and load": X + "import io; f = io.BytesIO(); torch.save({'x': x, 'n': [1, 2.5, 'a', None, True], 't': (torch.ones(2),)}, f); f.seek(0); d = torch.load(f); print(d, d['x'].is_leaf)",
    "save and load keep sharing": "import io; f = io.BytesIO(); t = torch.zeros(3); torch.save([t, t[1:], t], f); f.seek(0); a, b, c = torch.load(f); a[1] = 5; print(b, c, a is c)",
    "save and load of an ordered dict": "import io, collections; f = io.BytesIO(); torch.save(collections.OrderedDict(a=torch.ones(1)), f); f.seek(0); print(torch.load(f))",
    "save and load of every dtype": "import io\nfor d in (torch.float16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.int64):\n  f = io.BytesIO(); torch.save(torch.ones(2).to(d), f); f.seek(0); print(torch.load(f))",
    "save and load of nothing and of a scalar": "import io; f = io.BytesIO(); torch.save((torch.zeros(0, 2), torch.tensor(3.5)), f); f.seek(0); print(torch.load(f))",
    "clone and detach": X + "c = x.clone(); print(c.is_leaf, c.grad_fn.name()); d = c.detach(); d[0] = 9; print(c, x, d.requires_grad)",
}

AF = "F = torch.autograd.functional\n" + X
FUNCTIONAL = {
    "detach_ in a transformation": "from importlib import import_module\nfn = import_module(torch.__name__ + '.func'); x = torch.tensor([1.0, 2.0], dtype=torch.float64)\ndef f(x):\n  y = x * x; y.detach_(); return (y * x).sum()\nprint(fn.grad(f)(x), fn.vjp(f, x)[1](torch.tensor(1.0, dtype=torch.float64)))",
    "jacobian": AF + "print(F.jacobian(lambda x: x * x, x))",
    "jacobian of a scalar": AF + "print(F.jacobian(lambda x: (x * x).sum(), x))",
    "jacobian of two": AF + "w = torch.ones(2, dtype=torch.float64); print(F.jacobian(lambda x, w: (x.sum() * w, x), (x, w)))",
    "jacobian of a matrix": AF + M + "print(F.jacobian(lambda m: m.t() * 2, m).shape)",
    "jacobian that is recorded": AF + "j = F.jacobian(lambda x: x ** 3, x, create_graph=True); print(j.requires_grad); j.sum().backward(); print(x.grad)",
    "jacobian of what does not depend": AF + "print(F.jacobian(lambda x: torch.ones(2, dtype=torch.float64), x))",
    "strict jacobian": AF + "F.jacobian(lambda x: torch.ones(2, dtype=torch.float64), x, strict=True)",
    "jacobian of no tensor": AF + "F.jacobian(lambda x: 3, x)",
    "jacobian at no tensor": AF + "F.jacobian(lambda x: x, 3.0)",
    "hessian": AF + "print(F.hessian(lambda x: (x ** 3).sum() + x[0] * x[1], x))",
    "hessian of two": AF + "w = torch.ones(3, dtype=torch.float64); print(F.hessian(lambda x, w: (x * x * w).sum(), (x, w)))",
    "hessian of a vector": AF + "F.hessian(lambda x: x * x, x)",
    "vjp": AF + "print(F.vjp(lambda x: x * x, x, torch.ones(3, dtype=torch.float64)))",
    "vjp of a scalar": AF + "print(F.vjp(lambda x: (x * x).sum(), x))",
    "vjp without v": AF + "F.vjp(lambda x: x * x, x)",
    "vjp with a wrong v": AF + "F.vjp(lambda x: x * x, x, torch.ones(2, dtype=torch.float64))",
    "jvp": AF + "print(F.jvp(lambda x: x * x, x, torch.ones(3, dtype=torch.float64)))",
    "jvp without v": AF + "F.jvp(lambda x: x * x, x)",
    "jvp of two": AF + "w = torch.ones(3, dtype=torch.float64); print(F.jvp(lambda x, w: x * w, (x, w), (w, w)))",
    "hvp": AF + "print(F.hvp(lambda x: (x ** 3).sum(), x, torch.ones(3, dtype=torch.float64)))",
    "vhp": AF + "print(F.vhp(lambda x: (x ** 3).sum(), x, torch.ones(3, dtype=torch.float64)))",
    "x stays as it was": AF + "F.jacobian(lambda x: x * x, x); print(x.grad, x.requires_grad)",
    "gradcheck": X + "print(torch.autograd.gradcheck(lambda x: (x * x).sin(), (x,)), torch.autograd.gradcheck(lambda x: (x * x).sin(), x))",
    "gradcheck that fails": X + "class F(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x * 2\n  @staticmethod\n  def backward(ctx, g): return g * 3\nprint(torch.autograd.gradcheck(F.apply, (x,), raise_exception=False))\ntry: torch.autograd.gradcheck(F.apply, (x,))\nexcept Exception as e: print(type(e).__name__, str(e).split(',')[0])",
    "gradcheck in single precision": "x = torch.ones(2, requires_grad=True)\nprint(torch.autograd.gradcheck(lambda x: x * 2, (x,), raise_exception=False))",
    "gradcheck of what needs none": "torch.autograd.gradcheck(lambda x: x * 2, (torch.ones(2),))",
    "gradgradcheck": X + "print(torch.autograd.gradgradcheck(lambda x: x ** 3, (x,)))",
    "anomaly with a NaN": "import warnings; warnings.simplefilter('ignore'); x = torch.tensor([0.0, 1.0], requires_grad=True)\nwith torch.autograd.detect_anomaly(): (x.sqrt() * 0).sum().backward()",
    "anomaly without one": "import warnings; warnings.simplefilter('ignore'); x = torch.tensor([1.0], requires_grad=True)\nwith torch.autograd.detect_anomaly(): x.sqrt().sum().backward()\nprint(x.grad, torch.is_anomaly_enabled())",
    "anomaly with a NaN that is one number": "import warnings; warnings.simplefilter('ignore'); x = torch.tensor(0.0, requires_grad=True)\ntry:\n  with torch.autograd.set_detect_anomaly(True): (torch.sqrt(x - 1) * 0).backward()\nexcept RuntimeError as e: print(e)\nprint(x.grad)",
    "anomaly set": "import warnings; warnings.simplefilter('ignore'); print(torch.is_anomaly_enabled())\nwith torch.autograd.set_detect_anomaly(True): print(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())\nprint(torch.is_anomaly_enabled())",
}

CHECK = "from importlib import import_module\ncheckpoint = import_module(torch.__name__ + '.utils.checkpoint').checkpoint\n" + X
CHECKPOINT = {
    "called twice": CHECK + "def f(x): print('called', torch.is_grad_enabled()); return x.sin() * x\ny = checkpoint(f, x, use_reentrant=False); print(y.requires_grad, y.is_leaf); y.sum().backward(); print(x.grad)",
    "parameters of the function": CHECK + "w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True); h = x * w\ny = checkpoint(lambda h: (h * h * w).sin(), h, use_reentrant=False); y.sum().backward(); print(x.grad, w.grad)",
    "autograd.grad": CHECK + "w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)\ny = checkpoint(lambda x: x * x * w, x, use_reentrant=False); print(torch.autograd.grad(y.sum(), [x, w]))",
    "several outputs, keywords, structures": CHECK + "def f(d, *, k): return {'a': d['x'] * k, 'b': [d['x'].sum()]}\ny = checkpoint(f, {'x': x}, k=3.0, use_reentrant=False); (y['a'].sum() * 2 + y['b'][0]).backward(); print(x.grad)",
    "twice in a row": CHECK + "y = checkpoint(torch.sin, checkpoint(torch.exp, x, use_reentrant=False), use_reentrant=False); y.sum().backward(); print(x.grad)",
    "nested": CHECK + "y = checkpoint(lambda x: checkpoint(torch.sin, x * x, use_reentrant=False) * x, x, use_reentrant=False); y.sum().backward(); print(x.grad)",
    "double backward": CHECK + "y = checkpoint(lambda x: x ** 3, x, use_reentrant=False); (g,) = torch.autograd.grad(y.sum(), x, create_graph=True); g.sum().backward(); print(x.grad)",
    "same random numbers": CHECK + "torch.manual_seed(0); seen = []\ndef f(x):\n  r = torch.rand(3, dtype=torch.float64); seen.append(r); return x * r * x\ny = checkpoint(f, x, use_reentrant=False); y.sum().backward(); print(torch.equal(seen[0], seen[1]), torch.rand(1))",
    "under no_grad": CHECK + "with torch.no_grad(): print(checkpoint(lambda x: x * 2, x, use_reentrant=False))",
    "hooks once": CHECK + "x.register_hook(lambda g: print('hook', g)); checkpoint(lambda x: x * x, x, use_reentrant=False).sum().backward(); print(x.grad)",
    "reentrant": CHECK + "def f(x): print('called', torch.is_grad_enabled()); return x.sin() * x\ny = checkpoint(f, x, use_reentrant=True); y.sum().backward(); print(x.grad)",
    "reentrant, with a parameter": CHECK + "w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)\ny = checkpoint(lambda x: x.sin() * w, x, use_reentrant=True); print(y.grad_fn.name()); y.sum().backward(); print(x.grad, w.grad)",
    "reentrant, of a result and of numbers": CHECK + "h = x * 2\ny = checkpoint(lambda a, n, b: checkpoint(lambda a: (a * b).sin(), a, use_reentrant=True) * n, h, 3, x, use_reentrant=True); y.sum().backward(); print(x.grad)",
    "reentrant, several outputs": CHECK + "y = checkpoint(lambda x: (x * 2, x.sin(), 3), x, use_reentrant=True); print(y); (y[0] + y[1]).sum().backward(); print(x.grad)",
    "reentrant, autograd.grad": CHECK + "torch.autograd.grad(checkpoint(torch.sin, x, use_reentrant=True).sum(), x)",
    "reentrant, backward with inputs": CHECK + "checkpoint(torch.sin, x, use_reentrant=True).sum().backward(inputs=[x])",
    "reentrant, nothing requires grad": CHECK + "print(checkpoint(torch.sin, x.detach(), use_reentrant=True))",
    "reentrant, outputs cut off": CHECK + "checkpoint(lambda x: x.detach(), x, use_reentrant=True).sum().backward()",
    "reentrant, keywords": CHECK + "checkpoint(lambda x, k: x, x, use_reentrant=True, k=1)",
    "reentrant, same random numbers": CHECK + "torch.manual_seed(0); seen = []\ndef f(x):\n  r = torch.rand(3, dtype=torch.float64); seen.append(r); return x * r * x\ny = checkpoint(f, x, use_reentrant=True); y.sum().backward(); print(torch.equal(seen[0], seen[1]), torch.rand(1), x.grad)",
    "undecided": CHECK + "w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True); checkpoint(lambda x: x * w, x).sum().backward(); print(w.grad, x.grad)",
    "raises inside": CHECK + "def f(x): raise ValueError('inside')\ntry: checkpoint(f, x, use_reentrant=False)\nexcept ValueError as e: print(e, torch.is_grad_enabled())",
}

WRITES = {
    "copy_ from tracked": X + "w = torch.ones(3, dtype=torch.float64, requires_grad=True); y = x * 1; y.copy_(w * 2); y.sum().backward(); print(x.grad, w.grad, y.grad_fn.name())",
    "copy_ of a plain one from tracked": X + "y = torch.zeros(3, dtype=torch.float64); y.copy_(x * 2); print(y.grad_fn.name(), y.is_leaf); y.sum().backward(); print(x.grad)",
    "copy_ from a constant": X + "y = x * 1; y.copy_(torch.ones(3)); print(y.requires_grad, y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "fill_ of a result": X + "y = x * 1; y.fill_(2); print(y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "fill_ with a tracked number": X + "w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True); y = x * 1; y.fill_(w); y.sum().backward(); print(x.grad, w.grad)",
    "zero_ of a result": X + "y = x * 1; y.zero_(); print(y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "masked_fill_ of a result": X + "y = x * 1; y.masked_fill_(torch.tensor([True, False, False]), 5.0); print(y.grad_fn.name()); y.sum().backward(); print(x.grad)",
    "masked_fill_ of a view": X + "y = x * 1; y[:2].masked_fill_(torch.tensor([True, False]), 5.0); print(y.grad_fn.name()); y.sum().backward(); print(y, x.grad)",
    "leaf written": X + "x.mul_(2)",
    "leaf written by index": X + "x[0] = 2",
    "leaf written by a mask": X + "x[x > 1] = 2",
    "view of a leaf written": X + "x[:2].mul_(2)",
    "leaf written under no_grad": X + "y = x + 1\nwith torch.no_grad(): x.mul_(2)\ny.sum().backward(); print(x, x.grad, x._version, x.is_leaf)",
    "leaf written after it was saved": X + "y = x * x\nwith torch.no_grad(): x.mul_(2)\ny.sum().backward()",
    "view under no_grad, written": X + "y = x * 1\nwith torch.no_grad(): v = y[:2]\nv.mul_(2)",
    "view under no_grad, base written": X + "y = x * 1\nwith torch.no_grad(): v = y[:2]\ny.mul_(2); print(v.requires_grad); v * 2",
    "unbind written": X + "y = x * 1; a, b, c = y.unbind(); a.mul_(2)",
    "split written": X + "y = x * 1; a, b = y.split([1, 2]); b.mul_(2)",
    "chunk written": X + "y = x * 1; a, b = y.chunk(2); b.mul_(2)",
    "iterated written": M + "y = m * 1\nfor r in y: r.mul_(2)",
    "iterated plain written": "m = torch.ones(2, 2)\nfor r in m: r.mul_(2)\nprint(m)",
    "unbind, then base written": X + "y = x * 1; a, b, c = y.unbind(); y.mul_(2); print(a); a.backward()",
    "unbind, then base written, times a number": M + "y = m * 1; a, b = y.unbind(); y.mul_(2); a * 2",
    "unbind, then base written, times itself": M + "y = m * 1; a, b = y.unbind(); y.mul_(2); m[0] * a",
    "unbind, then base written, twice": M + "y = m * 1; a, b = y.unbind(); y.mul_(2); print(a); a.sin()",
    "unbind under no_grad, written": X + "y = x * 1\nwith torch.no_grad(): a, b, c = y.unbind(); a.mul_(2)\nprint(y)",
    "plain unbind, tracked written": X + "y = torch.zeros(3, dtype=torch.float64); a, b, c = y.unbind(); a.copy_(x[0])",
    "tracked into a view of a plain one": X + "y = torch.zeros(4, dtype=torch.float64); v = y[1:]; v.copy_(x); print(y.grad_fn.name(), v.grad_fn.name(), v.is_leaf); (y * y).sum().backward(); print(x.grad)",
    "written through two views": X + "y = x * 1; a, b = y[:2], y[1:]; a.mul_(2); b.mul_(3); print(y, a, b); (y * torch.arange(3)).sum().backward(); print(x.grad)",
    "view of a view": M + "y = m * 1; y[0][1:].mul_(5); print(y.grad_fn.name()); y.sum().backward(); print(m.grad)",
    "transposed view": M + "y = m * 1; y.t()[1].fill_(7); y.sum().backward(); print(y, m.grad)",
    "reshaped view": M + "y = m * 1; y.view(-1)[2:4].mul_(5); y.sum().backward(); print(y, m.grad)",
    "diagonal view": "m = torch.ones(2, 2, requires_grad=True); y = m * 1; y.diagonal().mul_(5); y.sum().backward(); print(y, m.grad)",
    "detached written, saved by the other": X + "y = x.exp(); d = y.detach(); d.mul_(2); y.sum().backward()",
    "versions": X + "y = x * 1; v = y[:1]; d = y.detach(); y.mul_(2); v.add_(1); d.add_(1); print(y._version, v._version, d._version, y.data._version)",
    "in place on what is saved twice": X + "y = x * 1; z = y.exp() * y; y.add_(1); z.sum().backward()",
    "grad of a view's base": X + "y = x * 1; v = y[1:]; v.mul_(2); print(torch.autograd.grad(v.sum(), x))",
    "retain_grad across a write": X + "y = x * 1; y.retain_grad(); y.mul_(3); (y * y).sum().backward(); print(y.grad, x.grad)",
    "retain_grad of a view across a write of the base": X + "y = x * 1; v = y[1:]; v.retain_grad(); y.mul_(3); (v * v).sum().backward(); print(v.grad, x.grad)",
    "dtype cannot hold": "t = torch.zeros(2, dtype=torch.int64); t.add_(1.5)",
    "dtype cannot hold a division": "t = torch.ones(2, dtype=torch.int64); t /= 2",
    "shape cannot hold": "t = torch.zeros(2); t.add_(torch.ones(3, 2))",
    "shape does not broadcast": "t = torch.zeros(2); t.add_(torch.ones(3))",
    "number becomes a tensor": "t = torch.zeros(2); t += 1; t -= torch.ones(2); t *= 2; t /= 4; t **= 2; print(t, t._version)",
    "overlapping memory": "t = torch.arange(5.0); t[1:].copy_(t[:-1])",
    "onto itself": "t = torch.arange(4.0); t.add_(t); print(t); t.mul_(t[0] + 1); print(t)",
    "requires_grad of a result": Y + "y.requires_grad_(False)",
    "requires_grad of integers": "torch.ones(2, dtype=torch.int64).requires_grad_()",
    "requires_grad of integers set": "t = torch.ones(2, dtype=torch.int64); t.requires_grad = True",
    "detach_ of a view": X + "y = x * 1; y[:2].detach_()",
    "detach_": Y + "y.detach_(); print(y.requires_grad, y.is_leaf, y.grad_fn)",
    "grad of a result": Y + "y.sum().backward(); print(y.grad)",
    "grad of a result assigned": Y + "y.grad = torch.ones(3, dtype=torch.float64); print(y.grad)",
    "tensor with grad in a loop": "w = torch.tensor([1.0, 2.0], requires_grad=True)\nfor _ in range(3):\n  loss = (w * w).sum(); loss.backward()\n  with torch.no_grad(): w -= 0.1 * w.grad\n  w.grad.zero_()\nprint(w, w.grad, w._version)",
    "grad is written by the user": X + "(x * x).sum().backward(); g = x.grad; x.grad *= 2; print(g is x.grad, g)",
    "unused attribute": "torch.ones(1).nonsense",
    "numpy write under tracking": X + "y = x * x; a = y.detach().numpy(); a[0] = 100; print(y); (y * y).sum().backward(); print(x.grad)",
}

WRITTEN_OVER = {
    **{f"{name}_": X + f"y = x * 1; y.{name}_(2); print(y.grad_fn.name(), y); print(torch.autograd.grad((y * x).sum(), x))" for name in ("eq", "ne", "lt", "le", "gt", "ge", "less")},
    "eq_ of a tensor": X + "y = x * 1; y.eq_(x); print(y.grad_fn.name(), y, torch.autograd.grad((y * x).sum(), x))",
    "ge_ of a view": X + "y = x * 1; v = y[:2]; v.ge_(x[1:]); print(y, v, torch.autograd.grad((y * x).sum(), x))",
    "lt_ under no_grad": X + "y = x * 1\nwith torch.no_grad(): y.lt_(2)\nprint(y, torch.autograd.grad(y.sum(), x))",
    "logical_not_": X + "y = x * 1; y.logical_not_(); print(y, torch.autograd.grad(y.sum(), x))",
    "element of a leaf that is a view": M + "m[0] = 1",
    "view of a leaf that is a view": M + "m[0].mul_(2)",
    "mask on a leaf that is a view": M + "m[m > 1] = 0.0",
    "flat view of a leaf that is a view": M + "m.view(-1).zero_()",
    "a leaf that is a view": M + "m.add_(1)",
    "a leaf that is a view, under no_grad": M + "with torch.no_grad(): m[0] = 1; m.mul_(2)\n(m * m).sum().backward(); print(m, m.grad)",
    "view after detach_ of its base": X + "y = x * 2; v = y[:2]; y.detach_(); print(y, v.requires_grad); v.mul_(2)",
}

OLDER = {
    **{
        f"{name} {keywords}": f"F = torch.nn.functional; x = torch.tensor([0.2, 0.3], dtype=torch.float64, requires_grad=True); y = torch.tensor([0.1, 0.7], dtype=torch.float64)\nloss = F.{name}(x, y, {keywords}); print(loss); print(torch.autograd.grad(loss.sum(), x))"
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "kl_div", "binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss", "poisson_nll_loss", "hinge_embedding_loss")
        for keywords in ("size_average=False", "reduce=False", "size_average=True, reduce=True", "size_average=False, reduce=False", "size_average=False, reduction='none'", "reduction='bad'")
    },
    **{
        f"{call} {keyword}": f"F = torch.nn.functional; x = torch.tensor([[0.2, 0.3], [-0.5, 1.0]], dtype=torch.float64, requires_grad=True)\nloss = F.{call}, {keyword}); print(loss)"
        for call in ("cross_entropy(x, torch.tensor([0, 1])", "nll_loss(x, torch.tensor([0, 1])", "multi_margin_loss(x, torch.tensor([0, 1])", "cosine_embedding_loss(x, x + 1, torch.tensor([1, -1])", "margin_ranking_loss(x[0], x[1], torch.tensor([1, -1])", "triplet_margin_loss(x, x + 1, x * 2", "multilabel_soft_margin_loss(x, x.detach()")
        for keyword in ("size_average=False", "reduce=False")
    },
    "modules": "nn = torch.nn\nfor m in (nn.MSELoss(size_average=False), nn.L1Loss(reduce=False), nn.CrossEntropyLoss(size_average=True)): print(m, m.reduction)",
    "by position": "F = torch.nn.functional; print(F.mse_loss(torch.ones(2), torch.zeros(2), False), F.mse_loss(torch.ones(2), torch.zeros(2), None, False))",
}

COMPLEX = "torch.manual_seed(0); A = torch.randn(3, 3, dtype=torch.complex128); H = (A @ A.mH).requires_grad_(); A.requires_grad_(); T = A[:, :2].detach().requires_grad_()\n"
PHASES = {
    **{
        name: COMPLEX + f"loss = {loss}; print(loss.requires_grad); loss.backward(); print([None if x.grad is None else x.grad.real + x.grad.imag for x in (A, H, T)])"
        for name, loss in {
            "eigenvectors of hermitian matrices": "torch.linalg.eigh(H)[1].real.sum()",
            "their sizes": "torch.linalg.eigh(H)[1].abs()[0].sum()",
            "their eigenvalues": "torch.linalg.eigh(H)[0].sin().sum()",
            "of a stack": "torch.linalg.eigh(torch.stack([H, 2 * H]))[1].imag.sum()",
            "eigenvectors": "torch.linalg.eig(A)[1].real.sum()",
            "eigenvectors, sizes": "torch.linalg.eig(A)[1].abs()[0].sum()",
            "left singular vectors": "torch.linalg.svd(A)[0].imag.sum()",
            "right singular vectors": "torch.linalg.svd(A)[2].real.sum()",
            "both singular vectors": "(lambda u, s, vh: (u @ vh).real.sum())(*torch.linalg.svd(A))",
            "sizes of singular vectors": "torch.linalg.svd(A)[0].abs()[0].sum()",
            "a tall matrix": "torch.linalg.svd(T, full_matrices=False)[0].real.sum()",
            "a tall matrix, completed": "torch.linalg.svd(T)[2].real.sum()",
            "torch.svd": "torch.svd(T)[0].real.sum()",
        }.items()
    },
    "second derivative": COMPLEX + "w, v = torch.linalg.eigh(H); (g,) = torch.autograd.grad(v.abs()[0].sum() + w[0] ** 2, H, create_graph=True); print(torch.autograd.grad(g.abs().sum(), H)[0].abs())",
    "twice": COMPLEX + "v = torch.linalg.eigh(H)[1].abs()[0].sum(); v.backward(); v.backward()",
}

SINGULAR = {
    name: f"a = torch.tensor({a}, dtype=torch.{dtype}, requires_grad=True); l = {loss}; print(l); print(torch.autograd.grad(l.real.sum(), a)[0].isfinite())"
    for name, (a, dtype, loss) in {
        "slogdet": ("[[1.0, 2.0], [2.0, 4.0]]", "float64", "torch.linalg.slogdet(a)[1]"),
        "logdet": ("[[1.0, 2.0], [2.0, 4.0]]", "float64", "torch.logdet(a)"),
        "of zeros": ("[[0.0, 0.0], [0.0, 0.0]]", "float32", "torch.logdet(a)"),
        "one of a stack": ("[[[2.0, 0.0], [0.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]]", "float64", "torch.linalg.slogdet(a)[1]"),
        "of complex numbers": ("[[1.0, 1.0], [1.0, 1.0]]", "complex128", "torch.linalg.slogdet(a)[1]"),
    }.items()
}

INTEGERS = {
    "shifts": "a = torch.tensor([1, 2]); print(a << 1, torch.tensor([4, 8]) >> a, 2 << a, 64 >> a); a <<= 2; print(a); a >>= a; print(a)",
    "shift of floats": "torch.ones(2) << 1",
    "shift of a bool": "torch.tensor([True]) << torch.tensor([1])",
    "negative powers": "print(torch.tensor([2, 1, -1, 0, -2, 3]) ** torch.tensor([-1, -1, -1, -1, -1, 0]), torch.tensor([-1, -1]) ** torch.tensor([-2, -3]))",
    "negative powers of numbers": "print(2 ** torch.tensor([-1, 1]), (-1) ** torch.tensor([-1, -2]), 300 ** torch.tensor([1], dtype=torch.int8), torch.tensor([2.0]) ** torch.tensor([-1]))",
    "a negative number as exponent": "torch.tensor([2]) ** -1",
    "types of Python as dtypes": "x = torch.ones(2); print([torch.ones(2, dtype=t).dtype for t in (float, int, bool, complex)], x.to(dtype=float).dtype, torch.tensor([1, 2], dtype=float), torch.arange(3, dtype=float), x.sum(dtype=float).dtype, torch.full((2,), 1, dtype=float).dtype, x.softmax(0, dtype=float).dtype, x.cumsum(0, dtype=int).dtype, x.new_zeros(2, dtype=float).dtype)",
    "torch.vmap": "print(torch.vmap(torch.dot)(torch.eye(2), torch.ones(2, 2)))",
    "signs of dtypes": "print([getattr(torch, d).is_signed for d in ('float32', 'int8', 'uint8', 'bool', 'complex64')])",
}

GROUPS: dict[str, dict[str, str]] = {
    "own entry": OWN_ENTRY,
    "indexing": INDEXING,
    "memory": MEMORY,
    "pass": PASS,
    "hooks": HOOKS,
    "function": FUNCTION,
    "modes": MODES,
    "writes": WRITES,
    "copies": COPIES,
    "functional": FUNCTIONAL,
    "checkpoint": CHECKPOINT,
    "written over": WRITTEN_OVER,
    "older": OLDER,
    "integers": INTEGERS,
    "phases": PHASES,
    "singular": SINGULAR,
    "saved": SAVED,
    "watched": WATCHED,
    "operands": OPERANDS,
    "graphs": GRAPHS,
    "between": BETWEEN,
    "lossy": LOSSY,
    "twice": TWICE,
    **autograd_programs.PROGRAMS,
    "subclasses": SUBCLASSES,
}

PROGRAMS = {f"{group}: {name}": source for group, sources in GROUPS.items() for name, source in sources.items()}
EXPECTED = Path(__file__).with_name("semantics_expected.json")
"""What PyTorch 2.13 printed, and the numbers it ended with, in full precision."""


def found(torch: Any, source: str) -> dict[str, Any]:
    """What a program prints, with its error and its warnings, and the numbers that it leaves."""
    try:
        told = outcome(torch, source)
    finally:
        torch.set_grad_enabled(True)
    return {**told, "numbers": numbers(torch, source, "float32")}


@lru_cache(maxsize=1)
def expected() -> dict[str, Any]:
    return json.loads(EXPECTED.read_text())


def main() -> None:
    import torch

    EXPECTED.write_text(json.dumps({name: found(torch, s) for name, s in PROGRAMS.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
