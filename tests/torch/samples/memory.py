"""How tensors lie in memory, and tensors over it."""

from tests.torch.samples._lists import listed, together

X = ([[0.3, -1.25, 2.0], [1.0, 0.5, -0.25]], [1, 0])
ASKED = listed(X, """
    x.is_set_to(x); x.is_set_to(x.view(3, 2)); x.is_set_to(x.view(2, 3)); x.is_set_to(x * 2); x.is_shared();
    x.is_pinned(); x.dim_order(); x.t().dim_order(); torch.ones(2, 3, 4).permute(2, 0, 1).dim_order(); x.is_cpu;
    torch.is_storage(x); torch.is_storage(x.untyped_storage()); torch.is_storage(x.storage());
    x.detach().storage().tolist(); x.t().detach().storage().tolist(); len(x.storage()); x.storage()[2];
    x.storage().nbytes(); x.is_contiguous(memory_format=torch.channels_last); x.stride(5); torch.is_inference(x);
    torch.empty_strided((2, 3), (1, 2)).stride(); torch.empty_strided((2, 3), (1,));
    torch.empty_strided((2, 3), (1, 2)).fill_(1.5); torch.empty_strided((2, 3), (1, 2), dtype=torch.int64).dtype;
    torch.empty_permuted((2, 3), (1, 0)).stride(); torch.empty_permuted((2, 3, 4), (2, 0, 1)).stride();
    torch.empty_permuted((2, 3), (0,)); x.new_empty_strided((2, 3), (1, 2)).stride();
    y.new_empty_strided((2,), (1,)).dtype;
    x.is_nonzero(); x[0, 0].is_nonzero(); torch.zeros(1).is_nonzero(); x.to_dense(); x.new(2, 3).shape; y.new([1.5]);
    x.new([1, 2]); y.new(x);
    x.t().softmax(0).stride(); x.t().log_softmax(1).stride(); x.t().cumsum(0).stride(); x.t().cumprod(1).stride();
    torch.cat([x.t(), x.t()]).stride(); torch.stack([x.t(), x.t()]).stride();
    x.t().masked_fill(x.t() > 0, 1.5).stride();
    x.t().repeat(1, 2).stride(); x.t().tril().stride(); x.t().triu().stride();
    torch.nn.functional.layer_norm(x.t(), (2,)).stride(); torch.nn.functional.rms_norm(x.t(), (2,)).stride();
    torch.nn.functional.batch_norm(x.t(), None, None, training=True).stride(); x.t().exp().stride();
    (x.t() * 2).stride()
""")  # fmt: skip
MADE = listed(X, """
    x.detach().clone().as_strided_((3,), (2,)); torch.as_strided_(x.detach().clone(), (2, 2), (1, 2), 1);
    x.resize(3, 2); x.resize(4); x.resize_as(torch.ones(6)); torch.resize_as_(x.detach().clone(), torch.ones(2));
    torch.fill(x, 2); torch.fill(x, x[0, 0]); torch.fill(x, x); torch.fill(y, 2.5); torch.fill(y, 300);
    torch.fill_(x * 2, 3); torch.zero_(x * 2); torch.detach(x * 2); torch.detach_(x * 2); torch.fill_(x, 3);
    (x * 2).fill_diagonal_(3); (x.t() * 2).fill_diagonal_(3); torch.zeros(5, 2).fill_diagonal_(2, wrap=True);
    torch.zeros(5, 2).fill_diagonal_(2); torch.zeros(2, 2, 2).fill_diagonal_(1); torch.zeros(2, 3, 2).fill_diagonal_(1);
    torch.zeros(2).fill_diagonal_(1); x.fill_diagonal_(1); y.fill_diagonal_(1); (x * 2).fill_diagonal_(x[0, 0]);
    torch.tensor([0, 1, 2, 0, 3]).nonzero_static(size=2); torch.tensor([0, 1, 2, 0, 3]).nonzero_static(size=5);
    torch.nonzero_static(torch.tensor([[0, 1], [2, 0]]), size=4, fill_value=-7); torch.nonzero_static(x, size=0);
    torch.ones(2).map2_(torch.ones(2), torch.ones(1), lambda a, b, c: a + 2 * b - c); x.map2_(x, x, max);
    (x * 2).swapdims_(0, 1); torch.addmv_(torch.ones(2, dtype=x.dtype), x.detach(), x.detach()[0])
""")  # fmt: skip
Z = "(x.t() * 2).t()[None].repeat(2, 1, 1).transpose(0, 2)"
IMAGES = "torch.sin(torch.arange(144.0)).view(2, 3, 4, 6).contiguous(memory_format=torch.channels_last)"
LAID = listed(X, f"""
    x.t().flip(0).stride(); x.t().sort(0)[0].stride(); x.t().sort(1)[1].stride(); x.t().argsort(0).stride();
    x.t().msort().stride(); torch.rot90(x).stride(); torch.rot90(x, 2).stride(); torch.rot90(x.t(), 3).stride();
    {Z}.flip(1).stride(); {Z}.sort(0)[0].stride(); torch.rot90({Z}, 1, (0, 2)).stride();
    x.t().gather(0, torch.zeros(3, 2, dtype=torch.int64).t().contiguous().t()).stride();
    x.t().take(torch.zeros(2, 3, dtype=torch.int64).t()).stride(); x.cummax(1)[0].stride(); x.cummin(1)[1].stride();
    {Z}.median(1, keepdim=True)[0].stride(); {Z}.aminmax(dim=1)[0].stride(); x.t().renorm(2, 0, 1.0).stride();
    x.t().index_fill(0, torch.tensor([1]), 2.0).stride(); x.t().put(torch.tensor([1]), x[0, :1]).stride();
    x.t().index_put((torch.tensor([1]),), x[0, 0]).stride(); torch.addcmul(x.t(), x[:, 0], x[:, 1]).stride();
    torch.addcdiv(x.t(), x[:, 0], x[:, 1]).stride(); torch.addr(x.t(), x[0], x[:, 0]).stride();
    x.index_reduce(1, torch.tensor([0, 1]), x[:, 1:], 'mean').stride(); torch.cdist(x.t()[None], x.t()).stride();
    torch.einsum('ij,jk->ik', x.t(), x.t().contiguous().t()).stride(); torch.einsum('ij,jk->ki', x, x.t()).stride();
    torch.einsum('ij,ik->jk', x, x).stride(); torch.einsum('i...,i...->...', {Z}, x[0, 0] * torch.ones(3, 2)).stride();
    torch.einsum('ij->ji', x).stride(); torch.einsum('...ij->...ji', x.t()).stride();
    torch.linalg.inv(x @ x.t()).stride(); torch.linalg.solve(x @ x.t(), x).stride();
    torch.linalg.solve(x @ x.t(), x.t(), left=False).stride(); torch.linalg.cholesky(torch.eye(3)).stride();
    torch.linalg.qr(x)[0].stride(); torch.linalg.qr(x)[1].stride(); torch.linalg.eigh(x @ x.t())[1].stride();
    torch.linalg.eigh((x @ x.t()).repeat(2, 1, 1))[0].stride(); torch.linalg.svd(x)[0].stride();
    torch.linalg.lu_factor((x @ x.t()).repeat(2, 1, 1))[0].stride();
    torch.linalg.lu_factor((x @ x.t()).repeat(2, 1, 1))[1].stride(); torch.linalg.matrix_power(x.t() @ x, 0).stride();
    torch.linalg.solve_triangular(torch.eye(2, dtype=x.dtype), x, upper=True).stride();
    torch.fft.fft(x.t()).stride(); torch.fft.fft(x, dim=0).stride(); torch.fft.rfft2({Z}).stride();
    torch.fft.irfft(x.t()).stride(); torch.fft.fftn({Z}).stride(); torch.fft.ihfftn({Z}).stride();
    torch.fft.fft2(x.t(), s=(4, 5)).stride(); torch.fft.rfftn({Z}, dim=(1, 0)).stride();
    {IMAGES}.stride(); {IMAGES}.is_contiguous(); {IMAGES}.is_contiguous(memory_format=torch.channels_last);
    {IMAGES}.contiguous().stride(); torch.ones(1, 2, 3, 4).to(memory_format=torch.channels_last).stride();
    torch.ones(1, 2, 3, 4).to(torch.float64, memory_format=torch.channels_last).stride();
    torch.ones(1, 2, 3, 4).clone(memory_format=torch.channels_last).stride(); {IMAGES}.clone().stride();
    torch.ones(1, 2, 3, 4, 5).contiguous(memory_format=torch.channels_last_3d).stride();
    x.contiguous(memory_format=torch.channels_last); x.to(memory_format=torch.channels_last);
    x.clone(memory_format=torch.channels_last_3d); x.contiguous(memory_format=torch.preserve_format);
    torch.zeros_like(torch.ones(1, 2, 3, 4), memory_format=torch.channels_last).stride();
    (torch.ones(1, 2, 3, 4, dtype=x.dtype) * x[0, 0]).contiguous(memory_format=torch.channels_last);
    (torch.ones(1, 2, 3, 4, dtype=x.dtype) * x[0, 0]).to(memory_format=torch.channels_last);
    torch.conv2d({IMAGES}, torch.ones(5, 3, 2, 2)).stride();
    torch.conv_transpose2d({IMAGES}, torch.ones(3, 5, 2, 2)).stride();
    torch.conv2d({IMAGES}.contiguous(), torch.ones(5, 3, 2, 2).to(memory_format=torch.channels_last)).stride();
    torch.max_pool2d({IMAGES}, 2).stride(); torch.nn.functional.avg_pool2d({IMAGES}, 2).stride();
    torch.nn.functional.adaptive_avg_pool2d({IMAGES}, 2).stride();
    torch.nn.functional.adaptive_max_pool2d({IMAGES}, 2).stride();
    torch.nn.functional.interpolate({IMAGES}, scale_factor=2).stride();
    torch.nn.functional.interpolate({IMAGES}, scale_factor=2, mode='bicubic').stride();
    torch.nn.functional.batch_norm({IMAGES}, None, None, training=True).stride();
    torch.nn.functional.group_norm({IMAGES}, 3).stride(); torch.nn.functional.instance_norm({IMAGES}).stride();
    torch.nn.functional.pad({IMAGES}, (1, 1)).stride();
    torch.nn.functional.pad({IMAGES}, (1, 1, 1, 1), 'reflect').stride();
    torch.nn.functional.pad({IMAGES}, (1, 1, 1, 1), 'circular').stride(); torch.pixel_unshuffle({IMAGES}, 2).stride();
    torch.channel_shuffle({IMAGES}, 3).stride(); torch.dropout(x.t().relu(), 0.5, True).stride();
    torch.dropout(({IMAGES} * x[0, 0]).relu(), 0.5, True).stride();
    torch.nn.Conv2d(2, 3, 2).to(memory_format=torch.channels_last).weight.stride()
""")  # fmt: skip
SAMPLES = together(ASKED, MADE, LAID)
