# ruff: noqa: E501
"""Programs of what stands at the top of PyTorch: making tensors of anything, printing, settings, devices, sizes, layers.

What PyTorch prints is stored in top_expected.json, by `python -m tests.torch.top_programs`, with PyTorch installed. Each
program is Python that runs first, and expressions, each of which is printed, or its error.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.torch.programs import outcome

EXPECTED = Path(__file__).with_name("top_expected.json")
PRINT_ALL = """
for text in {!r}:
    try:
        print(text, eval(text))
    except Exception as error:
        print(text, type(error).__name__, error)
    torch.set_printoptions(profile="default")
"""


def each(setup: str, expressions: str) -> str:
    """A program that prints the expressions, which are lines."""
    return setup + PRINT_ALL.format([line.strip() for line in expressions.strip().splitlines()])


NUMBERS = """
import itertools
rng = np.random.default_rng(0)
def made(shape, scale, kind):
    with np.errstate(all="ignore"):
        return np.asarray(rng.normal(size=shape) * scale).astype(kind)
"""
PRINTED = {
    "scales": NUMBERS + "for shape, scale, kind in itertools.product([(), (1,), (7,), (12,), (3, 12), (2, 2, 3), (0,), (0, 3)], "
    "[1.0, 1e-3, 1e-5, 1e3, 1e5, 1e9], ['float32', 'float64', 'float16']):\n    print(torch.tensor(made(shape, scale, kind)))",
    "mixed": NUMBERS + "for shape in [(5,), (2, 4), (2, 13)] * 5:\n"
    "    a = made(shape, 1.0, 'float64') * 10.0 ** rng.integers(-4, 5, size=shape)\n"
    "    print(torch.tensor(a), torch.tensor(a, dtype=torch.float32), torch.tensor(np.rint(a)))",
    "limits": "nan, inf = float('nan'), float('inf')\n"
    "for v in [[nan, 1.0], [inf, -inf], [nan], [inf, 1e10], [0.0, 1e-10], [0.0, 0.0], [-0.0], [nan, 1.5, 1e6], [1e-45], [inf, 1.5], "
    "[1e8], [1e8 + 1e4], [99999999.0], [0.1], [1000.5, 1.0], [1001.5, 1.0], [1e5, 1.0], [1e-4], [9.9999e-5], [0.99999], [-1.5, 22.25], "
    "[3e38], [5e-324]]:\n    print(torch.tensor(v), torch.tensor(v, dtype=torch.float64))",
    "integers": "for kind in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool, torch.uint16):\n"
    "    for shape in [(), (4,), (2, 3), (0,), (0, 2), (2, 20), (1001,)]:\n"
    "        print(torch.tensor((np.arange(int(np.prod(shape))) * 37 % 101).reshape(shape)).to(kind))\n"
    "print(torch.tensor([-1, 10, 1000]), torch.tensor([2**62, -1]))",
    "complex": NUMBERS + "for shape, scale in itertools.product([(), (3,), (2, 2), (0,), (9,)], [1.0, 1e-5, 1e5, 1e9]):\n"
    "    a = torch.tensor(made(shape, scale, 'complex128') + 1j * made(shape, scale, 'complex128'))\n"
    "    print(a, a.to(torch.complex64))\n"
    "print(torch.tensor([1.5 + 2j, 3 - 4j]), torch.tensor([1 - 0j]), torch.tensor(complex(1, float('-inf'))), torch.tensor([1e5 + 1j]))",
    "summaries": "print(torch.arange(1001.0), torch.zeros(2, 600), torch.arange(10000).reshape(100, 100), torch.ones(6, 6, 40))\n"
    "print(torch.arange(10000.0).reshape(100, 10, 10) / 3, torch.ones(20, 20, 20) * 1j, torch.arange(2000) > 5)\n"
    "print(torch.linspace(0, 1, 1001, requires_grad=True), torch.zeros(1200, 1), torch.zeros(300, 5) * 1.5)",
    "suffixes": "x = torch.tensor([1.0, 2.0], requires_grad=True)\n"
    "print(x, x * 2, (x * 2).sum(), x.double(), x[0], x.exp(), x.detach(), x.view(2, 1), torch.zeros(0, 3, requires_grad=True) * 2)\n"
    "print(torch.zeros(0, dtype=torch.int64), torch.tensor([], dtype=torch.float64), torch.zeros(11, requires_grad=True) + 0.12345)\n"
    "print(torch.zeros(10, dtype=torch.float64, requires_grad=True) + 0.12345, [x], {'x': x}, f'{torch.tensor(1.5):.3f}')\n"
    "p = torch.nn.Parameter(torch.zeros(3, 12)); print(p, [p], torch.nn.Parameter(torch.ones(2), requires_grad=False))",
    "options": each("def shown(*tensors, **options):\n    torch.set_printoptions(**options)\n    return tensors\n", """
        shown(torch.tensor([1.23456, 2.0]), torch.tensor([1e-5, 1.0]), precision=2)
        shown(torch.tensor([1.23456, 2.0]), torch.tensor([1.0, 2.0]), torch.tensor([1 + 2j]), torch.tensor(3.0), sci_mode=True)
        shown(torch.tensor([float('nan'), 1.0]), torch.tensor([float('inf')]), torch.tensor([0.0]), torch.tensor([1, 2]), sci_mode=True)
        shown(torch.tensor([1e-6, 1e6]), torch.tensor([1e10, 1.0]), torch.tensor([1e12, 1.5]), torch.tensor([1e-9j]), sci_mode=False)
        shown(torch.arange(10), torch.arange(20.0).reshape(4, 5), torch.ones(3, 3, 3), threshold=5, edgeitems=1)
        shown(torch.arange(2000.0) / 3, torch.ones(3) * 1.23456, profile='short')
        shown(torch.arange(3.0) / 3, profile='short', precision=7)
        shown(torch.arange(1010), profile='full')
        shown(torch.arange(20.0), torch.arange(20.0, requires_grad=True) * 2, linewidth=40)
        shown(torch.arange(40.0), linewidth=200)
        shown(torch.tensor([0.1, 1 / 3]), torch.tensor([1 / 3], dtype=torch.float64), torch.tensor([1j / 3]), precision=10)
        shown(torch.tensor([0.1, 1.6]), torch.tensor(2.0), precision=0)
        shown(torch.zeros(6, 6, 6), torch.zeros(0, 9), edgeitems=2, threshold=3, precision=3)
        shown(torch.tensor(1.5), profile='bogus')
        shown(torch.tensor(1.5), bogus=1)
    """),
}
"""Compared letter by letter."""

DATA = {
    "dtypes of data": each("", """
        torch.tensor([True, 2.0]), torch.tensor([True, 2]), torch.tensor([1, 2.5]), torch.tensor([1, 1j]), torch.tensor([[True], [2.5]])
        torch.tensor([2**40]), torch.tensor([1.5, 1j, True]), torch.tensor([]), torch.tensor([[]]), torch.tensor([[], []]), torch.tensor((1, 2))
        torch.tensor([np.float32(1), 2.0]), torch.tensor([np.int8(1)]), torch.tensor([np.float64(1.0), 2]), torch.tensor(np.float32(1))
        torch.tensor(np.int8(2)), torch.tensor(np.bool_(True)), torch.tensor(range(3)), torch.tensor(np.array(2.5)), torch.tensor([np.arange(3)])
        torch.tensor([np.arange(3.0), [1, 2, 3]]), torch.tensor([torch.tensor(1), torch.tensor(2.0)]), torch.tensor([torch.tensor(1.0), 2])
        torch.tensor([torch.tensor([1.0, 2.0])[0], 3.0]), torch.tensor([np.float32(1), np.float64(2)]), torch.tensor([1, np.float32(2)])
        torch.tensor([True, np.int16(3)]), torch.tensor([1, torch.tensor(2.5, dtype=torch.float64)])
        torch.tensor([2**64, 2.5]), torch.tensor(-2**63), torch.tensor([-1], dtype=torch.uint8), torch.tensor([2**63], dtype=torch.float32)
        torch.tensor([0.5], dtype=torch.bool), torch.tensor(np.array([300]), dtype=torch.uint8), torch.tensor(np.float64(1e300), dtype=torch.float32)
    """),
    "errors of data": each("", """
        torch.tensor([[1, 2], [3]])
        torch.tensor([[1], 2])
        torch.tensor([1, [2]])
        torch.tensor([1, [2]], dtype=torch.float32)
        torch.tensor([[[1]], [[2], [3]]])
        torch.tensor([[[1], [1]], [[1], [2, 3]]])
        torch.tensor('abc')
        torch.tensor(b'abc')
        torch.tensor(['a'])
        torch.tensor([1, 'a'])
        torch.tensor([1, 'a'], dtype=torch.float32)
        torch.tensor(None)
        torch.tensor(None, dtype=torch.int64)
        torch.tensor([1, None])
        torch.tensor({1: 2})
        torch.tensor(2**63)
        torch.tensor([2**64], dtype=torch.int32)
        torch.tensor([2**40], dtype=torch.int32)
        torch.tensor([float('nan')], dtype=torch.int32)
        torch.tensor(np.array(['a']))
        torch.tensor(np.array([1], object))
        torch.from_numpy(np.zeros(2, 'datetime64[s]'))
        torch.from_numpy(np.zeros(2, '>f8'))
        torch.from_numpy(np.arange(3.0)[::-1])
        torch.tensor(np.arange(3.0)[::-1])
        torch.from_numpy(np.float32(1))
        torch.from_numpy([1])
        torch.full((2,), 'a')
        torch.zeros((2, 3.0))
        torch.zeros('a')
        torch.zeros(True)
        torch.zeros(2, dtype='float')
        torch.ones(2, size=(2,))
        torch.ones(2, device=1.5)
        torch.ones(2, layout='a')
        torch.set_default_dtype(torch.int32)
        torch.set_default_dtype('float')
        torch.asarray([1, 2], copy=False)
        torch.asarray(np.arange(2.0), dtype=torch.float32, copy=False)
        torch.frombuffer([1], dtype=torch.int32)
        torch.frombuffer(bytearray(8), dtype=torch.int32, requires_grad=True)
        torch.from_dlpack(torch.ones(2, requires_grad=True))
        torch.promote_types(torch.uint16, torch.int32)
        torch.int32.to_complex()
        torch.finfo(torch.int32)
        torch.finfo('a')
        torch.iinfo(torch.float32)
        torch.iinfo(torch.bool)
    """),
    "kept apart or shared": each("a = np.arange(4.0); x = torch.tensor([1.0, 2.0], requires_grad=True)\n", """
        torch.as_tensor(a).data_ptr() == a.ctypes.data, torch.tensor(a).data_ptr() == a.ctypes.data
        torch.as_tensor(a, dtype=torch.float32).fill_(7), a
        torch.asarray(a).fill_(5), a, torch.asarray(a, copy=True).fill_(6), a
        torch.DoubleTensor(a).fill_(2), a, torch.FloatTensor(a).fill_(3), a
        torch.from_dlpack(a).fill_(1), a
        torch.from_numpy(a[::2]), torch.from_numpy(a[::2]).stride()
        torch.asarray(x * 2).is_leaf, torch.asarray(x, requires_grad=True) is x, torch.asarray(x * 2, requires_grad=False).requires_grad
        torch.asarray(x * 1, copy=True), torch.asarray(x, dtype=torch.float64), torch.asarray(bytearray(b'abc'), dtype=torch.uint8)
        torch.Tensor(torch.tensor([1, 2])), torch.from_numpy(np.array([1, 60000], 'uint16')), torch.tensor([1], dtype=torch.uint64) * 2.5
        torch.float32.to_complex(), torch.complex64.to_real(), torch.int8.to_real(), torch.finfo(torch.float32), torch.iinfo(torch.uint16), torch.finfo(torch.complex128), torch.finfo().resolution, torch.iinfo(torch.int64)
    """),
    "one number": each("many, empty = torch.ones(3), torch.ones(0)\n", """
        float(torch.tensor([2.5])), int(torch.tensor([[1]])), complex(torch.tensor(2)), bool(torch.tensor(1j)), int(torch.tensor(2.9))
        float(many)
        int(empty)
        complex(many)
        float(torch.tensor(1j))
        int(torch.tensor(1 + 2j))
        float(torch.tensor(1 + 0j))
        [1, 2][torch.tensor(1j)]
        many.item()
        range(4)[torch.tensor(2)]
    """),
    "where": each("c = torch.tensor([True, False])\n", """
        torch.where(c, 1, 2.5), torch.where(c, True, 2), torch.where(c, torch.ones(2), 3)
        torch.where(torch.tensor([1, 0]), 1, 2)
        torch.where(c, torch.ones(3), torch.ones(2))
        torch.where(c, torch.ones(2), torch.ones(3))
    """),
}
TOP = {
    "NumPy's names": each("x = torch.arange(6.0).reshape(2, 3)\n", """
        x.sum(axis=0), torch.mean(x, axis=1, keepdims=True), x.max(axis=0)[0], torch.cat([x, x], axis=1), torch.stack([x, x], axis=1).shape
        x.softmax(axis=0), torch.squeeze(x, axis=0).shape, torch.unsqueeze(x, axis=0).shape, torch.argmax(x, axis=1), x.cumsum(axis=0)
        x.std(axis=0), x.var(axis=0, keepdims=True), x.sort(axis=0)[0], x.any(axis=0), x.amax(axis=0), x.logsumexp(axis=0), x.prod(axis=0)
        x.index_select(axis=0, index=torch.tensor([0])), torch.gather(x, axis=0, index=torch.tensor([[0]])), x.median(axis=0).values
    """),
    "sizes": each("S = torch.Size([2, 3, 4])\n", """
        S, S[1:], S.numel(), S + (1,), (1,) + S, S * 2, 2 * S, S == (2, 3, 4), hash(S) == hash((2, 3, 4)), S.index(3), torch.Size()
        torch.Size([torch.tensor(2), np.int64(3), True]), torch.Size(range(2)), torch.Size(torch.tensor([1, 2]))
        torch.Size([1.5])
        torch.Size('ab')
        S + [1]
        S[5]
    """),
    "devices": each("import copy, pickle\nd, x = torch.device('cpu'), torch.ones(2)\n", """
        torch.device('cuda:1'), torch.device('cuda', 1), torch.device('cpu', 0), torch.device(type='mps'), str(torch.device('cuda:1'))
        torch.device('cuda:1').type, torch.device('cuda:1').index, d.index, torch.device(d), d == 'cpu', d == torch.device('cpu:0')
        copy.deepcopy(d), hash(d) == hash(torch.device('cpu')), torch.get_default_device(), x.device == d, x.cpu() is x
        torch.ones(1, device='cpu:0').device, x.to('cpu', torch.int32), x.to(None) is x, torch.set_default_device('cpu')
        torch.device('bogus')
        torch.device('cuda:-1')
        torch.device('cuda:01')
        torch.device('')
        torch.device('cpu', -1)
        torch.device('cuda:0', 1)
        torch.device(0)
        torch.ones(2, device='cuda')
        torch.zeros_like(x, device=torch.device('cuda:1'))
        torch.randn(2, device='cuda')
        x.to('cuda:0')
        x.to(0)
        x.cuda()
        torch.nn.Linear(2, 2).to('cuda')
        torch.nn.Linear(2, 2).cuda()
        torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.memory_allocated(), torch.cuda.empty_cache(), torch.cuda.manual_seed_all(0)
        torch.cuda.current_device()
        torch.cuda.synchronize()
        torch.backends.mps.is_available(), torch.backends.cudnn.deterministic, torch.backends.cudnn.is_available(), torch.version.cuda
        torch.accelerator.is_available(), torch.accelerator.current_accelerator(), torch.Generator('cpu').device
    """),
    "a default device": "with torch.device('cpu'):\n    print(torch.ones(1))\ntry:\n    with torch.device('cuda'):\n"
    "        torch.ones(1)\nfinally:\n    print(torch.get_default_device(), torch.ones(1))",
    "settings": each("", """
        torch.get_float32_matmul_precision(), torch.set_float32_matmul_precision('high'), torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision('highest'), torch.is_warn_always_enabled()
        torch.set_num_threads(0)
        torch.set_num_threads(1.5)
        torch.set_num_threads('a')
        torch.are_deterministic_algorithms_enabled(), torch.use_deterministic_algorithms(False)
        torch.strided, torch.contiguous_format, torch.channels_last, torch.preserve_format, torch.ones(1).layout
        isinstance(torch.strided, torch.layout), isinstance(torch.contiguous_format, torch.memory_format), torch.ones(2, layout=torch.strided)
        torch.typename(torch.ones(1)), torch.typename(torch.nn.Linear(1, 1)), torch.typename(1), torch.typename(torch.nn.Linear), torch.typename(int)
    """),
    "precision of another name": "torch.set_float32_matmul_precision('bogus'); print(torch.get_float32_matmul_precision())",
    "types of tensors": each("x = torch.tensor([1.5])\n", """
        torch.FloatTensor([1, 2]), torch.LongTensor([1.7]), torch.LongTensor(2, 3).shape, torch.FloatTensor().shape, torch.BoolTensor([True])
        torch.HalfTensor([1]), torch.ShortTensor([1]), torch.CharTensor([1]), torch.ByteTensor([1]), torch.IntTensor([1.5]), torch.DoubleTensor([1])
        torch.FloatTensor(torch.Size([2, 2])).shape, torch.FloatTensor((2, 2)), torch.FloatTensor([[1, 2], [3, 4]]), torch.FloatTensor(torch.ones(2))
        torch.FloatTensor(torch.ones(2).double())
        torch.FloatTensor(1.5)
        torch.FloatTensor('a')
        torch.FloatTensor([[1], [2, 3]])
        torch.ByteTensor([300])
        torch.FloatTensor([1], device='cuda')
        isinstance(x, torch.FloatTensor), isinstance(x, torch.DoubleTensor), isinstance(1, torch.LongTensor), torch.FloatTensor.dtype
        x.type(torch.LongTensor), x.type('torch.DoubleTensor'), x.type(), x.new([1, 2]), x.new(2, 3).shape, x.new(torch.ones(1))
        torch.Tensor([1, 2]), torch.Tensor(2, 3).shape, torch.Tensor().shape, torch.Tensor(np.array([1.0])), torch.Tensor((2, 3)), torch.Tensor(range(3))
        torch.Tensor(1.5)
        torch.Tensor(1, 2.5)
        torch.Tensor(None)
        torch.Tensor(-1)
    """),
}
LAYERS = """
torch.manual_seed(0)
x = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True); w = torch.randn(3, 4, 3, dtype=torch.float64, requires_grad=True)
v = torch.rand(4, dtype=torch.float64); b = torch.randn(4, dtype=torch.float64); p = x.detach()
def moved(y):
    first = y[0] if isinstance(y, tuple) else y
    found = torch.autograd.grad((first * first).sin().sum(), [x, w], allow_unused=True)
    return y, [g if g is None else g + 0.0 for g in found]  # without zeros of a sign
"""
TOP["layers"] = each(LAYERS, """
    moved(torch.conv1d(x, w)), moved(torch.conv1d(x, w, None, 1, 1)), torch.conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 1, 1, 1))
    torch.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)), torch.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    moved(torch.conv_transpose1d(x, w.permute(1, 0, 2))), moved(torch.convolution(x, w, None, [1], [0], [1], False, [0], 1))
    moved(torch.batch_norm(x, v, b, b, v, False, 0.1, 1e-5, False)), moved(torch.instance_norm(x, v, b, None, None, True, 0.1, 1e-5, True))
    moved(torch.batch_norm(x, v, b, None, None, True, 0.1, 1e-5, True)), moved(torch.layer_norm(x, [6], None, None, 1e-3, False))
    moved(torch.group_norm(x, 2, v, b)), moved(torch.rms_norm(x, (6,))), moved(torch.dropout(x, 0.5, True)), torch.dropout(x, 0.5, False) is x
    torch.dropout_(p.clone(), 0.5, True), moved(torch.alpha_dropout(x, 0.5, True)), moved(torch.embedding(w[:, :, 0], torch.tensor([0, 2])))
    torch.dropout(x, 2.0, True)
    moved(torch.embedding(w[:, :, 0], torch.tensor([0, 2]), 2)), moved(torch.bilinear(x[:, 0], x[:, 1], torch.ones(2, 6, 6, dtype=torch.float64)))
    moved(torch.prelu(x, v)), moved(torch.celu(x)), torch.celu_(p.clone()), moved(torch.selu(x)), moved(torch.threshold(x, 0.1, 20)), moved(torch.hardshrink(x))
    moved(torch.kl_div(x, p.abs())), moved(torch.kl_div(x, p, 2, log_target=True)), moved(torch.cosine_similarity(x, x + 1))
    moved(torch.pairwise_distance(x[:, 0], x[:, 1])), moved(torch.pixel_shuffle(x[None], 2)), moved(torch.pixel_unshuffle(x[None], 2))
    moved(torch.avg_pool1d(x, 2)), moved(torch.max_pool1d(x, 2)), moved(torch.max_pool2d(x, 2)), moved(torch.max_pool3d(x[None], 2))
    moved(torch.adaptive_avg_pool1d(x, 2)), moved(torch.adaptive_max_pool1d(x, 2)), moved(torch.max_pool1d_with_indices(x, 2))
    moved(torch.binary_cross_entropy_with_logits(x, p.sigmoid() / 2)), moved(torch.binary_cross_entropy_with_logits(x, p.sigmoid() / 2, None, None, 2))
    moved(torch.cosine_embedding_loss(x[0], x[1], torch.ones(4))), moved(torch.hinge_embedding_loss(x, torch.ones(6), 1.0, 1))
    moved(torch.triplet_margin_loss(x[0], x[1], x[1] + 1)), moved(torch.poisson_nll_loss(x, p.abs(), True, False, 1e-8, 1))
    moved(torch.margin_ranking_loss(x[0], x[1], torch.ones(4, 6), 0.5)), moved(torch.constant_pad_nd(x, (1, 1), 3.0))
    moved(torch.gru_cell(x[:, 0, :3], x[:, 0, :1], w[0, :3], w[1, :3, :1])), moved(torch.rnn_tanh_cell(x[:, 0, :3], x[:, 0, :4], w[0], w[0, :, :1] + b, b, b))
    moved(torch.rnn_relu_cell(x[:, 0, :3], x[:, 0, :4], w[0], w[0, :, :1] + b)), torch.lstm_cell(p[:, 0, :3], (p[:, 0, :1], p[:, 1, :1]), w.detach()[0], w.detach()[1, :, :1])
""")
ALL = {**DATA, **TOP}


@lru_cache(maxsize=1)
def expected() -> dict[str, Any]:
    return json.loads(EXPECTED.read_text())


def found_by(torch: Any, program: str) -> Any:
    """What it prints, and all warnings: also those that were given before in this process."""
    torch.set_warn_always(True)
    try:
        return outcome(torch, program)
    finally:
        torch.set_warn_always(False)


def main() -> None:
    import torch

    found = {name: found_by(torch, program) for name, program in {**PRINTED, **ALL}.items()}
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
