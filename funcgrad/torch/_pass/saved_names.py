"""What PyTorch calls the tensors that an operation saves, where it is not `self`, `other` and `result`."""

from __future__ import annotations

_INDEX, _INDICES, _TARGET = {"other": "index"}, {"other": "indices"}, {"other": "target"}
_INPUT_AND_WEIGHT = {"self": "input", "other": "weight"}
_OF_THREE = {"other": "tensor1", "self": "tensor2"}

CALLED: dict[str, dict[str, str]] = {
    "Addcdiv": _OF_THREE, "Addcmul": _OF_THREE, "Addmm": {"self": "mat1", "other": "mat2"},
    "Baddbmm": {"self": "batch1", "other": "batch2"}, "BinaryCrossEntropy": _TARGET,
    "BinaryCrossEntropyWithLogits": _TARGET, "Bmm": {"other": "mat2"}, "Cdist": {"self": "x1", "other": "x2"},
    "Convolution": _INPUT_AND_WEIGHT, "Cummax": _INDICES, "Cummin": _INDICES, "Dot": {"other": "tensor"},
    "Gather": _INDEX, "GridSampler2D": {"self": "input", "other": "grid"},
    "GridSampler3D": {"self": "input", "other": "grid"}, "HuberLoss": _TARGET, "IndexAdd": _INDEX, "IndexFill": _INDEX,
    "IndexSelect": _INDEX, "Kthvalue": _INDICES, "LinalgCholeskyEx": {"result": "L"}, "LinalgDet": {"self": "A"},
    "LinalgInvEx": {"result": "inverse"}, "LinalgSolveEx": {"self": "A"}, "MaskedFill": {"other": "mask"},
    "MaskedSelect": {"other": "mask"}, "Max": _INDICES, "MaxPool2DWithIndices": {"other": "result1"},
    "Median": _INDICES, "Min": _INDICES, "Mm": {"other": "mat2"}, "Mode": _INDICES, "MseLoss": _TARGET,
    "Mv": {"other": "vec"}, "NativeBatchNorm": _INPUT_AND_WEIGHT, "NativeGroupNorm": _INPUT_AND_WEIGHT,
    "NativeLayerNorm": _INPUT_AND_WEIGHT, "NllLoss": _TARGET, "NllLoss2D": _TARGET,
    "PreluKernel": {"other": "weight"}, "Scatter": _INDEX, "ScatterAdd": _INDEX, "SmoothL1Loss": _TARGET,
    "Sort": _INDICES, "Topk": _INDICES, "Where": {"other": "condition"},
}  # fmt: skip
_NUMBERED = {"PowBackward1": {"other": "exponent"}, "PowBackward2": {"self": "exponent"}}


def _called(entry: str) -> dict[str, str]:
    return _NUMBERED.get(entry) or CALLED.get(entry.rstrip("0123456789").removesuffix("Backward"), {})


def name_of_role(entry: str, role: str) -> str:
    """What PyTorch calls what an entry of that name has saved as `self`, `other` or `result`."""
    return _called(entry).get(role, role)


def role_of_name(entry: str, name: str) -> str:
    """The reverse; a name that PyTorch has not for it stays as it is, but for one of ours: that is none, ""."""
    called = _called(entry)
    for role, known in called.items():
        if known == name:
            return role
    return "" if name in called else name
