"""From the bytes of texts to shingle sets, MinHash signatures and band keys, in one pass of machine code.

The hash of a token is FNV-1a over its code points (Fowler, Noll, Vo), 64 bits, finished by MurmurHash3's mixer
(Appleby); the hash of a shingle is a polynomial in the token hashes that rolls from one shingle to the next. What a
signature is made of are its upper 32 bits, as datasketch's affine32 scheme wants them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

Bytes = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

APART, JOINS, ALONE, IGNORED = 0, 1, 2, 3
"""What a character does: ends a token, continues one, is one by itself, or is passed over."""

FNV_START = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
ROLL = np.uint64(0x9E3779B97F4A7C15)
SECOND = np.uint64(0xD6E8FEB86659FD93)
SHIFT_33, SHIFT_32 = np.uint64(33), np.uint64(32)
FIRST_IDEOGRAPH, LAST_IDEOGRAPH = np.uint32(0x20000), np.uint32(0x3FFFF)


@compiled
def mix(value: np.uint64) -> np.uint64:
    """Return ``value`` with every bit spread over all 64: MurmurHash3's fmix64."""
    value = (value ^ (value >> SHIFT_33)) * MIX_1
    value = (value ^ (value >> SHIFT_33)) * MIX_2
    return value ^ (value >> SHIFT_33)


@compiled
def code_point(data: Bytes, at: int) -> tuple[np.uint32, int]:
    """Return the character that starts at byte ``at`` of UTF-8 text and the bytes that it takes."""
    first = np.uint32(data[at])
    if first < 0x80:
        return first, 1
    second = np.uint32(data[at + 1]) & np.uint32(0x3F)
    if first < 0xE0:
        return (first & np.uint32(0x1F)) << np.uint32(6) | second, 2
    third = np.uint32(data[at + 2]) & np.uint32(0x3F)
    if first < 0xF0:
        return (first & np.uint32(0x0F)) << np.uint32(12) | second << np.uint32(6) | third, 3
    fourth = np.uint32(data[at + 3]) & np.uint32(0x3F)
    upper = (first & np.uint32(0x07)) << np.uint32(18) | second << np.uint32(12)
    return upper | third << np.uint32(6) | fourth, 4


@compiled
def beyond_table(character: np.uint32) -> np.uint32:
    """Return the table entry of a character past the table: ideographs stand alone, the rest is passed over."""
    if FIRST_IDEOGRAPH <= character <= LAST_IDEOGRAPH:
        return character | np.uint32(ALONE) << np.uint32(24)
    return np.uint32(IGNORED) << np.uint32(24)


@compiled
def token_hashes(data: Bytes, start: int, stop: int, table: U32, out: U64) -> int:
    """Write the hashes of the tokens of ``data[start:stop]`` to ``out`` and return how many there are."""
    count, at, state = 0, start, FNV_START
    while at < stop:
        if data[at] < 0x80:
            entry = table[data[at]]
            at += 1
        else:
            character, size = code_point(data, at)
            entry = table[character] if character < table.size else beyond_table(character)
            at += size
        role, folded = entry >> np.uint32(24), np.uint64(entry & np.uint32(0xFFFFFF))
        if role == JOINS:
            state = (state ^ folded) * FNV_PRIME
        elif role != IGNORED:
            if state != FNV_START:
                out[count] = mix(state)
                count, state = count + 1, FNV_START
            if role == ALONE:
                out[count] = mix((FNV_START ^ folded) * FNV_PRIME)
                count += 1
    if state != FNV_START:
        out[count] = mix(state)
        count += 1
    return count


@compiled
def shingle_hashes(tokens: U64, count: int, size: int, out: U32) -> int:
    """Write the hashes of the runs of ``size`` tokens to ``out`` and return how many; fewer tokens are one shingle."""
    leaving = np.uint64(1)
    for _ in range(size):
        leaving *= ROLL
    state = np.uint64(0)
    for i in range(min(size, count)):
        state = state * ROLL + tokens[i]
    if count == 0:
        return 0
    out[0] = np.uint32(mix(state) >> SHIFT_32)
    for i in range(size, count):
        state = state * ROLL + tokens[i] - tokens[i - size] * leaving
        out[i - size + 1] = np.uint32(mix(state) >> SHIFT_32)
    return max(1, count - size + 1)


@compiled
def sort_unique(values: U32, scratch: U32, starts: I64) -> int:
    """Sort ``values`` in place, equal ones once, and return how many are left at its front.

    Hashes are spread evenly, so that one pass by their upper bits leaves about one value in each of ``starts.size - 1``
    places, and what is not in order is put in order by insertion.
    """
    shift = np.uint32(32)
    places = 1
    while places < values.size and 2 * places < starts.size:
        places *= 2
        shift -= np.uint32(1)
    if places > 1:
        starts[: places + 1] = 0
        for value in values:
            starts[(value >> shift) + 1] += 1
        for i in range(1, places):
            starts[i + 1] += starts[i]
        for value in values:
            place = value >> shift
            scratch[starts[place]] = value
            starts[place] += 1
        values[:] = scratch[: values.size]
    return insertion_unique(values)


@compiled
def insertion_unique(values: U32) -> int:
    """Sort nearly sorted ``values`` in place, equal ones once, and return how many are left at its front."""
    for i in range(1, values.size):
        value, j = values[i], i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    kept = min(1, values.size)
    for i in range(1, values.size):
        if values[i] != values[kept - 1]:
            values[kept] = values[i]
            kept += 1
    return kept


@compiled
def mix32(value: np.uint32) -> np.uint32:
    """Return ``value`` with every bit spread over all 32: MurmurHash3's fmix32."""
    # The casts here and in ``sign`` are the modulo: numba multiplies 32-bit numbers into 64 bits.
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return value ^ (value >> np.uint32(16))


@compiled
def sign(shingles: U32, multipliers: U32, offsets: U32, signature: U32) -> None:
    """Write the MinHash values of ``shingles`` to ``signature``: datasketch 2's affine32 scheme, bit for bit."""
    signature[:] = np.uint32(0xFFFFFFFF)
    # Two at a time, the last one of an odd number twice: half the memory traffic, and a minimum minds no repetition.
    for i in range(0, shingles.size, 2):
        one, two = mix32(shingles[i]), mix32(shingles[min(i + 1, shingles.size - 1)])
        for k in range(signature.size):
            least = min(np.uint32(multipliers[k] * one + offsets[k]), np.uint32(multipliers[k] * two + offsets[k]))
            signature[k] = min(signature[k], least)


@compiled
def sign_sets(values: U32, starts: I64, permutations: U32, out: U32) -> None:
    """Write the signatures of the shingle sets ``values[starts[i]:starts[i + 1]]`` to the rows of ``out``."""
    for i in range(len(out)):
        sign(values[starts[i] : starts[i + 1]], permutations[0], permutations[1], out[i])


@compiled
def band_keys(signature: U32, rows: int, out: U32) -> None:
    """Write one 32-bit key for each band of ``rows`` values of a signature."""
    for band in range(out.size):
        state = np.uint64(band)
        for k in range(band * rows, (band + 1) * rows):
            state = mix(state * ROLL + np.uint64(signature[k]))
        out[band] = np.uint32(state >> SHIFT_32)


@compiled
def fingerprint(shingles: U32, out: U64) -> None:
    """Write the 128 bits that name a set of shingles."""
    first, second = np.uint64(shingles.size), np.uint64(0)
    for shingle in shingles:
        first = (first ^ np.uint64(shingle)) * MIX_1
        first ^= first >> SHIFT_32
        second = (second + np.uint64(shingle)) * SECOND
        second ^= second >> SHIFT_32
    out[0], out[1] = mix(first), mix(second)


@compiled
def sign_texts(
    data: Bytes, ends: I64, table: U32, size: int, permutations: U32, bands: int, rows: int
) -> tuple[U32, I64, U32, U64]:
    """Return (shingles, their count in each text, band keys, fingerprints) of the texts ``data[ends[i]:ends[i + 1]]``.

    Shingles lie end to end, sorted and unique within a text; keys have shape (texts, bands), fingerprints (texts, 2).
    """
    texts = ends.size - 1
    longest = 1
    for i in range(texts):
        longest = max(longest, ends[i + 1] - ends[i] + 1)
    tokens, scratch = np.empty(longest, np.uint64), np.empty(longest, np.uint32)
    starts = np.empty(min(longest, 1 << 16) + 1, np.int64)
    signature = np.empty(bands * rows, np.uint32)
    shingles = np.empty(ends[-1] - ends[0] + texts, np.uint32)
    counts, keys = np.empty(texts, np.int64), np.empty((texts, bands), np.uint32)
    names = np.empty((texts, 2), np.uint64)
    used = 0
    for i in range(texts):
        count = token_hashes(data, ends[i], ends[i + 1], table, tokens)
        count = shingle_hashes(tokens, count, size, shingles[used:])
        count = sort_unique(shingles[used : used + count], scratch, starts)
        mine = shingles[used : used + count]
        sign(mine, permutations[0], permutations[1], signature)
        band_keys(signature, rows, keys[i])
        fingerprint(mine, names[i])
        counts[i] = count
        used += count
    return shingles[:used].copy(), counts, keys, names
