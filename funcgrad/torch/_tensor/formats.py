"""Layouts, of which there is one, and orders of memory."""

from __future__ import annotations


class _Named:
    """One of a few objects that are known by their names."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Named):
    """How a tensor's elements are stored."""

    __module__ = "funcgrad.torch"


class memory_format(_Named):
    """In which order a tensor's elements are stored."""

    __module__ = "funcgrad.torch"


strided = layout("strided")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
