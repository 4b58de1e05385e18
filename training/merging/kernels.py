"""Compiled loops of merging, each over one span; NumPy would write every intermediate step to memory.

``bits`` are float32 numbers read as integers: without their sign they order by magnitude. No sum here is reordered, so
the machine's vector width changes nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

EXPONENT = np.uint16(0x7F80)
UPPER = np.uint32(16)
HALF_UNIT = np.uint32(0x7FFF)
ONE = np.uint32(1)
NO_SIGN = np.uint32(0x7FFFFFFF)
NEXT_TO_NOTHING = np.float32(1e-8)
BELOW = np.uint64(0xFFFFFFFF)
ABOVE = np.uint64(32)


# --- bfloat16 ------------------------------------------------------------------------------------------------------


@compiled
def widen(halves: U16, bits: U32) -> bool:
    """Widen bfloat16 numbers to float32; return whether all are finite."""
    most = np.uint16(0)
    for n in range(len(halves)):
        bits[n] = np.uint32(halves[n]) << UPPER
        most = max(most, halves[n] & EXPONENT)
    return bool(most < EXPONENT)


@compiled
def narrow(bits: U32, halves: U16) -> bool:
    """Round float32 numbers to bfloat16, ties to even; return whether all are finite."""
    most = np.uint16(0)
    for n in range(len(halves)):
        halves[n] = np.uint16((bits[n] + HALF_UNIT + ((bits[n] >> UPPER) & ONE)) >> UPPER)
        most = max(most, halves[n] & EXPONENT)
    return bool(most < EXPONENT)


# --- the largest ---------------------------------------------------------------------------------------------------


@compiled
def tally(bits: U32, shift: int, prefix: int, counts: I64) -> None:
    """Count magnitudes by the 16 bits from ``shift`` upwards, among those whose higher bits are ``prefix``."""
    for n in range(len(bits)):
        value = np.int64(bits[n] & NO_SIGN)
        if value >> (shift + 16) == prefix:
            counts[(value >> shift) & 0xFFFF] += 1


@compiled
def equals(bits: U32, least: int) -> int:
    """Count the magnitudes equal to ``least``."""
    magnitude, count = np.uint32(least), 0
    for n in range(len(bits)):
        count += (bits[n] & NO_SIGN) == magnitude
    return count


@compiled
def keep_from(bits: U32, least: int) -> None:
    """Set magnitudes below ``least`` to zero."""
    lowest = np.uint32(least)
    for n in range(len(bits)):
        bits[n] = bits[n] if (bits[n] & NO_SIGN) >= lowest else np.uint32(0)


@compiled
def keep_first(bits: U32, least: int, allowed: int) -> None:
    """Set magnitudes equal to ``least`` to zero, except the first ``allowed`` of them."""
    magnitude = np.uint32(least)
    for n in range(len(bits)):
        if (bits[n] & NO_SIGN) == magnitude:
            if allowed <= 0:
                bits[n] = np.uint32(0)
            allowed -= 1


# --- chance --------------------------------------------------------------------------------------------------------


@compiled
def chance(key: np.uint64, place: int | np.int64) -> float:
    """Return a number in [0, 1) for an element: SplitMix64 (Steele, Lea, Flood 2014) of key and position."""
    z = key + np.uint64(place + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def drop(delta: F32, key: np.uint64, first: int, density: float, factor: np.float32) -> None:
    """Multiply each entry by ``factor`` with probability ``density``, and set it to zero otherwise."""
    for n in range(len(delta)):
        delta[n] = delta[n] * factor if chance(key, first + n) < density else np.float32(0)


@compiled
def rank_keys(bits: U32, columns: int, keys: U64) -> None:
    """Write keys of magnitude above and column below; sorted row by row, they give the order of a row's magnitudes."""
    for row in range(0, len(bits), columns):
        for column in range(columns):
            keys[row + column] = np.uint64(bits[row + column] & NO_SIGN) << ABOVE | np.uint64(column)


@compiled
def drop_by_rank(
    delta: F32, keys: U64, columns: int, key: np.uint64, first: int, low: float, step: float, divided: bool
) -> None:
    """Keep each entry with probability ``low`` for the smallest of its row, and ``step`` more for each next.

    ``keys`` are sorted row by row. With ``divided`` kept entries are divided by their probability.
    """
    for row in range(0, len(delta), columns):
        for rank in range(columns):
            place = row + np.int64(keys[row + rank] & BELOW)
            share = low + rank * step
            scale = np.float32(1 / share if divided else 1)
            delta[place] *= scale if chance(key, first + place) < share else np.float32(0)


# --- sums ----------------------------------------------------------------------------------------------------------


@compiled
def add_agreeing(delta: F32, weight: np.float32, total: F32, chosen: F32, divisor: F32) -> None:
    """Add to ``chosen`` the entries with the sign of ``total`` (0 counts as plus), to ``divisor`` their weight."""
    nought = np.float32(0)
    for n in range(len(delta)):
        agrees = delta[n] > nought if total[n] >= nought else delta[n] < nought
        chosen[n] += delta[n] if agrees else nought
        divisor[n] += weight if agrees else nought


@compiled
def divide(values: F32, divisors: F32) -> None:
    """Divide by a number for each entry or, given one number, for all; a divisor near zero is skipped."""
    one = np.float32(1)
    for n in range(len(values)):
        divisor = divisors[n if len(divisors) > 1 else 0]
        values[n] = values[n] / (divisor if abs(divisor) >= NEXT_TO_NOTHING else one)


@compiled
def magnitude(values: F32) -> float:
    """Return the sum of magnitudes."""
    total = 0.0
    for n in range(len(values)):
        total += abs(np.float64(values[n]))
    return total


@compiled
def dots(a: F32, b: F32, columns: int, products: F64) -> None:
    """Add to ``products`` the dot product of each row of two arrays, or of all rows where it has one element."""
    for n in range(len(a)):
        row = n // columns if len(products) > 1 else 0
        products[row] += np.float64(a[n]) * np.float64(b[n])
