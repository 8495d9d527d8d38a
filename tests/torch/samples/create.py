"""Tensors from nothing, or from data: the point is in the expression."""

from tests.torch.samples._lists import listed, together

X = ([[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]], [1, 0])
MADE = listed(X, """
    torch.logspace(0, 1, 5); torch.logspace(0, 1, 5, 2); torch.logspace(0, 1, 5, base=3, dtype=torch.float64);
    torch.logspace(0, 1, 1); torch.logspace(0, 1, -1); torch.logspace(0, 3, 4, dtype=torch.int64);
    torch.linspace(0, 1, -1); torch.linspace(0, 10, 5, dtype=torch.int64); torch.linspace(0, 10, 4, dtype=torch.int64);
    torch.linspace(torch.tensor(0.0), torch.tensor(1.0), 3); torch.linspace(0, 1, 0); torch.linspace(0.5, 1, 1);
    torch.linspace(0, 1j, 3); torch.linspace(start=0, end=1, steps=3); torch.linspace(0, 1, 3, dtype=torch.bool);
    torch.linspace(0, torch.tensor([1.0]), 3); torch.linspace(-3, 10, 50);
    torch.linspace(-0.1, 0.1, 7, dtype=torch.float64); torch.range(0, 3); torch.range(0, 3, 0.5); torch.range(3, 0);
    torch.range(0, 3, 0); torch.range(1, 2, dtype=torch.int64); torch.scalar_tensor(3);
    torch.scalar_tensor(3, dtype=torch.int64); torch.scalar_tensor(True); torch.asarray([1, 2]); torch.asarray(3.0);
    torch.asarray([1.0, 2.0], requires_grad=True); torch.asarray([1, 2], dtype=torch.float64);
    torch.asarray(x, copy=True); torch.asarray(x, dtype=torch.float16); torch.asarray(x * 2);
    torch.frombuffer(bytearray(8), dtype=torch.int32);
    torch.frombuffer(bytearray(8), dtype=torch.int32, count=1, offset=4);
    torch.frombuffer(bytearray(7), dtype=torch.int32); torch.frombuffer(bytearray(0), dtype=torch.int32);
    torch.frombuffer(bytearray(8), dtype=torch.int32, count=3);
    torch.frombuffer(bytearray(8), dtype=torch.int32, offset=8);
    torch.frombuffer(bytearray(b'abcd'), dtype=torch.uint8); torch.full((2,), 3); torch.full((2,), 3.0);
    torch.full((2,), True); torch.full((2,), 2j); torch.full((2,), x[0, 0]); torch.full((2,), torch.tensor(2));
    torch.full((2,), x); torch.full((2,), 3.5, dtype=torch.int64); torch.full((2,), 300, dtype=torch.uint8);
    torch.full((2,), 1e10, dtype=torch.int32); torch.full((-1,), 3); torch.full(2, 3);
    torch.full((), 1.5, requires_grad=True); torch.zeros(2, -1);
    torch.zeros((2,), dtype=torch.int64, requires_grad=True); torch.zeros(2.5); torch.zeros(); torch.zeros(());
    torch.zeros(2, 3, out=torch.ones(2, 3)); torch.ones(2, pin_memory=False, device='cpu');
    torch.ones((2, 3), dtype=torch.bool); torch.ones(0, 3); torch.empty(2).shape; torch.empty_like(x).shape;
    torch.zeros_like(x, dtype=torch.int64, device='cpu', requires_grad=False); torch.full_like(x, 2);
    torch.full_like(y, 2.5); torch.full_like(y, x); torch.ones_like(x, requires_grad=True);
    torch.ones_like(y, requires_grad=True); torch.zeros_like(2); torch.full_like(x, 2, requires_grad=True);
    torch.zeros_like(x); torch.arange(5); torch.arange(5.0); torch.arange(1, 5, 2); torch.arange(5, 1);
    torch.arange(1, 5, 0); torch.arange(0, 1, 0.1); torch.arange(5, 0, -1);
    torch.arange(1, 2.5, 0.5, dtype=torch.int64); torch.arange(0, 5, 2.5, dtype=torch.int64); torch.arange(1j);
    torch.arange(); torch.arange(inf); torch.arange(nan); torch.arange(0, 5, dtype=torch.bool); torch.arange(end=3);
    torch.arange(3, requires_grad=True); torch.arange(torch.tensor(3)); torch.arange(torch.tensor(3.0));
    torch.arange(True); torch.arange(3, out=torch.zeros(3)); torch.arange(-3);
    torch.arange(0, 2, 0.25, dtype=torch.float64); torch.arange(0, 7, 2, dtype=torch.int32);
    torch.arange(0, -7, -2, dtype=torch.int64); torch.arange(1, 1); torch.eye(2); torch.eye(2, 3); torch.eye(-1);
    torch.eye(2, -1); torch.eye(2, dtype=torch.bool); torch.eye(2, m=1); torch.eye(0); torch.tril_indices(3, 3);
    torch.tril_indices(3, 3, 1, dtype=torch.int32); torch.tril_indices(-1, 3);
    torch.tril_indices(2, 3, dtype=torch.float32); torch.triu_indices(3, 2, -1); torch.triu_indices(3, -2);
    torch.triu_indices(0, 2); torch.bartlett_window(5); torch.bartlett_window(0); torch.bartlett_window(1);
    torch.bartlett_window(-1); torch.bartlett_window(6, False); torch.blackman_window(5);
    torch.blackman_window(6, False); torch.hann_window(5); torch.hann_window(5, False);
    torch.hann_window(5, dtype=torch.float64); torch.hamming_window(5, False, 0.5, 0.4); torch.hamming_window(7);
    torch.hamming_window(5, True, 0.6); torch.kaiser_window(5); torch.kaiser_window(5, False, beta=3.0);
    torch.kaiser_window(5, True, 3); torch.kaiser_window(-2); torch.hann_window(4, requires_grad=True);
    x.new_full((2,), 3); y.new_full((2,), 2.5); x.new_tensor([1, 2]); y.new_tensor([1.5]);
    x.new_ones(2, dtype=torch.int64); x.new_zeros((2, 3), requires_grad=True); x.new_empty(2).shape;
    x.new_full((2,), 3, dtype=torch.int64); torch.tensor([1, 2], dtype=torch.float32, device='cpu', pin_memory=False);
    torch.tensor('a'); torch.as_tensor(3); torch.as_tensor([1.0, 2], dtype=torch.int64); torch.from_numpy([1]);
    torch.from_dlpack(torch.ones(2).numpy()); torch.from_dlpack(torch.arange(3))
""")  # fmt: skip
SAMPLES = together(MADE)
