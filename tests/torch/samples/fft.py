"""`torch.fft`, and the parts of complex numbers."""

from __future__ import annotations

from tests.torch.samples.products import A, T, several

V, FOUR = [1.0, 2.0, -1.0, 0.5, 3.0], [0.3, -1.5, 2.0, 0.25]
C = [[1.0 + 1j, 2.0 - 0.5j, -1.0 + 0.25j], [0.5j, 1.5, -0.75 + 2j]]
COMPLEX = ("complex128", "complex64")
WHOLE = ("int64",)
ONES = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
TWOS = ["fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2"]
ALL = ["fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn"]
ROUNDED = {"ulps": 32, "why": "sums of a transform in another order"}


def each(names: list[str], arguments: str) -> str:
    """A call of each function with each of the arguments."""
    return "; ".join(f"torch.fft.{name}({given})" for name in names for given in arguments.split("; "))


LINES = "x; x, 3; x, n=7; x, dim=0; x, norm='ortho'; x, norm='forward'; x, n=0; x, dim=5; x, norm='half'"
PLANES = "x; x, s=(2, 2); x, s=(3, 5); x, dim=(0, 1), norm='ortho'; x, dim=0; x, s=(2,); x, dim=(0, 0); x, s=(0, 2)"
SPACES = PLANES + "; x, (4,); x, dim=(1,), norm='forward'; x, s=(-1, 4); x, dim=(); x, dim=(0, 5)"
SAMPLES = (
    several(((V,), (FOUR,), (A,), (2.0,), ([],)), each(ONES, LINES), **ROUNDED)
    + several(((A,), (T,), (V,), (2.0,)), each(TWOS, PLANES) + "; " + each(ALL, SPACES), **ROUNDED)
    + several(
        ((C,),),
        each([*ONES, *TWOS, *ALL], "x * 1; x + 0, norm='ortho'") + "; torch.fft.irfft(x, 5); torch.fft.hfft(x, 3, 0)",
        dtypes=COMPLEX,
        **ROUNDED,
    )
    + several(
        ((V,), (FOUR,), (A,), (2.0,)),
        """torch.fft.fftshift(x); torch.fft.ifftshift(x); torch.fft.fftshift(x, 0); torch.fft.ifftshift(x, dim=(0, -1));
        torch.fft.fftshift(x, 5); torch.fft.fft(torch.fft.fft(x)); torch.fft.ifft(torch.fft.fft(x)).real;
        torch.fft.irfft(torch.fft.rfft(x), x.shape[-1] if x.dim() else 1); torch.fft.rfft(x).abs() ** 2;
        torch.real(torch.fft.fft(x)); torch.imag(torch.fft.fft(x)); torch.conj(torch.fft.fft(x)); torch.real(x);
        torch.imag(x); torch.conj(x); x.imag; torch.fft.fft(2)""",
        **ROUNDED,
    )
    + several(
        (([0, 1, 2, 3],),),
        """torch.fft.fft(x); torch.fft.ifft(x); torch.fft.rfft(x); torch.fft.irfft(x); torch.fft.ihfft(x);
        torch.fft.hfft(x); torch.fft.fftn(x); torch.fft.rfftn(x); torch.fft.fftshift(x); torch.fft.fft(x.half());
        torch.fft.fftn(x.half()); torch.fft.fftfreq(5); torch.fft.fftfreq(4, 0.5); torch.fft.rfftfreq(5, d=2.0);
        torch.fft.fftfreq(4, dtype=torch.float64); torch.fft.rfftfreq(4); torch.fft.fftfreq(4, dtype=torch.int64);
        torch.fft.fftfreq(0); torch.fft.fftfreq(-1); torch.fft.fftfreq(2.5); torch.fft.fftfreq(4, 0.0);
        torch.fft.fftfreq(3, requires_grad=True).requires_grad""",
        dtypes=WHOLE,
        **ROUNDED,
    )
    + several(
        (([1.0, 2.0, -1.0, 0.5, 3.0, 0.25, -2.0, 1.5],),),
        """torch.stft(x, 4, 2, window=torch.hann_window(4).to(x.dtype), return_complex=True);
        torch.istft(torch.stft(x, 4, 2, return_complex=True), 4, 2, window=torch.hann_window(4).to(x.dtype) + 1)""",
        **ROUNDED,
    )
)
