"""PyTorch's generator on the CPU (MT19937) and its transforms, so that a seed gives PyTorch's numbers."""

from __future__ import annotations

import math
import os
import struct
import threading
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import numpy as np

from funcgrad.torch._tensor.devices import CPU, used
from funcgrad.torch._tensor.tensor import fresh

STATE = struct.Struct("<QiiQ4992s3di4xfi")
"""PyTorch's layout: seed, words left, seeded, next word, 624 words of 8 bytes, the spare normal number in double
(x, y, rho, whether there is one), and in single."""


SEED = 67280421310721
"""What PyTorch starts a generator from."""


class _Through(threading.local):
    """What a transformation does in place of drawing, in a thread: `way(draw, count, *rest)`."""

    way: Callable[..., Any] | None = None


through = _Through()


def drawing(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that draws `count` numbers, or what a transformation gives in their place."""

    @wraps(method)
    def draw(self: Generator, count: int, *rest: Any) -> Any:
        way = through.way
        if way is None:
            return method(self, count, *rest)
        through.way = None
        try:
            return way(partial(method, self), count, *rest)
        finally:
            through.way = way

    return draw


class Generator:
    """A stream of 32-bit random words."""

    device = CPU

    def __init__(self, device: Any = CPU) -> None:
        used(device)
        self.manual_seed(SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed; negative ones count from 2**64 - 1 down."""
        if type(seed) is not int:
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(f"Overflow when unpacking long long: {seed} is no 64-bit seed")
        self.first = seed if seed >= 0 else seed + 2**64
        self.words_of = np.random.RandomState(self.first & 0xFFFFFFFF)
        self.spare: float | None = None
        return self

    def initial_seed(self) -> int:
        """The seed that it was started from."""
        return self.first

    def seed(self) -> int:
        """Start again from a random seed, which is returned."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self.first

    def get_state(self) -> Any:
        """The state in PyTorch's layout, a tensor of 5056 bytes."""
        words, position = _words_and_position(self.words_of)
        start, _ = _words_and_position(np.random.RandomState(self.first & 0xFFFFFFFF))
        unused = position == 624 and np.array_equal(words, start)
        left, following = (1, 0) if unused else (625 - position, position)
        is_spare, spare = self.spare is not None, self.spare or 0.0
        packed = STATE.pack(
            self.first, left, 1, following, words.astype("<u8").tobytes(), 0.0, spare, 0.0, is_spare, 0.0, 0
        )
        return fresh(np.frombuffer(packed, np.uint8).copy())

    def set_state(self, new_state: Any) -> Generator:
        """Go on from a state that `get_state` gave, here or in PyTorch."""
        packed = new_state._array("The state of a generator")
        if packed.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if packed.size != STATE.size:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE.size} but found the input RNG state size to be "
                f"{packed.size}"
            )
        first, left, _, following, words, _, spare, _, is_spare, _, _ = STATE.unpack(packed.tobytes())
        position = 624 if left == 1 else following
        self.first = first
        self.words_of.set_state(("MT19937", np.frombuffer(words, "<u8").astype(np.uint32), position, 0, 0.0))
        self.spare = spare if is_spare else None
        return self

    @drawing
    def words(self, count: int) -> np.ndarray:
        """32 random bits each. (For no bytes NumPy takes a word all the same.)"""
        return np.frombuffer(self.words_of.bytes(4 * count) if count else b"", "<u4").astype(np.uint64)

    @drawing
    def uniform(self, count: int, dtype: np.dtype) -> np.ndarray:
        """In [0, 1): 24 random bits for float32, 53 for float64."""
        if dtype != np.float64:
            return ((self.words(count) & np.uint64(2**24 - 1)) / 2**24).astype(dtype)
        return (self.long_words(count) & np.uint64(2**53 - 1)) / 2**53

    @drawing
    def long_words(self, count: int) -> np.ndarray:
        """64 random bits each."""
        pairs = self.words(2 * count).reshape(count, 2)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]

    @drawing
    def normal(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Box and Muller's transform: pair by pair for a few, eight pairs at a time for 16 and more."""
        if count < 16:
            return self.singly(count, dtype)
        kind = np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)
        whole = count - count % 16
        out = np.zeros(count, kind)
        drawn = self.uniform(whole if dtype == np.float16 else count, kind)
        out[: drawn.size] = drawn
        out[:whole] = _sixteens(out[:whole])
        if whole != count:
            out[-16:] = _sixteens(self.uniform(16, kind))
        return out.astype(dtype)

    @drawing
    def singly(self, count: int, dtype: np.dtype) -> np.ndarray:
        """Normal numbers, pair by pair also where they are many: for memory that is not in order."""
        return self.doubles(count).astype(dtype)

    @drawing
    def doubles(self, count: int) -> np.ndarray:
        """Normal numbers in double precision, pair by pair; what is left of a pair is kept for the next call."""
        return np.array([self.double() for _ in range(count)], np.float64)

    def double(self) -> float:
        """One of `doubles`."""
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        u, v = self.uniform(2, np.dtype(np.float64)).tolist()
        radius, angle = math.sqrt(-2.0 * math.log1p(-v)), 2.0 * math.pi * u
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def _words_and_position(source: np.random.RandomState) -> tuple[np.ndarray, int]:
    state = source.get_state(legacy=False)["state"]
    return state["key"], state["pos"]


def _sixteens(u: np.ndarray) -> np.ndarray:
    rows = u.reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - rows[:, 0]))
    angle = rows[:, 1] * rows.dtype.type(2 * math.pi)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)


default_generator = Generator()
default_generator.seed()
