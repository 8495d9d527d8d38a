"""Short-time Fourier transforms: of overlapping frames of a signal, and back by adding them up."""

from __future__ import annotations

from typing import Any

import numpy as np

from funcgrad import numpy as fnp
from funcgrad.ops.subscript import getitem, update
from funcgrad.torch._ops.complexes import view_as_real
from funcgrad.torch._ops.fft import C2C, C2R, R2C
from funcgrad.torch._ops.shape import narrow, reshape, transpose, unsqueeze
from funcgrad.torch._ops.table import named
from funcgrad.torch._record.calls import Kind, call, view
from funcgrad.torch._tensor.messages import warn_once
from funcgrad.torch._tensor.tensor import Tensor, fresh
from funcgrad.torch._tensor.views import Part

FRAMES, SQUEEZE, SQUEEZE_BACK, PAD, CONSTANT_PAD = (
    Kind(n) for n in ("AsStrided", "SqueezeBackward4", "SqueezeBackward1", "ReflectionPad1D", "ConstantPadNd")
)
OVERLAPPED = Kind("UnfoldBackward")
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
PAD_KINDS = {"reflect": PAD, "replicate": Kind("ReplicationPad1D"), "circular": Kind("CopySlices")}
NO_WINDOW = (
    "A window was not provided. A rectangular window will be applied,which is known to cause spectral leakage. Other "
    "windows such as torch.hann_window or torch.hamming_window are recommended to reduce spectral leakage.To suppress "
    "this warning and use a rectangular window, explicitly set `window=torch.ones(n_fft, device=<device>)`."
)
NO_WINDOW_BACK = (
    "A window was not provided. A rectangular window will be applied.Please provide the same window used by stft to "
    "make the inversion lossless.To suppress this warning and use a rectangular window, explicitly set "
    "`window=torch.ones(n_fft, device=<device>)`."
)
NOT_COMPLEX = (
    "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex tensors for "
    "all inputs, and return_complex=False will raise an error.\nNote: you can still call torch.view_as_real on the "
    "complex output to recover the old return format."
)
TOO_SHORT = (
    "The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. Please "
    "check your center and hop_length settings."
)
LOWEST = 1e-11
"""Where the squared windows sum up to less, PyTorch does not divide by them."""


def _check_frames(input: Tensor, n_fft: int, hop: int, width: int, told: str) -> None:
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(f"{told} expected a tensor of floating point or complex values")
    if input.dim() not in (1, 2):
        raise RuntimeError(f"{told} expected a 1D or 2D tensor")
    n = input.shape[-1]
    if not 0 < n_fft <= n:
        raise RuntimeError(f"{told} expected 0 < n_fft < {n}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{told} expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{told} expected 0 < win_length <= n_fft, but got win_length={width}")


def _check_window(window: Tensor | None, win_length: int, told: str) -> None:
    if window is None:
        warn_once(NO_WINDOW)
    elif window.dim() != 1 or window.shape[0] != win_length:
        raise RuntimeError(
            f"{told} expected a 1D window tensor of size equal to win_length={win_length}, but got window with size "
            f"{list(window.shape)}"
        )


def _padded_window(window: Tensor | None, win_length: int, n_fft: int) -> Tensor | None:
    """The window in the middle of a frame; None for one that is 1 everywhere."""
    if win_length == n_fft:
        return window
    before = (n_fft - win_length) // 2
    zeros = np.zeros(n_fft, np.float32 if window is None else window._read().dtype)
    if window is None:
        zeros[before : before + win_length] = 1
        return fresh(zeros)
    place = slice(before, before + win_length)
    return call(CONSTANT_PAD, lambda w: update(zeros, place, w, "set"), window)


def _padded(input: Tensor, pad: int, mode: str) -> Tensor:
    """A signal continued by `pad` at both ends."""
    n = input.shape[-1]
    if mode == "constant":
        zeros = np.zeros((*input.shape[:-1], n + 2 * pad), input._read().dtype)
        return call(CONSTANT_PAD, lambda v: update(zeros, (..., slice(pad, pad + n)), v, "set"), input)
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if pad >= n and mode == "reflect":
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({pad}, {pad}) at dimension 2 of input {[1] * (3 - input.dim()) + list(input.shape)}"
        )
    places: Any = np.pad(np.arange(n), pad, MODES[mode])  # type: ignore[call-overload]
    return call(PAD_KINDS[mode], lambda v: getitem(v, (..., places)), input)


@named()
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Tensor:
    """The Fourier transforms of frames of `n_fft` samples, one every `hop_length`: (..., frequencies, frames)."""
    hop, width = n_fft // 4 if hop_length is None else hop_length, win_length or n_fft
    if center:
        input = _padded(input, n_fft // 2, pad_mode)
    of_complex = input.is_complex() or (window is not None and window.is_complex())
    told = (
        f"stft({input.type()}{list(input.shape)}, n_fft={n_fft}, hop_length={hop}, win_length={width}, window="
        f"{_told(window)}, normalized={int(normalized)}, onesided={_flag(onesided)}, return_complex="
        f"{_flag(return_complex)}, align_to_window=None) :"
    )
    if return_complex is None and not of_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require that "
            "return_complex=True in a future PyTorch release."
        )
    if return_complex is False:
        warn_once(NOT_COMPLEX)
    _check_frames(input, n_fft, hop, width, told)
    _check_window(window, width, told)
    places = np.arange(0, input.shape[-1] - n_fft + 1, hop)[:, None] + np.arange(n_fft)
    batch = input if input.dim() == 2 else unsqueeze(input, 0)
    frames = call(FRAMES, lambda v: getitem(v, (slice(None), places)), batch)
    weights = _padded_window(window, width, n_fft)
    if weights is not None:
        frames = frames * weights
    if onesided and of_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    norm: Any = "ortho" if normalized else "backward"
    if of_complex or onesided is False:
        out = call(C2C if of_complex else R2C, lambda v: fnp.fft.fft(v, norm=norm), frames)
    else:
        out = call(R2C, lambda v: fnp.fft.rfft(v, norm=norm), frames)
    out = transpose(out, 1, 2)
    if input.dim() == 1:
        out = view(out, SQUEEZE, Part(0))
    return out if return_complex or return_complex is None else view_as_real(out)


def _flag(given: bool | None) -> str:
    return "None" if given is None else str(int(given))


def _told(window: Tensor | None) -> str:
    return "None" if window is None else f"{window.type()}{{{list(window.shape)}}}"


@named()
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal whose `stft` is nearest: frames are weighted by the window and added up."""
    width = n_fft if win_length is None else win_length
    hop = n_fft // 4 if hop_length is None else hop_length
    told = (
        f"istft({input.type().replace('torch.', 'CPU').replace('Tensor', 'Type')}{list(input.shape)}, n_fft={n_fft}, "
        f"hop_length={hop}, win_length={width}, window={_told(window)}, center={int(center)}, normalized="
        f"{int(normalized)}, onesided={_flag(onesided)}, length={length}, return_complex={int(return_complex)})"
    )
    _check_inverse(input, n_fft, hop, width, onesided, told)
    if window is None:
        warn_once(NO_WINDOW_BACK)
    elif window.dim() != 1 or window.shape[0] != width:
        raise RuntimeError(f"{told} : Invalid window shape. window has to be 1D and length of `win_length`")
    if return_complex and (onesided or (onesided is None and input.shape[-2] != n_fft)):
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and window is not None and window.is_complex():
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    batch = input if input.dim() == 3 else unsqueeze(input, 0)
    spectra = transpose(batch, 1, 2)
    norm: Any = "ortho" if normalized else "backward"
    if return_complex:
        frames = call(C2C, lambda v: fnp.fft.ifft(v, norm=norm), spectra)
    else:
        half = narrow(spectra, -1, 0, n_fft // 2 + 1)
        frames = call(C2R, lambda v: fnp.fft.irfft(v, n_fft, norm=norm), half)
    weights, start = _padded_window(window, width, n_fft), n_fft // 2 if center else 0
    out = _added_up(frames, weights, hop, start, center, length, told)
    return out if input.dim() == 3 else view(out, SQUEEZE_BACK, Part(0))


def _check_inverse(input: Tensor, n_fft: int, hop: int, width: int, onesided: bool | None, told: str) -> None:
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if not input.numel():
        raise RuntimeError(f"{told} : input tensor cannot be empty.")
    if input.dim() not in (2, 3):
        raise RuntimeError(f"{told} : expected a tensor with 3 or 4 dimensions, but got {input.dim() + 1}")
    given = input.shape[-2]
    if onesided or (onesided is None and given != n_fft):
        if given != n_fft // 2 + 1:
            raise RuntimeError(
                f"{told} : expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 "
                f"+ 1 when onesided=True, but got {given}"
            )
    elif given != n_fft:
        raise RuntimeError(
            f"{told} : expected the frequency dimension (3rd to the last) of the input tensor to match n_fft when "
            f"onesided=False, but got {given}"
        )
    if not 0 < hop <= width:
        raise RuntimeError(f"{told} : expected 0 < hop_length <= win_length")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{told} : expected 0 < win_length <= n_fft")


def _added_up(
    frames: Tensor, weights: Tensor | None, hop: int, start: int, center: bool, length: int | None, told: str
) -> Tensor:
    """The frames, weighted and added up at their places, over the sum of the squared weights there."""
    count, n_fft = frames.shape[-2:]
    whole = n_fft + hop * (count - 1)
    places = (np.arange(count)[:, None] * hop + np.arange(n_fft)).reshape(-1)

    def added(v: Any) -> Any:
        flat = fnp.reshape(v, (*v.shape[:-2], count * n_fft))
        return update(np.zeros((*v.shape[:-2], whole), v.dtype), (..., places), flat, "add")

    if weights is None:
        weights = fresh(np.ones(n_fft, np.zeros(0, frames._read().dtype).real.dtype))
    squares = reshape(weights * weights, 1, n_fft).expand(count, n_fft)
    stop = start + length if length is not None else whole - start if center else whole
    stop = min(stop, whole)
    signal = narrow(call(OVERLAPPED, added, frames * weights), -1, start, stop - start)
    envelope = narrow(call(OVERLAPPED, added, squares), -1, start, stop - start)
    if np.abs(envelope._array("The window of istft")).min() < LOWEST:
        raise RuntimeError(f"{told} window overlap add min: 1\n[ CPUBoolType{{}} ]")
    out = signal / envelope
    if length is not None and length > stop - start:
        warn_once(TOO_SHORT)
        zeros = np.zeros((*out.shape[:-1], length), out._read().dtype)
        out = call(CONSTANT_PAD, lambda v: update(zeros, (..., slice(stop - start)), v, "set"), out)
    return out
