"""Exact random draws: the same bits on every machine and NumPy version, one named stream per stage.

Only `BitGenerator.random_raw` and integer arithmetic are used: NumPy promises the raw stream of PCG64 for ever, but not the
output of `Generator` methods (NEP 19). A stage that draws more or less never shifts another stage's numbers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
T = TypeVar("T")

_TWO_CHUNKS, _HALF = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_CHUNK_BITS, _HALF_BITS, _SPARE_BITS = np.uint64(16), np.uint64(32), np.uint64(11)
_FIRST_BITS = np.uint64(48)


class Stream:
    """One named stream of draws.

    Args:
        seed: 0 to 2^128 - 1.
        name: the stage that draws; two names give independent streams.
    """

    __slots__ = ("_bits",)

    def __init__(self, seed: int, name: str) -> None:
        # The 32-bit words of ``[seed, crc]``, as SeedSequence would make them of the integers one by one.
        size = max(1, -(-seed.bit_length() // 32))
        words = seed.to_bytes(4 * size, "little") + zlib.crc32(name.encode()).to_bytes(4, "little")
        self._bits = np.random.PCG64(np.random.SeedSequence(np.frombuffer(words, dtype="<u4").astype(np.uint32)))

    def raw(self, count: int) -> NDArray[np.uint64]:
        """`count` raw 64-bit words."""
        return self._bits.random_raw(count)

    def uniform(self, count: int) -> Floats:
        """`count` numbers in [0, 1) on a grid of 2^-53."""
        words = self.raw(count)
        words >>= _SPARE_BITS
        # Signed integers are converted several times as fast, and these are small.
        found = words.view(np.int64).astype(np.float64)
        found *= 1.0 / 9007199254740992.0
        return found

    def at_least(self, share: float, count: int) -> NDArray[np.bool_]:
        """`count` draws, each true with probability 1 - `share`, to a 2^-16th; four to a raw word."""
        words = self.raw(-(-count // 4)).astype("<u8")
        return words.view("<u2")[:count] >= np.uint16(min(65535, round(share * 65536)))

    def normal(self, count: int) -> Floats:
        """`count` bell-shaped numbers, mean 0, standard deviation 1, never beyond 3.47: the sum of four 16-bit chunks."""
        words = self.raw(count)
        # Two chunks at a time: their sums have 17 bits.
        total = words & _TWO_CHUNKS
        words >>= _CHUNK_BITS
        words &= _TWO_CHUNKS
        total += words
        np.right_shift(total, _HALF_BITS, out=words)
        total += words
        total &= _HALF
        found = total.view(np.int64).astype(np.float64)
        found -= 131070.0
        found *= 1.0 / 37837.0
        return found

    def below(self, bound: int, count: int) -> Ints:
        """`count` integers in [0, bound), by multiply and shift."""
        return (((self.raw(count) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)

    def happens(self, share: float) -> bool:
        """True with this probability."""
        return self._one() < share

    def between(self, low: float, high: float) -> float:
        """A number from low to high, all equally likely."""
        return low + (high - low) * self._one()

    def log_between(self, low: float, high: float) -> float:
        """A number from low to high whose logarithm is evenly spread: square roots and products only, which are exact."""
        bits, value, ratio = int(self._bits.random_raw()), low, high / low
        for place in range(24):
            ratio = math.sqrt(ratio)
            if bits >> (63 - place) & 1:
                value *= ratio
        return value

    def permutation(self, count: int) -> Ints:
        """The integers 0 to count - 1 in random order."""
        words = self.raw(count)
        # By their first 16 bits, which are sorted by counting; then those that have these in common change places.
        order = np.argsort((words >> _FIRST_BITS).astype(np.uint16), kind="stable")
        while True:
            ordered = words.take(order)
            wrong = np.flatnonzero(ordered[1:] < ordered[:-1])
            if not len(wrong):
                return order
            if (wrong[1:] - wrong[:-1] == 1).any():
                # No place is in two pairs of the same parity.
                wrong = wrong[wrong % 2 == wrong[0] % 2]
            order[wrong], order[wrong + 1] = order[wrong + 1], order[wrong]

    def choice(self, options: Sequence[T]) -> T:
        """One of `options`, all equally likely."""
        return options[self._below(len(options))]

    def integer(self, low: int, high: int) -> int:
        """One integer from low to high, both included."""
        return low + self._below(high - low + 1)

    # One number at a time in Python's integers: the same as above, and many times as fast as arrays of one.

    def _below(self, bound: int) -> int:
        return ((int(self._bits.random_raw()) >> 32) * bound) >> 32

    def _one(self) -> float:
        return (int(self._bits.random_raw()) >> 11) * (1.0 / 9007199254740992.0)


def distinct(values: Ints) -> Ints:
    """The distinct ones of some small integers of 0 or more, in order."""
    return np.flatnonzero(np.bincount(values))


def to_float32_grid(values: Floats) -> Floats:
    """Round to the nearest float32, kept as float64: the barrier that stops last-bit differences between machines."""
    return values.astype(np.float32).astype(np.float64)
