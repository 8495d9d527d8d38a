"""Recurrent layers and cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from funcgrad.core.warned import warn
from funcgrad.torch._ops.create import zeros
from funcgrad.torch._tensor.tensor import Tensor
from funcgrad.torch.nn import init
from funcgrad.torch.nn.functional.recurrent import cell
from funcgrad.torch.nn.functional.recurrent_stacks import stacked
from funcgrad.torch.nn.modules.made import parameter
from funcgrad.torch.nn.modules.module import Module
from funcgrad.torch.nn.utils.rnn import PackedSequence

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
NO_PROJECTION = "proj_size argument is only supported for LSTM, not RNN or GRU"


def _check_options(options: dict[str, Any]) -> None:
    """PyTorch's errors."""
    dropout, layers = options["dropout"], options["num_layers"]
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and layers == 1:
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={layers}",
            UserWarning,
        )
    for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int), ("hidden_size", int)):
        if not isinstance(options[name], kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(options[name]).__name__}")
        if kind is int and options[name] <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if options["proj_size"] < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if options["proj_size"] >= options["hidden_size"]:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNNBase(Module):
    """Layers of one kind of steps, in one direction or both."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options = {
            "mode": mode, "input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers,
            "bias": bias, "batch_first": batch_first, "dropout": dropout, "bidirectional": bidirectional,
            "proj_size": proj_size,
        }  # fmt: skip
        _check_options(options)
        self.__dict__.update(options, dropout=float(dropout))
        out, gates = proj_size or hidden_size, GATES[mode] * hidden_size
        for number in range(num_layers):
            width = input_size if number == 0 else out * (1 + bidirectional)
            for suffix in self._suffixes(number):
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, width), "weight_hh": (gates, out)}
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                for name, shape in shapes.items():
                    setattr(self, name + suffix, parameter(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    def _suffixes(self, number: int) -> list[str]:
        """How the names of a layer's parameters end, for each direction."""
        return [f"_l{number}", *([f"_l{number}_reverse"] if self.bidirectional else [])]

    def _weights(self, suffix: str) -> list[Any]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return [self._parameters.get(name + suffix) for name in names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction."""
        suffixes = [suffix for number in range(self.num_layers) for suffix in self._suffixes(number)]
        return [[w for w in self._weights(suffix) if w is not None] for suffix in suffixes]

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: weights need not stand side by side in memory."""

    def _states(self, input: Tensor, given: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """The states to begin with, ``(layers * directions, batch, size)``, checked; zeros by default."""
        own = self.weight_ih_l0.dtype
        if input.dtype is not own:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({own}). Convert input: input.to({own}), "
                f"or convert model: model.to({input.dtype})"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )
        shapes = self._state_shapes(input.shape[0 if self.batch_first else 1])
        if given is None:
            return tuple(zeros(shape, dtype=input.dtype) for shape in shapes)
        self._check_states(given, shapes)
        return given

    def _state_shapes(self, batch: int) -> list[tuple[int, ...]]:
        """Those of the hidden state and, in an LSTM, of the cells'."""
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)[: 2 if self.mode == "LSTM" else 1]
        return [(self.num_layers * (1 + self.bidirectional), batch, size) for size in sizes]

    def _check_states(self, given: tuple[Tensor, ...], shapes: list[tuple[int, ...]]) -> None:
        """PyTorch's errors."""
        if len(given) < len(shapes):
            raise IndexError("tuple index out of range")
        for i, (state, shape) in enumerate(zip(given, shapes)):
            if tuple(state.size()) != shape:
                which = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {which} size {shape}, got {list(state.shape)}")
        if len(given) > len(shapes):
            raise RuntimeError("lstm expects two hidden states")

    def _run(
        self, input: Tensor, states: tuple[Tensor, ...], sizes: Sequence[int] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Over ``(length, batch, features)``, or over the rows of a packed sequence with these batch sizes."""
        suffixes = [suffix for number in range(self.num_layers) for suffix in self._suffixes(number)]
        weights = [self._weights(suffix) for suffix in suffixes]
        return stacked(
            self.mode, input, states, weights, 1 + self.bidirectional, self.dropout, self.training, sizes
        )

    def _run_packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        """Over a packed sequence; states are in the order of the sequences that were packed."""
        data, batch_sizes, order, back = packed
        sizes = batch_sizes.tolist()
        self._check_rows(data, sizes)
        given = None if hx is None else tuple(hx) if self.mode == "LSTM" else (hx,)
        if given is None:
            given = tuple(zeros(shape, dtype=data.dtype) for shape in self._state_shapes(sizes[0]))
        elif order is not None:
            given = tuple(state.index_select(1, order) for state in given)
        self._check_states(given, self._state_shapes(sizes[0]))
        out, lasts = self._run(data, given, sizes)
        if back is not None:
            lasts = tuple(last.index_select(1, back) for last in lasts)
        return PackedSequence(out, batch_sizes, order, back), lasts if self.mode == "LSTM" else lasts[0]

    def _check_rows(self, data: Tensor, sizes: list[int]) -> None:
        """PyTorch's errors, or clear ones, for what a packed sequence made by hand may have."""
        weight = self.weight_ih_l0
        if data.dim() != 2 or data.shape[1] != self.input_size:
            rows, width = data.shape if data.dim() == 2 else (1, data.shape[-1])
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({rows}x{width} and {self.input_size}x{weight.shape[0]})"
            )
        if data.dtype is not weight.dtype:
            names = f"{data.dtype.title} and {weight.dtype.title}"
            raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {names}")
        if sum(sizes) != data.shape[0] or sizes != sorted(sizes, reverse=True) or sizes[-1] < 1:
            raise RuntimeError(
                f"batch_sizes must be positive, never rise, and sum to the {data.shape[0]} rows of data, got {sizes}: "
                "use pack_padded_sequence or pack_sequence"
            )

    def _check_ranks(self, input: Tensor, states: tuple[Tensor, ...] | None) -> bool:
        """PyTorch's errors; whether there is a batch."""
        name = type(self).__name__
        if input.dim() not in (2, 3):
            end = " tensor instead" if name == "RNN" else " instead"
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D{end}")
        batched = input.dim() == 3
        ranks = [state.dim() for state in states or ()]
        if any(rank != input.dim() for rank in ranks):
            which = f"{'batched' if batched else 'unbatched'} {input.dim()}-D input"
            if self.mode == "LSTM":
                raise RuntimeError(
                    f"For {which}, hx and cx should also be {input.dim()}-D but got ({ranks[0]}-D, {ranks[1]}-D) "
                    "tensors"
                )
            raise RuntimeError(f"For {which}, hx should also be {input.dim()}-D but got {ranks[0]}-D tensor")
        return batched

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The outputs of the last layer for all times (packed, where the input is), and the last states of all."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, hx)
        states = None if hx is None else tuple(hx) if self.mode == "LSTM" else (hx,)
        batched = self._check_ranks(input, states)
        axis = 0 if self.batch_first else 1
        if not batched:
            input = input.unsqueeze(axis)
            states = None if states is None else tuple(state.unsqueeze(1) for state in states)
        states = self._states(input, states)
        out, lasts = self._run(input.transpose(0, 1) if self.batch_first else input, states)
        out = out.transpose(0, 1) if self.batch_first else out
        if not batched:
            out, lasts = out.squeeze(axis), tuple(last.squeeze(1) for last in lasts)
        return out, lasts if self.mode == "LSTM" else lasts[0]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, plain in (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
            ("bidirectional", False),
        ):  # fmt: skip
            if getattr(self, name) != plain:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(RNNBase):
    """Elman's network: tanh(or relu) of the input's and the state's products with weights."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError(NO_PROJECTION)
        nonlinearity = args[3] if len(args) > 3 else kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        self.__dict__["nonlinearity"] = nonlinearity
        super().__init__(f"RNN_{nonlinearity.upper()}", *args[:3], *args[4:], **kwargs)


class LSTM(RNNBase):
    """Long short-term memory.

    >>> import funcgrad.torch as torch
    >>> out, (h, c) = LSTM(3, 5, batch_first=True)(torch.ones(2, 7, 3))
    >>> out.shape, c.shape
    (torch.Size([2, 7, 5]), torch.Size([1, 2, 5]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError(NO_PROJECTION)
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """One step."""

    _mode: str

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = GATES[self._mode] * hidden_size
        self.weight_ih = parameter(gates, input_size, device=device, dtype=dtype)
        self.weight_hh = parameter(gates, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, parameter(gates, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _advanced(self, input: Tensor, states: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for i, state in enumerate(states or ()):
            if state.dim() not in (1, 2):
                which = f"hx[{i}]" if self._mode == "LSTM" else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.dim()}D instead")
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
            states = None if states is None else tuple(state.unsqueeze(0) for state in states)
        if states is None:
            start = zeros(input.shape[0], self.hidden_size, dtype=input.dtype)
            states = (start, start) if self._mode == "LSTM" else (start,)
        self._check(input, states)
        new = cell(self._mode, input, states, (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh))
        return new if batched else tuple(state.squeeze(0) for state in new)

    def _check(self, input: Tensor, states: tuple[Tensor, ...]) -> None:
        """PyTorch's errors."""
        if input.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]} expected {self.input_size}")
        for i, state in enumerate(states):
            if state.shape[0] != input.shape[0]:
                raise RuntimeError(
                    f"Input batch size {input.shape[0]} doesn't match hidden{i} batch size {state.shape[0]}"
                )
            if state.shape[1] != self.hidden_size:
                raise RuntimeError(
                    f"hidden{i} has inconsistent hidden_size: got {state.shape[1]}, expected {self.hidden_size}"
                )

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")
        other = getattr(self, "nonlinearity", "tanh")
        return text if other == "tanh" else f"{text}, nonlinearity={other}"


class RNNCell(RNNCellBase):
    """One step of `RNN`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {nonlinearity}")
        self.__dict__.update(nonlinearity=nonlinearity, _mode=f"RNN_{nonlinearity.upper()}")
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._advanced(input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: the new state's two parts."""

    _mode = "LSTM"

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, ...]:
        return self._advanced(input, None if hx is None else tuple(hx))


class GRUCell(RNNCellBase):
    """One step of `GRU`."""

    _mode = "GRU"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._advanced(input, None if hx is None else (hx,))[0]
