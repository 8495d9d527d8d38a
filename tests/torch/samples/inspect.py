"""What tensors say of themselves."""

from tests.torch.samples._lists import listed, together

X = ([[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]], [1, 0])
ASKED = listed(X, """
    x.element_size(); x.nbytes; x.itemsize; x.ndimension(); x.storage_offset(); x[1].storage_offset(); y.is_signed();
    x[:, 1:].storage_offset(); x.t()[1].storage_offset(); x[1:, ::2].storage_offset(); x[:0].storage_offset();
    torch.is_signed(x); y.bool().is_signed(); y.byte().is_signed(); x.is_same_size(y); torch.is_same_size(x, x * 2);
    x.type('torch.DoubleTensor'); x.type('torch.Nothing'); x.type(torch.float64); x.type(dtype=torch.int64); y.type();
    x.char(); y.byte(); x.cdouble(); x.cfloat(); y.cfloat(); x.detach().apply_(lambda n: n * 2); x.apply_(abs);
    y.apply_(lambda n: n + 1); x.detach().map_(x.detach() * 2, lambda a, b: a + b); x.map_(x, max); x.is_conj();
    x.is_neg(); (x * 2).resolve_conj(); (x * 2).resolve_neg(); x.get_device(); x.is_cuda; x.is_sparse; x.is_meta;
    x.is_quantized; x.dense_dim(); x.data_ptr() == x.detach().data_ptr(); x[1].data_ptr() - x.data_ptr();
    x.clone().data_ptr() == x.data_ptr(); torch.numel(x); x.real; (x * 2).real
""")  # fmt: skip
SAMPLES = together(ASKED)
