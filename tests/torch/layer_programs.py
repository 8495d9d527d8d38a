# ruff: noqa: E501
"""Programs about modules that print the same under PyTorch and under funcgrad.torch.

`python -m tests.torch.layer_programs` writes layer_programs.json, with PyTorch installed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from tests.torch.module_programs import (
    CALLED,
    COMPUTED,
    CONVERTED,
    COPIED,
    HELD,
    MEMBERS,
    MISUSED,
    OWN,
    RANDOM,
    STATES,
    TWO,
    tried,
)
from tests.torch.programs import Outcome, outcome

STORED = Path(__file__).with_name("layer_programs.json")
BEGIN = "nn, F = torch.nn, torch.nn.functional\n"
MODULES = {
    "members": OWN + """print([n for n, _ in m.named_parameters()], [n for n, _ in m.named_buffers()], [n for n, _ in m.named_modules()])
print([n for n, _ in m.named_children()], len(list(m.parameters())), len(list(m.modules())), list(m.state_dict()))
print([n for n, _ in m.named_parameters(prefix='net', recurse=False)], m.get_submodule('parts.1'), m.get_parameter('parts.1.weight').shape, m.get_buffer('mean'))""",
    "state": OWN + "s = m.state_dict(); print(type(s).__name__, s._metadata, s['scale'].requires_grad); s['scale'][0] = 7; print(m.scale, m.state_dict(prefix='a.', keep_vars=True)['a.scale'].requires_grad)",
    "loading": OWN + "s = {k: torch.full_like(v, 0.5) for k, v in m.state_dict().items()}\nprint(m.load_state_dict(s), m.scale, m.mean)",
    "missing and unexpected": OWN + tried("m.load_state_dict({'scale': torch.zeros(2), 'other': torch.ones(1), 'first.x': torch.ones(1), 'none.y': torch.ones(1)})"),
    "wrong sizes": OWN + tried("m.load_state_dict({**m.state_dict(), 'scale': torch.zeros(3), 'first.bias': torch.zeros(2, 2)})"),
    "not strict": OWN + "print(m.load_state_dict({'scale': torch.zeros(2), 'other': torch.ones(1)}, strict=False), m.scale)",
    "assigned state": "m = nn.Linear(2, 1); w = torch.ones(1, 2); print(m.load_state_dict({'weight': w, 'bias': torch.zeros(1)}, assign=True)); w[0, 0] = 5; print(m.weight, m.bias)",
    "no dict": "m = nn.Linear(2, 1)\n" + tried("m.load_state_dict([1])", "m.load_state_dict({'weight': 1, 'bias': torch.zeros(1)})"),
    "extra state": """class Extra(nn.Module):
  def get_extra_state(self): return {'n': 3}
  def set_extra_state(self, state): print('set', state)
m = nn.Sequential(Extra()); s = m.state_dict(); print(s); m.load_state_dict(s)
""" + tried("m.load_state_dict({})", "nn.Linear(1, 1).load_state_dict({'weight': torch.ones(1, 1), 'bias': torch.ones(1), '_extra_state': 1})"),
    "setting attributes": OWN + tried("m.scale = torch.ones(2)", "m.first = 3", "m.mean = 3", "m.first = None; print(m.first, list(m.state_dict()))",
        "m.scale = None; print(m.scale)", "m.new = nn.Parameter(torch.ones(1)); print('new' in m._parameters)", "m.mean = nn.Parameter(torch.zeros(2)); print(list(m._buffers), list(m._parameters))",
        "m.scale2", "m.plain = torch.ones(2); print('plain' in m._buffers)", "del m.mean; print(hasattr(m, 'mean'))", "del m.nothing"),
    "registering": OWN + tried("m.register_parameter('a.b', None)", "m.register_parameter('', None)", "m.register_parameter('mean', None)", "m.register_parameter('q', torch.ones(2))",
        "m.register_parameter('q', 3)", "m.register_parameter(3, None)", "m.register_buffer('scale', None)", "m.register_buffer('b.c', None)", "m.register_buffer('q', 3)", "m.register_buffer(3, None)",
        "m.add_module('scale', nn.ReLU())", "m.add_module('x.y', nn.ReLU())", "m.add_module('q', 3)", "m.add_module('', nn.ReLU())", "m.register_module('q', None); print(m.q)",
        "m.register_parameter('q2', nn.Parameter(torch.ones(2)) * 1)"),
    "before init": "class Early(nn.Module):\n  def __init__(self):\n    self.a = {}\n" + tried("exec('class E(nn.Module):\\n def __init__(self): self.a = nn.Parameter(torch.ones(1))', globals()); E()",
        "exec('class E(nn.Module):\\n def __init__(self): self.a = nn.ReLU()', globals()); E()", "exec('class E(nn.Module):\\n def __init__(self): self.register_buffer(\"b\", None)', globals()); E()"),
    "arguments": tried("nn.Module(1)", "nn.Module(a=1)", "nn.Module()(1)", "nn.Linear(2, 1).training_", "nn.Linear(2, 1).get_submodule('a')", "nn.Linear(2, 1).get_parameter('a')", "nn.Linear(2, 1).get_submodule('weight')"),
    "training": TWO + "print(m.training, m.eval() is m, [x.training for x in m.modules()], m.train()[0].training)\n" + tried("m.train(1)"),
    "freezing": TWO + "m.requires_grad_(False); print([p.requires_grad for p in m.parameters()]); print(m(torch.ones(1, 3)).requires_grad)",
    "zero_grad": TWO + "m(torch.ones(1, 3)).sum().backward(); m.zero_grad(set_to_none=False); print([p.grad for p in m.parameters()]); m.zero_grad(); print([p.grad for p in m.parameters()])",
    "apply": TWO + "print(m.apply(lambda x: print(type(x).__name__)) is m)",
    "dtypes": OWN + "w = m.scale; m(torch.ones(1, 2)).sum().backward(); m.double(); print(m.scale is w, w.dtype, w.grad.dtype, m.mean.dtype, m.first.weight.is_leaf); m.to(torch.float32); m.half(); print(m.scale.dtype, m.float().scale.dtype, m.to('cpu').scale.dtype)\n" + tried("m.to(torch.int64)"),
    "copies": "import copy, pickle\n" + OWN + "m(torch.ones(1, 2)).sum().backward(); c = copy.deepcopy(m); c.scale.data.fill_(9.0); print(m.scale, c.scale, c.scale.grad is not None, type(c.scale).__name__, list(c.state_dict()) == list(m.state_dict())); l = pickle.loads(pickle.dumps(m.first)); print(type(l.weight).__name__, (l.weight == m.first.weight).all())",
    "shared parameters": "a = nn.Linear(2, 2); b = nn.Linear(2, 2); b.weight = a.weight; m = nn.Sequential(a, b, a); print([n for n, _ in m.named_parameters()], [n for n, _ in m.named_parameters(remove_duplicate=False)], list(m.state_dict()), [n for n, _ in m.named_modules()], [n for n, _ in m.named_modules(remove_duplicate=False)], [n for n, _ in m.named_children()])",
    "dir": "m = nn.Linear(1, 1); print('weight' in dir(m), 'forward' in dir(m))",
}
PARAMETERS = {
    "parameter": "p = nn.Parameter(torch.ones(2)); print(p, repr(p), isinstance(p, torch.Tensor), p.requires_grad, p.is_leaf, type(p * 2).__name__, type(p.data).__name__)",
    "on the same memory": "t = torch.zeros(2); p = nn.Parameter(t); t[0] = 3; print(p, t.requires_grad); p.data[1] = 4; print(t)",
    "without gradient": "p = nn.Parameter(torch.arange(3), requires_grad=False); print(p)\n" + tried("nn.Parameter(torch.arange(3))", "nn.Parameter([1.0])"),
    "empty": "print(nn.Parameter().shape)",
    "of a computed tensor": "x = torch.ones(2, requires_grad=True); p = nn.Parameter(x * 2); print(p.is_leaf, p.grad_fn); (p * 3).sum().backward(); print(p.grad, x.grad)",
    "trained": "p = nn.Parameter(torch.ones(2)); (p * p).sum().backward()\nwith torch.no_grad(): p -= 0.1 * p.grad\nprint(p)\n" + tried("p -= 1"),
    "buffer": "b = nn.Buffer(torch.ones(2), persistent=False); print(b, isinstance(b, nn.Buffer), isinstance(torch.ones(2), nn.Buffer)); m = nn.Module(); m.b = b; print(list(m.state_dict()), [n for n, _ in m.named_buffers()])",
    "list": "l = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(1, 3)), 'text']); print(l, len(l), type(l[0]).__name__, l[-1], l[0:2], [n for n, _ in l.named_parameters()]); l.append(torch.ones(1)); l += [torch.ones(2)]; print(len(l))\n" + tried("l[9]", "l()", "l.extend(3)"),
    "dict": "d = nn.ParameterDict({'b': torch.ones(2), 'a': nn.Parameter(torch.zeros(1, 3))}); print(d, list(d.keys()), 'a' in d, len(d)); d['c'] = 3; print(d.pop('b').shape, list(d.items())[1], d.get('zz'), d.setdefault('c', 4), list(d.copy()))\n" + tried("d[3] = 1", "d['zz']", "d()", "d.update(3)", "d.update([(1, 2, 3)])"),
}
HOOKS = {
    "forward": "m = nn.Linear(2, 1)\nnn.init.ones_(m.weight); nn.init.zeros_(m.bias)\nh = m.register_forward_hook(lambda m, args, out: print('after', args, out)); p = m.register_forward_pre_hook(lambda m, args: (args[0] * 2,))\nprint(m(torch.ones(1, 2))); h.remove(); p.remove(); print(m(torch.ones(1, 2)))",
    "replaced": "m = nn.ReLU()\nm.register_forward_hook(lambda m, a, o: o + 1); m.register_forward_hook(lambda m, a, o: o * 2, prepend=True); m.register_forward_pre_hook(lambda m, a: a[0] + 1)\nprint(m(torch.tensor([1.0, -1.0])))",
    "keywords": "class K(nn.Module):\n  def forward(self, x, *, y=1): return x * y\nm = K()\nm.register_forward_pre_hook(lambda m, a, k: (a, {'y': k.get('y', 1) + 1}), with_kwargs=True); m.register_forward_hook(lambda m, a, k, o: print(a, k, o), with_kwargs=True)\nm(torch.ones(1), y=3)\nm.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)\n" + tried("m(torch.ones(1))"),
    "always": "class B(nn.Module):\n  def forward(self, x): raise ValueError('inside')\nm = B()\nm.register_forward_hook(lambda m, a, o: print('never')); m.register_forward_hook(lambda m, a, o: print('always', o), always_call=True)\n" + tried("m(1)"),
    "backward": "m = nn.Linear(2, 1)\nnn.init.ones_(m.weight)\nm.register_full_backward_hook(lambda m, gi, go: print('hook', gi, go)); m.register_full_backward_pre_hook(lambda m, go: print('before', go))\nx = torch.ones(1, 2, requires_grad=True); y = m(x); print(y.grad_fn.name()); (y * 3).sum().backward(); print(x.grad, m.weight.grad)",
    "backward replaced": "m = nn.Linear(2, 1)\nnn.init.ones_(m.weight)\nm.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,)); m.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))\nx = torch.ones(1, 2, requires_grad=True); m(x).sum().backward(); print(x.grad, m.weight.grad)",
    "backward without input": "m = nn.Linear(2, 1)\nm.register_full_backward_hook(lambda m, gi, go: print(gi, go)); m(torch.ones(1, 2)).sum().backward()",
    "backward wrong": "m = nn.Tanh()\nm.register_full_backward_hook(lambda m, gi, go: (1, 2)); x = torch.ones(2, requires_grad=True)\n" + tried("m(x).sum().backward()"),
    "handle": "m = nn.ReLU()\nwith m.register_forward_hook(lambda m, a, o: o + 5): print(m(torch.ones(1)))\nprint(m(torch.ones(1)))",
}
CONTAINERS = {
    "sequential": TWO + "print(m, len(m), m[1], m[-1], m[:2], [type(x).__name__ for x in m])\nm.append(nn.ReLU()); m.insert(1, nn.Dropout(0.3)); print(m); del m[0]; print(m); m[0] = nn.ELU(); print(m.pop(1), m); m.extend([nn.Tanh()]); print(m + nn.Sequential(nn.GELU()), nn.Sequential(nn.Tanh()) * 2)\n" + tried("m[9]", "m + 3", "m.insert(77, nn.ReLU())", "nn.Sequential(3)"),
    "named": "from collections import OrderedDict\nm = nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.ReLU())); print(m, m.a.in_features, list(m.state_dict()), m[:1])",
    "nested": "print(nn.Sequential(nn.Sequential(nn.Linear(1, 2), nn.Identity()), nn.ModuleDict({'x': nn.ReLU(True)}), nn.ModuleList([nn.Tanh()])))",
    "list": "l = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)] + [nn.ReLU()]); print(l, len(l), l[-1], l[1:]); l.insert(1, nn.Tanh()); l += [nn.GELU()]; print(l, [n for n, _ in l.named_parameters()]); del l[0]; del l[-2:]; print(l, l.pop(0), l + [nn.ELU()], nn.ModuleList())\n" + tried("l[9]", "l.extend(3)", "l(torch.ones(1))", "l.append(3)"),
    "dict": "d = nn.ModuleDict({'b': nn.Linear(2, 1), 'a': nn.ReLU()}); print(d, list(d), 'a' in d, len(d), list(d.keys()), [type(v).__name__ for v in d.values()]); d['c'] = nn.Tanh(); d.update([('e', nn.ELU())]); print(d.pop('b'), d); del d['a']; print(d); d.clear(); print(d)\n" + tried("d['zz']", "d['x.y'] = nn.ReLU()", "d.update(3)", "d.update([3])", "d.update([(1, 2, 3)])", "d['q'] = 3"),
}
TEXTS = (
    "nn.Linear(2, 3, bias=False)", "nn.Bilinear(1, 2, 3)", "nn.Conv1d(2, 4, 3, padding='same', dilation=2)", "nn.Conv2d(2, 4, (1, 3), 2, (0, 1), groups=2, bias=False, padding_mode='circular')",
    "nn.ConvTranspose2d(2, 4, 3, 2, 1, 1)", "nn.ConvTranspose1d(2, 4, 3, dilation=2)", "nn.MaxPool1d(2)", "nn.MaxPool2d((2, 3), 1, ceil_mode=True)", "nn.AvgPool1d(3, 2)", "nn.AvgPool2d(3, 2, 1)", "nn.AvgPool3d((1, 2, 3))", "nn.AdaptiveAvgPool2d((None, 3))",
    "nn.AdaptiveMaxPool1d(3)", "nn.BatchNorm1d(3)", "nn.BatchNorm2d(3, 0.1, None, affine=False, track_running_stats=False)", "nn.InstanceNorm1d(3)", "nn.LayerNorm(3)", "nn.LayerNorm((2, 3), elementwise_affine=False)", "nn.GroupNorm(1, 2)", "nn.RMSNorm(3)",
    "nn.Dropout(0.2)", "nn.Dropout2d(0.2, True)", "nn.AlphaDropout()", "nn.Embedding(5, 3)", "nn.Embedding(5, 3, padding_idx=-1, max_norm=2.0, norm_type=1.0)", "nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True, dropout=0.5)", "nn.GRU(3, 4, bias=False)", "nn.RNN(3, 4, nonlinearity='relu')", "nn.LSTM(4, 3, proj_size=2)",
    "nn.LSTMCell(3, 4)", "nn.RNNCell(3, 4, False, 'relu')", "nn.GRUCell(2, 1)", "nn.MultiheadAttention(4, 2)", "nn.TransformerEncoderLayer(4, 2, 8)", "nn.ReLU()", "nn.ReLU(inplace=True)", "nn.ReLU6(True)", "nn.LeakyReLU(0.2, True)", "nn.ELU(2.0)", "nn.CELU(inplace=True)", "nn.SELU(True)", "nn.GELU()", "nn.SiLU(True)", "nn.Mish()",
    "nn.Hardtanh(-2, 2, True)", "nn.Hardswish(True)", "nn.Hardsigmoid(True)", "nn.Threshold(1, 2, True)", "nn.Softplus(2)", "nn.Softshrink(0.1)", "nn.Hardshrink()", "nn.PReLU(3)", "nn.Softmax(1)", "nn.Softmax()", "nn.LogSoftmax(dim=-1)", "nn.GLU()", "nn.Tanh()", "nn.Flatten()", "nn.Unflatten(1, (2, 3))", "nn.Identity(3)",
    "nn.ReflectionPad1d(2)", "nn.ZeroPad2d((1, 2, 3, 4))", "nn.ConstantPad1d(2, 3.5)", "nn.CircularPad3d(1)", "nn.Upsample(scale_factor=2)", "nn.Upsample((2, 3), mode='bilinear')", "nn.UpsamplingNearest2d(4)", "nn.PixelShuffle(2)", "nn.Unfold(2)", "nn.Fold((3, 3), 2)", "nn.CrossEntropyLoss()", "nn.MSELoss()", "nn.BCEWithLogitsLoss()",
    "nn.EmbeddingBag(5, 3)", "nn.EmbeddingBag(5, 3, padding_idx=-1, max_norm=1.0, mode='sum', include_last_offset=True)", "nn.CTCLoss(1, 'sum', True)", "nn.MaxUnpool2d(2)", "nn.MaxUnpool1d(2, 1, 1)", "nn.LPPool2d(2, (1, 2))", "nn.LPPool1d(2.0, 3, 1, True)", "nn.LocalResponseNorm(2)", "nn.ChannelShuffle(2)", "nn.MultiLabelMarginLoss()", "nn.RReLU()", "nn.RReLU(0.1, 0.2, True)", "nn.FeatureAlphaDropout(0.2)", "nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3, 6], 2.0)", "nn.Transformer(4, 2, 1, 1, 3, batch_first=True)",
    "nn.CosineSimilarity()", "nn.PairwiseDistance()", "nn.TripletMarginLoss()",
)  # fmt: skip
REFUSED = {
    "linear": tried("nn.Linear(3, 2)(torch.ones(2, 4))", "nn.Linear(3, 2)(torch.ones(4))", "nn.Linear(3, 2)(torch.ones(2, 5, 4))", "nn.Linear(3, 2)(torch.ones(2, 3, dtype=torch.float64))", "F.linear([1.0], torch.ones(1, 1))", "nn.Linear(3, 2)(3)", "nn.Bilinear(0, 1, 1)", "nn.Bilinear(2, 3, 1)(torch.ones(1, 2), torch.ones(1, 4))"),
    "convolutions": tried("nn.Conv2d(3, 4, 3)(torch.ones(1, 2, 5, 5))", "nn.Conv2d(3, 4, 3)(torch.ones(5, 5))", "nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 2, 5))", "nn.Conv1d(3, 4, 3, groups=2)", "nn.Conv1d(4, 3, 3, groups=2)", "nn.Conv1d(4, 4, 3, groups=0)", "nn.Conv1d(1, 1, 3, padding='same', stride=2)",
        "nn.Conv1d(3, 4, 3)(torch.ones(1, 3, 5, dtype=torch.float64))", "F.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 3), padding='other')", "F.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 3), padding='same', stride=2)", "nn.ConvTranspose2d(3, 4, 3)(torch.ones(1, 2, 5, 5))", "nn.ConvTranspose1d(1, 1, 2, padding_mode='reflect')",
        "nn.ConvTranspose2d(1, 1, 2, stride=2)(torch.ones(1, 1, 2, 2), output_size=(9, 9))", "nn.ConvTranspose2d(1, 1, 2, stride=2)(torch.ones(1, 1, 2, 2), output_size=(9,))", "nn.ConvTranspose2d(1, 1, 2, output_padding=1)(torch.ones(1, 1, 2, 2))"),
    "pooling": tried("F.max_pool2d(torch.ones(2, 2), 2)", "F.max_pool2d(torch.ones(1, 1, 2, 2), 3)", "F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=2)", "F.avg_pool2d(torch.ones(1, 1, 4, 4), 2, divisor_override=0)"),
    "normalisation": tried("nn.BatchNorm1d(3)(torch.ones(1, 3))", "nn.BatchNorm1d(3)(torch.ones(2, 3, 1, 1))", "nn.BatchNorm2d(3)(torch.ones(2, 3))", "nn.BatchNorm1d(3)(torch.ones(2, 4))", "nn.LayerNorm(3)(torch.ones(2, 4))", "nn.GroupNorm(2, 3)", "nn.GroupNorm(2, 4)(torch.ones(2, 3, 2))", "F.layer_norm(torch.ones(2, 3), (3,), torch.ones(2))", "nn.InstanceNorm1d(2)(torch.ones(1, 2, 1))",
        "nn.InstanceNorm1d(2, affine=True)(torch.ones(1, 3, 4))", "nn.InstanceNorm2d(2)(torch.ones(2))"),
    "dropout": tried("nn.Dropout(1.5)", "F.dropout(torch.ones(2), -0.1)", "nn.Dropout1d()(torch.ones(2))"),
    "embedding": tried("nn.Embedding(3, 2)(torch.tensor([3]))", "nn.Embedding(3, 2)(torch.tensor([-1]))", "nn.Embedding(3, 2)(torch.tensor([0.5]))", "nn.Embedding(3, 2, padding_idx=3)", "F.one_hot(torch.tensor([3]), 3)", "F.one_hot(torch.tensor([-1]))", "F.one_hot(torch.tensor([0.5]))"),
    "recurrent": tried("nn.LSTM(3, 2)(torch.ones(4, 2, 5))", "nn.LSTM(3, 2)(torch.ones(4))", "nn.LSTM(3, 2)(torch.ones(4, 1, 3), (torch.ones(1, 2, 2), torch.ones(1, 2, 2)))", "nn.GRU(3, 2)(torch.ones(4, 1, 3), torch.ones(1, 2))", "nn.GRU(3, 2)(torch.ones(4, 1, 3), torch.ones(2, 1, 2))", "nn.LSTM(3, 0)", "nn.LSTM(3, 2, dropout=2)", "nn.GRU(3, 2, proj_size=1)", "nn.RNN(3, 2, nonlinearity='sin')", "nn.LSTM(3, 2, bias=1)",
        "nn.LSTMCell(3, 2)(torch.ones(2, 4))", "nn.GRUCell(3, 2)(torch.ones(2, 3), torch.ones(3, 2))", "nn.GRUCell(3, 2)(torch.ones(2, 3), torch.ones(2, 3))", "nn.RNNCell(3, 2)(torch.ones(2, 3, 1))", "nn.LSTM(3, 2)(torch.ones(4, 1, 3, dtype=torch.float64))"),
    "attention": tried("nn.MultiheadAttention(5, 2)", "nn.MultiheadAttention(0, 2)", "nn.MultiheadAttention(4, 2)(torch.ones(4), torch.ones(4), torch.ones(4))", "nn.MultiheadAttention(4, 2)(torch.ones(3, 2, 4), torch.ones(3, 4), torch.ones(3, 4))", "nn.MultiheadAttention(4, 2)(*[torch.ones(3, 2, 4)] * 3, attn_mask=torch.ones(2, 2))", "nn.MultiheadAttention(4, 2)(*[torch.ones(3, 2, 4)] * 3, is_causal=True)",
        "nn.TransformerEncoderLayer(4, 2, activation='sin')", "F.scaled_dot_product_attention(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 3, dtype=torch.float64))"),
    "activations": tried("nn.Hardtanh(1, -1)", "F.softshrink(torch.ones(2), -1)", "F.glu(torch.ones(3))", "F.glu(torch.tensor(1.0))", "F.prelu(torch.ones(2, 3), torch.ones(2))", "nn.Softmax2d()(torch.ones(2))", "F.gelu(torch.ones(2), approximate='x')", "F.softmax(torch.ones(2, 2), dim=5)", "print(F.softmax(torch.ones(2, 2)))"),
    "losses": tried("F.mse_loss(torch.ones(2), torch.ones(3))", "print(F.mse_loss(torch.ones(2, 1), torch.ones(2)))", "F.mse_loss(torch.ones(2), torch.ones(2), reduction='x')", "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 3]))", "F.cross_entropy(torch.ones(2, 3), torch.tensor([0]))", "F.cross_entropy(torch.ones(2, 3), torch.ones(2))", "F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), label_smoothing=2.0)",
        "F.nll_loss(torch.ones(2, 3), torch.tensor([0, 1]), weight=torch.ones(2))", "F.binary_cross_entropy(torch.ones(2), torch.ones(3))", "F.binary_cross_entropy(torch.ones(2) * 2, torch.ones(2))", "F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(3))", "F.triplet_margin_loss(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2), margin=-1.0)", "nn.TripletMarginLoss(0.0)",
        "nn.HuberLoss(delta='a')", "F.huber_loss(torch.ones(1), torch.ones(1), delta=-1.0)", "F.smooth_l1_loss(torch.ones(1), torch.ones(1), beta=-1.0)", "F.gaussian_nll_loss(torch.ones(2), torch.ones(2), -torch.ones(2))", "F.gaussian_nll_loss(torch.ones(2), torch.ones(2), torch.ones(3))", "F.cosine_embedding_loss(torch.ones(2, 2), torch.ones(2, 2), torch.ones(2, 2))",
        "F.multi_margin_loss(torch.ones(1, 2), torch.tensor([0]), p=3)", "print(F.kl_div(torch.zeros(2), torch.ones(2)))", "print(F.cross_entropy(torch.ones(2, 3), torch.tensor([-100, -100])))"),
    "integers": "x = torch.tensor([0, 1, 1, 0]); q = x.view(1, 2, 2)\n" + tried(*(f"F.{f}(x)" for f in ("leaky_relu", "hardshrink", "softshrink", "elu", "selu", "celu", "silu", "mish", "hardsigmoid", "hardswish", "gelu", "glu", "logsigmoid", "softplus", "dropout")),
        *(f"F.{f}(x, x)" for f in ("mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss", "kl_div")), "F.nll_loss(q[0], x[:2])", "F.multi_margin_loss(q[0], x[:2])", "F.layer_norm(x, (4,))", "F.rms_norm(x, (4,))", "F.group_norm(q, 2)", "F.batch_norm(q, None, None, training=True)", "F.instance_norm(q)",
        "F.max_pool1d(q, 2)", "F.adaptive_avg_pool1d(q, 2)", "F.adaptive_avg_pool2d(q, 1)", "F.adaptive_avg_pool2d(q, 2)", "F.adaptive_max_pool2d(q, 1)", "F.interpolate(q, 3)", "F.interpolate(q, 3, mode='linear')", "F.unfold(q, 1)", "F.fold(x.view(1, 1, 4), 2, 1)", "F.scaled_dot_product_attention(q, q, q)", "F.scaled_dot_product_attention(q[0], q[0], q[0])", "F.alpha_dropout(x, 0.5, True)", "F.conv1d(q.bool(), q.view(2, 2, 1).bool())", "F.hardtanh(x.bool())", "F.threshold(x.bool(), 1, 2)",
        "print(F.hardtanh(x * 3, -1, 2), F.relu6(x * 9), F.threshold(x, 0, 7), F.max_pool2d(q, 2), F.avg_pool2d(q * 3 - 4, 2), F.avg_pool1d(q, 2), F.dropout(x, 1.0))"),
    "windows": tried("F.unfold(torch.ones(1, 1, 2, 2), 3)", "F.max_pool2d(torch.ones(1, 1, 4, 4), 2, 0)", "F.avg_pool2d(torch.ones(1, 1, 4, 4), 2, 0)", "F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), torch.ones(2))", "F.conv_transpose2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), torch.ones(2))", "F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), stride=0)", "F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), padding=-1)", "F.batch_norm(torch.ones(3), None, None, training=True)", "nn.Unflatten(1, ())(torch.ones(2, 1))", "F.selu([1.0])", "F.softshrink([1.0])", "F.threshold([1.0], 1, 2)", "print(F.group_norm(torch.ones(0, 4), 2).shape)"),
    "padding": tried("F.pad(torch.ones(2), (1,))", "F.pad(torch.ones(2), (1, 1, 1, 1))", "F.pad(torch.ones(2), (-3, 0))", "F.pad(torch.ones(1, 2), (2, 0), mode='reflect')", "F.pad(torch.ones(1, 1, 2), (3, 0), mode='circular')", "F.pad(torch.ones(2), (1, 1), mode='other')", "nn.CircularPad1d(1)(torch.ones(2))"),
    "resizing": tried("F.interpolate(torch.ones(1, 1, 2))", "F.interpolate(torch.ones(1, 1, 2), 3, 2)", "F.interpolate(torch.ones(1, 1, 2), (3, 4))", "F.interpolate(torch.ones(1, 1, 2), 3, mode='bilinear')", "F.interpolate(torch.ones(1, 1, 2), 3, align_corners=True)", "F.interpolate(torch.ones(1, 2), 3)", "nn.PixelShuffle(2)(torch.ones(1, 3, 2, 2))", "nn.Unflatten(1, (2, 3))(torch.ones(2, 5))", "nn.Unflatten(1, 3)", "F.fold(torch.ones(1, 3, 4), (3, 3), 2)"),
}  # fmt: skip
IN_PLACE = {
    "activations": "x = torch.tensor([-1.0, 2.0], requires_grad=True); y = x * 1; z = nn.ReLU(inplace=True)(y); print(z is y, z, z.grad_fn.name()); z.sum().backward(); print(x.grad)\n" + tried("nn.ReLU(inplace=True)(x)"),
    "functions": "x = torch.tensor([-1.0, 2.0]); print(F.relu_(x), F.elu_(x), F.leaky_relu(x, 0.1, inplace=True), F.hardtanh_(x), x)",
    "saved": "x = torch.ones(2, 2, requires_grad=True); w = nn.Linear(2, 2)\ny = w(x).sum()\nwith torch.no_grad(): w.weight.mul_(2)\ntry: y.backward()\nexcept RuntimeError as e: print(str(e)[:120])",
    "twice": "x = torch.ones(2, 2, requires_grad=True); y = nn.Linear(2, 2)(x).sum(); y.backward()\n" + tried("y.backward()"),
    "running statistics": "m = nn.BatchNorm1d(2)\nm(torch.tensor([[1.0, 2.0], [3.0, 6.0]])); print(m.running_mean, m.running_var, m.num_batches_tracked); m.eval(); print(m(torch.ones(1, 2))); m.reset_running_stats(); print(m.running_var)",
}
UTILITIES = {
    "clip_grad_norm_": "p = nn.Parameter(torch.tensor([3.0, 4.0])); q = nn.Parameter(torch.ones(1)); (p * p).sum().backward(); print(nn.utils.clip_grad_norm_([p, q], 1.0), p.grad); print(nn.utils.clip_grad_norm_(p, 10.0), p.grad, nn.utils.clip_grad_norm_([q], 1.0)); print(nn.utils.clip_grad_norm_([p], 0.5, norm_type=float('inf')), p.grad)\np.grad[0] = float('nan')\n" + tried("nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)"),
    "clip_grad_value_": "p = nn.Parameter(torch.tensor([3.0, -4.0, 0.1])); (p * p).sum().backward(); print(nn.utils.clip_grad_value_([p], 1.5), p.grad)",
    "vectors": TWO + "v = nn.utils.parameters_to_vector(m.parameters()); print(v.shape, v.requires_grad); nn.utils.vector_to_parameters(torch.arange(11.0), m.parameters()); print(list(m.parameters()), m[0].weight.is_leaf)\n" + tried("nn.utils.vector_to_parameters([1.0], m.parameters())"),
    "gains": "print([nn.init.calculate_gain(n) for n in ('linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu')], nn.init.calculate_gain('leaky_relu', 0.2))\n" + tried("nn.init.calculate_gain('x')", "nn.init.calculate_gain('leaky_relu', 'x')", "nn.init.xavier_uniform_(torch.ones(2))", "nn.init.kaiming_normal_(torch.ones(2, 2), mode='x')", "nn.init.eye_(torch.ones(2))", "nn.init.dirac_(torch.ones(2))", "nn.init.orthogonal_(torch.ones(2))", "nn.init.sparse_(torch.ones(2), 0.1)"),
    "filled": "x = torch.empty(2, 3); print(nn.init.constant_(x, 2.5), nn.init.ones_(x), nn.init.zeros_(x), nn.init.eye_(x), nn.init.dirac_(torch.empty(4, 2, 3), groups=2), nn.init.eye_(x) is x)",
    "no norm": "torch.set_default_dtype(torch.float64); print(nn.utils.get_total_norm([]).dtype); torch.set_default_dtype(torch.float32)",
}
HALF = {
    "sums beyond its range": "x = torch.full((100000,), 2.0, dtype=torch.float16, requires_grad=True); y = torch.zeros(100000, dtype=torch.float16)\nprint(*[f(x, y) for f in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss)], F.huber_loss(x, y, delta=0.5), F.soft_margin_loss(x, y), F.binary_cross_entropy_with_logits(x, y))",
    "large elements": "x = torch.full((1, 1, 4, 4), 600.0, dtype=torch.float16); print(F.rms_norm(x, (4,)), F.layer_norm(x * torch.tensor([1.0, -1.0, 2.0, 0.5], dtype=torch.float16), (4,)), F.avg_pool2d(x * 100, 2), F.adaptive_avg_pool2d(x * 100, 1), F.adaptive_avg_pool2d(x * 100, 2), F.adaptive_avg_pool2d(x * 100, 3), F.normalize(x, dim=3))",
}
TRAINING = {
    "versions of running statistics": "b, i, x = nn.BatchNorm1d(3), nn.InstanceNorm1d(3, track_running_stats=True), torch.arange(12.0).reshape(2, 3, 2)\nfor m in (b, i):\n  for _ in range(2): m(x)\n  print([(n, t._version, t) for n, t in m.named_buffers()])",
    "with dropout": "torch.manual_seed(3); m = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3)); x, t = torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])\nfor i in range(20):\n  m.zero_grad(); loss = F.cross_entropy(m(x), t); loss.backward()\n  with torch.no_grad():\n    for p in m.parameters(): p -= 0.3 * p.grad\n  if i % 5 == 0: print(loss.item())\nm.eval(); print(m(x))",
    "other dropouts": "torch.manual_seed(3); x = torch.ones(2, 3, 2, 2); print(F.dropout2d(x, 0.5)[..., 0, 0], F.dropout1d(x[..., 0], 0.5)[..., 0], F.alpha_dropout(x[0, 0], 0.5, training=True), F.dropout(x[0], 1.0), F.dropout(x, 0.3, training=False) is x)",
    "a convolutional net": "torch.manual_seed(0); m = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 2)); x, t = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 1, 0])\nfor i in range(12):\n  m.zero_grad(); loss = F.cross_entropy(m(x), t); loss.backward()\n  with torch.no_grad():\n    for p in m.parameters(): p -= 0.1 * p.grad\n  if i % 4 == 0: print(loss.item())\nm.eval(); print(m(x), m[1].running_mean)",
    "a recurrent net": "torch.manual_seed(0); e, m, o = nn.Embedding(6, 4), nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 3); x = torch.tensor([[0, 1, 2, 3], [5, 4, 3, 1]]); t = torch.tensor([[0, 1, 2, 0], [2, 2, 1, 0]])\nps = [*e.parameters(), *m.parameters(), *o.parameters()]\nfor i in range(12):\n  for p in ps: p.grad = None\n  h, _ = m(e(x)); loss = F.cross_entropy(o(h).reshape(-1, 3), t.reshape(-1)); loss.backward()\n  with torch.no_grad():\n    for p in ps: p -= 0.5 * p.grad\n  if i % 4 == 0: print(loss.item())",
    "a transformer": "torch.manual_seed(0); m = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True); x = torch.randn(2, 3, 4)\nfor i in range(8):\n  m.zero_grad(); loss = (m(x) ** 2 * x).mean(); loss.backward()\n  with torch.no_grad():\n    for p in m.parameters(): p -= 0.2 * p.grad\n  print(loss.item())",
}


def programs() -> dict[str, str]:
    groups = {"module": MODULES, "parameter": PARAMETERS, "hook": HOOKS, "container": CONTAINERS, "refused": REFUSED,
              "in place": IN_PLACE, "utility": UTILITIES, "half": HALF, "training": TRAINING,
              "member": MEMBERS, "converted": CONVERTED, "copied": COPIED, "state": STATES, "called": CALLED, "held": HELD, "random": RANDOM, "misused": MISUSED, "computed": COMPUTED}  # fmt: skip
    found = {f"{group}: {name}": BEGIN + text for group, texts in groups.items() for name, text in texts.items()}
    return found | {f"text: {text}": BEGIN + f"m = {text}; print(m); print({{n: tuple(t.shape) for n, t in m.state_dict().items()}})" for text in TEXTS}


ALL = programs()


@lru_cache(maxsize=1)
def expected() -> dict[str, Outcome]:
    return json.loads(STORED.read_text())


def main() -> None:
    import torch

    STORED.write_text(json.dumps({name: outcome(torch, source) for name, source in ALL.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
