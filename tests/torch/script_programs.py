# ruff: noqa: E501
"""Programs with what scripts from the web do: old ways of calling, names from inside, checkpoints, hooks taken away. They
print the same under PyTorch and under funcgrad.torch.

`python -m tests.torch.script_programs` writes script_expected.json, with PyTorch installed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch.programs import Outcome, outcome
from tests.torch.tool_programs import BEGIN, each

STORED = Path(__file__).with_name("script_expected.json")


def each_warns(*statements: str) -> str:
    """Each statement, with the warnings that PyTorch gives once in a process given always."""
    return f"torch.set_warn_always(True)\n{each(*statements)}torch.set_warn_always(False)\n"


NUMBERS = "o, M, B = torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.arange(8.0).view(2, 2, 2)\n"
OVERLOADS = {
    "sums": NUMBERS + each_warns("print(torch.add(o, 0.1, o))", "print(o.add(2, o), o.add(2, other=o), o.clone().add_(0.1, o))", "print(torch.sub(o, 2, o), o.sub(3, o), o.clone().sub_(2, o))", "print(torch.add(o, torch.tensor(2.0), o), torch.add(1, 2, o), torch.add(o, 1, 2))",
        "out = torch.zeros(2); print(torch.add(o, 2, o, out=out) is out, out)", "torch.add(o, 1j, o)", "torch.add(o.int(), 1.5, o.int())", "torch.add(o, 2, torch.ones(3))", "torch.rsub(o, 2, o)", "torch.add(o, 2, 'a')", "torch.mul(o, 2, o)"),
    "products and quotients": NUMBERS + each_warns("print(torch.addcmul(o, 2, o, o), o.addcmul(0.5, o, o + 1), o.clone().addcmul_(0.5, o, o))", "print(torch.addcdiv(o, 2, o, o + 1), o.addcdiv(-0.5, o, o), o.clone().addcdiv_(-0.5, o, o + 1))", "torch.addcmul(o, o, o, 2)"),
    "matrices": NUMBERS + each_warns("print(torch.addmm(2, M, M, M), torch.addmm(2, M, 3, M, M))", "print(M.addmm(2, M, M), M.addmm(2, 3, M, M), M.clone().addmm_(2, 3, M, M))", "print(torch.addmv(2, o, M, o), torch.addmv(2, o, 3, M, o), o.addmv(2, 3, M, o), torch.addmv_(2, o.clone(), M, o))",
        "print(torch.addr(2, M, 3, o, o), M.addr(2, o, o), M.clone().addr_(2, o, o))", "print(torch.baddbmm(2, B, 3, B, B), B.baddbmm(2, B, B))", "print(torch.addbmm(2, M, 3, B, B), M.addbmm(2, B, B), M.clone().addbmm_(2, B, B))", "torch.addmm(M, M, M, 3)"),
    "recorded": NUMBERS + "o.requires_grad_()\n" + each_warns("print(torch.add(o, 3, o).grad_fn.name(), torch.autograd.grad(torch.addcmul(o, 3, o, o).sum(), o))"),
}
OPTIMIZER = """class Momentum(torch.optim.Optimizer):
  def __init__(self, params, lr=0.1): super().__init__(params, dict(lr=lr))
  def step(self):
    for group in self.param_groups:
      for p in group['params']:
        state = self.state[p]
        if not state: state['mean'], state['square'] = torch.zeros_like(p.data), torch.zeros_like(p.data)
        state['mean'].mul_(0.9).add_(0.1, p.grad.data)
        state['square'].mul_(0.99).addcmul_(0.01, p.grad.data, p.grad.data)
        p.data.addcdiv_(-group['lr'], state['mean'], state['square'].sqrt().add_(1e-8))
p = nn.Parameter(torch.tensor([1.0, -2.0]))
for _ in range(3):
  opt = Momentum([p]); (p ** 2).sum().backward(); opt.step(); p.grad.zero_()
print(p)
"""
OVERLOADS["an optimizer of one's own"] = "torch.set_warn_always(True)\n" + OPTIMIZER + "torch.set_warn_always(False)\n"

NET = "torch.manual_seed(0); m = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)); l, x = m[0], torch.tensor([[1.0, -2.0]], requires_grad=True)\ndef say(text): return lambda *a: print(text, len(a))\n"
NAMES = "_forward_hooks _forward_pre_hooks _forward_hooks_with_kwargs _forward_hooks_always_called _forward_pre_hooks_with_kwargs _backward_hooks _backward_pre_hooks _state_dict_hooks _state_dict_pre_hooks _load_state_dict_pre_hooks _load_state_dict_post_hooks _is_full_backward_hook"
HOOKS = {
    "none": NET + f"for n in {NAMES!r}.split(): print(n, getattr(l, n))",
    "taken away": NET + "for _ in range(2): l.register_forward_hook(say('after')); l.register_forward_pre_hook(say('before')); l.register_full_backward_hook(say('back')); l.register_full_backward_pre_hook(say('to'))\n"
    "print(*(len(d) for d in (l._forward_hooks, l._forward_pre_hooks, l._backward_hooks, l._backward_pre_hooks)), l._is_full_backward_hook); m(x).sum().backward()\n"
    "l._forward_hooks.clear(); l._backward_hooks.clear(); m(x).sum().backward(); l._forward_pre_hooks.popitem(); l._backward_pre_hooks.popitem(last=False); m(x).sum().backward(); print('--'); l._forward_pre_hooks = {}; l._backward_pre_hooks = {}; m(x).sum().backward()",
    "marks": NET + "h = l.register_forward_hook(say('a'), with_kwargs=True, always_call=True); g = l.register_forward_pre_hook(say('b'), with_kwargs=True); k = l.register_forward_hook(say('first'), prepend=True)\n"
    "print(len(l._forward_hooks_with_kwargs), len(l._forward_hooks_always_called), len(l._forward_pre_hooks_with_kwargs), list(l._forward_hooks) == [k.id, h.id], list(l._forward_hooks_with_kwargs.items()) == [(h.id, True)]); m(x); h.remove(); g.remove(); print(l._forward_hooks_with_kwargs, l._forward_hooks_always_called, l._forward_pre_hooks_with_kwargs); m(x)",
    "called inside": NET + "l.register_forward_hook(say('after')); print(l._call_impl(x)); print(l._wrapped_call_impl(x).shape)",
    "members": NET + "print([n for n, _ in m._named_members(lambda k: k._parameters.items())], [n for n, _ in m._named_members(lambda k: k._parameters.items(), prefix='p', recurse=False)], [n for n, _ in l._named_members(lambda k: vars(k).items() if False else k._parameters.items(), 'q')])",
    "of a state": NET + "def shorter(module, state, prefix, meta): return {k: v for k, v in state.items() if 'bias' not in k}\nh = m._register_state_dict_hook(shorter); print(list(m.state_dict()), len(m._state_dict_hooks)); h.remove(); print(list(m.state_dict()))\nl._register_state_dict_hook(shorter); print(list(m.state_dict())); l._state_dict_hooks.clear()\n"
    "def rename(state, prefix, meta, strict, missing, unexpected, errors): state[prefix + 'weight'] = state.pop(prefix + 'old')\nl._register_load_state_dict_pre_hook(rename); s = m.state_dict(); s['0.old'] = s.pop('0.weight') + 1; print(m.load_state_dict(s), l.weight)\n"
    "l._register_load_state_dict_pre_hook(lambda *a: print(len(a), a[0]), with_module=True); l.register_load_state_dict_pre_hook(lambda *a: print(len(a), a[0])); print(len(l._load_state_dict_pre_hooks)); s = m.state_dict(); s['0.old'] = s.pop('0.weight'); m.load_state_dict(s)\nl._load_state_dict_pre_hooks.clear(); m.load_state_dict(m.state_dict()); m.register_state_dict_post_hook(lambda *a: 3)\nm.state_dict()",
    "gradients that do not fit": "".join(
        f"def at{i}(m, *grads): return {given}\nm = nn.Linear(2, 2); m.{how}(at{i}); x = torch.ones(1, 2, requires_grad=True)\n" + each("m(x).sum().backward(); print(x.grad is None or x.grad.shape)")
        for i, (how, given) in enumerate((how, given) for how in ("register_full_backward_hook", "register_full_backward_pre_hook")
        for given in ("(torch.ones(1),)", "(None,)", "(3,)", "(torch.ones(1, 2).double(),)", "torch.ones(1, 2)", "[torch.ones(1, 2)]", "(torch.ones(2, 2),)", "()", "3", "(torch.ones(1, 2), None)"))
    ),
    "gradients of two": "".join(
        f"m = nn.Bilinear(2, 2, 2); m.register_full_backward_hook(lambda m, *grads: {given}); x, y = torch.ones(1, 2, requires_grad=True), torch.ones(1, 2)\n" + each("m(x, y).sum().backward(); print(x.grad)")
        for given in ("(torch.ones(1, 2), torch.ones(1, 2))", "(torch.ones(1, 2), None)", "(None, None)", "(None, torch.ones(3))")
    ),
}
ATTENTION = """torch.manual_seed(0)
def patched(m, maps):
  f = m.forward
  def wrap(*a, **kw):
    print(len(a), sorted(kw)); kw['need_weights'], kw['average_attn_weights'] = True, False
    out = f(*a, **kw); maps.append(out[1].shape); return out
  m.forward = wrap
maps, x = [], torch.linspace(-1, 1, 24).view(1, 3, 8)
"""
ATTENTIONS = {
    "encoder": ATTENTION + "e = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), 2)\nfor l in e.layers: patched(l.self_attn, maps)\nprint(e(x, mask=torch.zeros(3, 3)).shape, maps)",
    "decoder": ATTENTION + "d = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, dropout=0.0), 1)\nfor l in d.layers: patched(l.self_attn, maps); patched(l.multihead_attn, maps)\nprint(d(x, x[:, :2]).shape, maps)",
    "hooks with kwargs": ATTENTION + "t = nn.Transformer(8, 2, 1, 1, 16, batch_first=True, dropout=0.0)\nfor n, l in t.named_modules(): l.register_forward_pre_hook(lambda m, a, k, n=n: print(n, len(a), sorted(k)), with_kwargs=True)\nt(x, x)",
    "blocks": ATTENTION + "l = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0); print(l._sa_block(x, None, None), l._ff_block(x)); d = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True, dropout=0.0); print(d._mha_block(x, x[:, :2], None, None), d._sa_block(x, None, None), d._ff_block(x))\n"
    "class Own(nn.TransformerEncoderLayer):\n  def _ff_block(self, x): print('own'); return super()._ff_block(x)\nprint(Own(8, 2, 16, batch_first=True)(x).shape)",
}

SAVED = """import io, collections
def again(x, **options):
  f = io.BytesIO(); torch.save(x, f); f.seek(0)
  return torch.load(f, **options)
"""
FILES = {
    "what is loaded with weights": SAVED + "w = nn.Parameter(torch.ones(2)); frozen = nn.Parameter(torch.arange(3), requires_grad=False)\n" + each("print(again([b'a\\0b', bytearray(b'c'), b'', torch.device('cpu'), torch.device('cuda:1'), collections.Counter([2, 4, 2])]))", "print(again({'w': w, 'b': [frozen]}))", "a, b, c = again([w, w, w.data]); print(a is b, isinstance(a, nn.Parameter), isinstance(c, nn.Parameter), a.requires_grad, a.grad)\nwith torch.no_grad(): a[0] = 5\nprint(c)"),
    "what is loaded besides": SAVED + each(*(f"x = again({x}, weights_only=False); print(repr(x), type(x).__name__)" for x in ("np.arange(3.0)", "np.arange(6, dtype=np.int16).reshape(2, 3).T", "np.array(3.5)", "np.float32(1.5)", "np.int64(3)", "np.bool_(True)", "np.complex64(1j)", "np.array(['ab', 'c'])", "np.zeros((0, 2))", "np.str_('a')", "collections.deque([1, (2, 'a')], 3)", "collections.deque()", "collections.defaultdict(list, {1: [2]})", "collections.defaultdict(None, {1: 2})", "range(3, 9, 2)", "slice(None, 3)", "frozenset([1])", "[collections.defaultdict(int, a=1)['b'], {('a', 1): np.float64(2.0)}]")),
        "n = np.zeros(2); a, b = again([n, n], weights_only=False); print(a is b, a.flags.writeable)", "s = again(np.random.RandomState(3).get_state(), weights_only=False); r = np.random.RandomState(); r.set_state(s); print(r.rand(), np.random.RandomState(3).rand())"),
    "a run that goes on": SAVED + "torch.manual_seed(0); m = nn.Linear(2, 1); opt = torch.optim.Adam(m.parameters(), lr=0.1); plan = torch.optim.lr_scheduler.MultiStepLR(opt, [1, 3])\ndef go():\n  opt.zero_grad(); m(torch.ones(1, 2)).pow(2).sum().backward(); opt.step(); plan.step()\n"
    "go(); kept = again({'m': m.state_dict(), 'opt': opt.state_dict(), 'plan': plan.state_dict(), 'losses': [1.5], 'rng': torch.get_rng_state()}); go(); go(); end = m.weight.clone(); print(kept['plan']['milestones'])\nm.load_state_dict(kept['m']); opt.load_state_dict(kept['opt']); plan.load_state_dict(kept['plan']); go(); go(); print(torch.equal(m.weight, end), plan.get_last_lr())",
}

M = "m = import_module(torch.__name__ + '.nn.modules')\n"
INSIDE = {
    "names": M + "".join(f"print('{n}', [c.__name__ for c in vars(nn)['{n}'].__mro__ if c.__name__ == '{base}'], issubclass(nn.{n}, import_module(m.__name__ + '.{where}').{base}))\n" for n, where, base in (("BatchNorm1d", "batchnorm", "_BatchNorm"), ("BatchNorm3d", "batchnorm", "_NormBase"), ("InstanceNorm2d", "instancenorm", "_InstanceNorm"), ("InstanceNorm2d", "batchnorm", "_BatchNorm"), ("LayerNorm", "normalization", "LayerNorm"), ("Conv2d", "conv", "_ConvNd"), ("ConvTranspose1d", "conv", "_ConvTransposeNd"), ("LazyConv1d", "conv", "_ConvNd"), ("Conv2d", "conv", "_ConvTransposeNd"), ("NLLLoss", "loss", "_WeightedLoss"), ("CrossEntropyLoss", "loss", "_WeightedLoss"), ("CrossEntropyLoss", "loss", "NLLLoss"), ("MSELoss", "loss", "_Loss"), ("MaxPool1d", "pooling", "_MaxPoolNd"), ("AvgPool2d", "pooling", "_AvgPoolNd"), ("AdaptiveAvgPool2d", "pooling", "_AdaptiveAvgPoolNd"), ("AdaptiveMaxPool1d", "pooling", "_AdaptiveMaxPoolNd"), ("LPPool2d", "pooling", "_LPPoolNd"), ("Dropout", "dropout", "_DropoutNd"), ("Dropout2d", "dropout", "_DropoutNd"), ("Dropout2d", "dropout", "Dropout"), ("ZeroPad2d", "padding", "ConstantPad2d"))),
    "tuples": M + "u = import_module(m.__name__ + '.utils')\n" + each("print(u._single(2), u._pair(3), u._triple([1, 2]), u._quadruple('ab'), u._ntuple(5)(None), u._pair.__name__)", "print(u._reverse_repeat_tuple((1, 2, 3), 2))"),
    "data parallel": "m = nn.DataParallel(nn.Linear(2, 1), device_ids=None); print(m, list(m.state_dict()), m.device_ids, m.module.in_features); m(torch.ones(3, 2)).sum().backward(); print(m.module.weight.grad, isinstance(m, nn.parallel.DataParallel))\n" + each("m(torch.ones(1, 2), 3)", "m.in_features"),
}

NOTHING = {
    "normalised": each(*(f"m = nn.{m}; y = m(torch.zeros({shape}, requires_grad=True)); y.sum().backward(); print(y.shape, m.running_mean, m.running_var, m.num_batches_tracked)" for m, shape in (("BatchNorm1d(3)", "0, 3"), ("BatchNorm1d(3)", "2, 3, 0"), ("BatchNorm2d(3)", "0, 3, 2, 2"), ("BatchNorm1d(3).eval()", "0, 3"), ("InstanceNorm1d(3, track_running_stats=True)", "2, 3, 0"), ("InstanceNorm1d(3, track_running_stats=True)", "0, 3, 4"), ("InstanceNorm1d(3)", "0, 3, 4")))),
    "sequences": each(*(f"print(nn.{m}(2, 3)(torch.zeros({shape}))[0].shape)" for m in ("RNN", "GRU", "LSTM") for shape in ("0, 1, 2", "0, 2")), "x = torch.zeros(0, 1, 4); print([t.shape for t in nn.MultiheadAttention(4, 2)(x, x, x)])", "print(nn.TransformerEncoderLayer(4, 2, 4)(torch.zeros(0, 1, 4)).shape)", "x = torch.zeros(2, 0, 4); print([t.shape for t in nn.MultiheadAttention(4, 2)(x, x, x)])"),
    "medians": each("torch.zeros(0, 3).nanmedian(0)", "torch.zeros(0, 3).median(0)"),
}

TYPES = "F, f, d = nn.functional, torch.ones, lambda *sizes: torch.ones(*sizes, dtype=torch.float64)\n"
CHECKED = {
    "dtypes of convolutions": TYPES + each(*(f"F.conv2d({x}({size}), {w}({kernel}){more})" for size, kernel in (("1, 1, 4, 4", "1, 1, 3, 3"), ("1, 4, 4", "1, 1, 3, 3"), ("8, 4, 8, 8", "4, 4, 3, 3"), ("1, 2, 4, 4", "2, 1, 3, 3")) for x, w in ("df", "fd", "ff", "dd") for more in (", groups=2",) if (size == "1, 2, 4, 4") == bool(more) and x != w),
        *(f"F.conv2d({x}({size}), {w}({kernel}))" for size, kernel in (("1, 1, 4, 4", "1, 1, 3, 3"), ("1, 4, 4", "1, 1, 3, 3"), ("8, 4, 8, 8", "4, 4, 3, 3")) for x, w in ("df", "fd")), "F.conv2d(f(1, 1, 4, 4), f(1, 1, 3, 3), d(1))", "F.conv_transpose2d(d(1, 1, 4, 4), f(1, 1, 3, 3))", "print(F.conv_transpose2d(f(1, 1, 2, 2), f(1, 1, 2, 2), d(1)))", "b = f(1).requires_grad_(); y = F.conv_transpose1d(d(1, 1, 2), d(1, 1, 2), b); y.sum().backward(); print(y, b.grad)", "F.conv_transpose2d(f(2, 1, 2, 2), f(1, 1, 2, 2), d(1))", "F.conv1d(d(1, 1, 4), f(1, 1, 3))", "F.conv1d(f(1, 1, 4).long(), f(1, 1, 3))", "F.conv3d(f(1, 1, 4, 4, 4), d(1, 1, 3, 3, 3))", "F.conv2d(f(1, 1, 4, 4), f(1, 1, 3, 3).half())", "nn.Conv2d(1, 1, 3)(torch.from_numpy(np.ones((1, 1, 4, 4))))"),
    "places out of bounds": each(*(f"torch.ones({shape}).index_select({dim}, torch.tensor({places}))" for shape in ("2, 3, 4", "5, 3", "4", "2, 3, 4, 5") for dim in range(shape.count(",") + 1) for places in ([70], [0, -1]))),
    "what is not writable": "x = torch.ones(2)\n" + each(*(f"x.{name} = 1" for name in ["shape", "grad_fn", "is_leaf", "dtype", "device", "ndim", "T", "mT", "H", "_version", "output_nr", "layout", "itemsize", "nbytes", "retains_grad", "_base"])),
    "a window that is not given": "torch.set_warn_always(True); torch.stft(torch.ones(64), 16, return_complex=True); torch.stft(torch.ones(64), 16, window=torch.ones(16), return_complex=True); torch.set_warn_always(False)",
    "an instance of a Function": "import warnings\nclass Own(torch.autograd.Function): pass\nwith warnings.catch_warnings(record=True) as w:\n  warnings.simplefilter('always'); o = Own()\nprint([(a.category.__name__, str(a.message).partition('.')[2]) for a in w])\n" + each("o(torch.ones(1))"),
}

BATCHES = {
    "values that differ": "v, x = torch.func.vmap, torch.tensor([1.0, 2.0])\n" + each("v(lambda a: a.item())(x)", "v(lambda a: a * float(a))(x)", "v(lambda a: a if a > 0 else -a)(x)", "v(lambda a: a if bool(a) else -a)(x)", "v(lambda a: a.nonzero())(x[None])", "v(lambda a: torch.nonzero(a))(x[None])", "v(v(lambda a: a.item()))(x[None])", "y = torch.tensor(3.0); print(v(lambda a: a * y.item() if y > 0 else a)(x))"),
}

GROUPS = {"batches": BATCHES, "checked": CHECKED, "nothing": NOTHING, "inside": INSIDE, "files": FILES, "overloads": OVERLOADS, "hooks": HOOKS, "attention": ATTENTIONS}
ALL = {f"{group}: {name}": BEGIN + text for group, texts in GROUPS.items() for name, text in texts.items()}


def found_by(torch: Any, source: str) -> Outcome:
    found = outcome(torch, source)
    return {**found, "printed": found["printed"].replace("funcgrad.torch", "torch")}


@lru_cache(maxsize=1)
def expected() -> dict[str, Outcome]:
    return json.loads(STORED.read_text())


def main() -> None:
    import torch

    STORED.write_text(json.dumps({name: found_by(torch, source) for name, source in ALL.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
