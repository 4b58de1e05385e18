"""Words of texts as 64-bit keys, straight from Arrow buffers.

A word is a run of letters and digits after Unicode folding (NFKD, case folded, combining marks dropped), cut to its
first six characters so that inflections and slips near a word's end are equal. Scripts without spaces between words
(Han, kana, Thai, Lao, Burmese, Khmer) give overlapping pairs of characters instead.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.compiled import compiled

Bytes = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

WORD_CHARS = 6
"""Measured on OpenMedQA against MedQA at equal false alarms: whole words find 95.1% of the rewrites, the first seven
characters 97.4%, six 97.9%, five 97.7%.
"""

WHOLE = 1 << 30
"""A length that cuts no word."""

UNSPACED = 1 << 24
"""Flag on a folded character of a script without spaces."""

UNSPACED_SCRIPTS = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF)),  # Thai and Lao, Burmese, Khmer, kana
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),  # Han
)
TABLE_SIZE = 0x323B0
"""Code points with a table entry; those beyond (tags, private use) separate words."""

DROPPED_MARKS = ("Mn", "Me", "Cf")
SEPARATORS = ("Cn", "Co", "Cs", "Cc")
OTHER_IDS = 1 << 16
"""Ids shared by words outside a vocabulary: enough to count the distinct ones in a passage of some hundred words."""

PRIME, BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits
SHIFT, ONE = np.uint64(29), np.uint64(1)


class Folding(NamedTuple):
    """How characters are read.

    An entry of ``table`` is the folded character, 0 for a separator, -1 for a dropped mark, or ``-2 - at`` where
    ``spill[at]`` holds the number of characters that follow there. Words are cut to ``longest`` characters.
    """

    table: I32
    spill: I32
    longest: int


class Words(NamedTuple):
    """The words of n texts: n + 1 offsets, keys (odd numbers), and the byte of the text where each begins."""

    offsets: I64
    keys: U64
    at: I64


def fold(character: str) -> list[int]:
    """Return the folded code points of one character: 0 is a separator, an empty list a dropped mark."""
    folded = []
    for part in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold()):
        category = unicodedata.category(part)
        if category not in DROPPED_MARKS:
            folded.append(ord(part) | _flag(ord(part)) if category[0] in "LN" or category == "Mc" else 0)
    return folded


def _flag(code: int) -> int:
    return UNSPACED if any(first <= code <= last for first, last in UNSPACED_SCRIPTS) else 0


def folding(longest: int = WORD_CHARS) -> Folding:
    """Return the folding of all characters, words cut to ``longest`` characters."""
    return Folding(*_tables(), longest)


@cache
def _tables() -> tuple[I32, I32]:
    """Return ``table`` and ``spill`` of every folding."""
    table, spill = np.zeros(TABLE_SIZE, np.int32), [0]
    for code in range(TABLE_SIZE):
        if unicodedata.category(chr(code)) in SEPARATORS:
            continue
        folded = fold(chr(code))
        if len(folded) > 1:
            table[code] = -2 - len(spill)
            spill += [len(folded), *folded]
        else:
            table[code] = folded[0] if folded else -1
    return table, np.array(spill, np.int32)


def words(texts: pl.Series, longest: int = WORD_CHARS) -> Words:
    """Return the words of a text column, in order, cut to ``longest`` characters; null is an empty text."""
    return _words(*buffers(texts), folding(longest))


def text_keys(texts: pl.Series) -> U64:
    """Return one key per text over its uncut words in order; 0 for null and for a text without words."""
    offsets, keys, _ = _words(*buffers(texts), folding(WHOLE))
    return _chained(offsets, keys)


def buffers(texts: pl.Series) -> tuple[Bytes, I64]:
    """Return the UTF-8 bytes of a text column and the n + 1 offsets into them."""
    array = texts.cast(pl.String).fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    if offsets is None:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    window = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return (np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)), window


@compiled
def code_point(data: Bytes, at: int) -> tuple[np.int64, int]:
    """Return the character that starts at byte ``at`` of UTF-8 text, and the byte after it."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, at + 1
    second = np.int64(data[at + 1] & 0x3F)
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, at + 2
    third = np.int64(data[at + 2] & 0x3F)
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, at + 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | np.int64(data[at + 3] & 0x3F), at + 4


@compiled
def _words(data: Bytes, ends: I64, folding: Folding) -> Words:
    expected = 64 + (ends[-1] - ends[0]) // 4  # most words are longer; memory that is not written costs nothing
    offsets, keys, at = np.zeros(ends.size, np.int64), np.empty(expected, np.uint64), np.empty(expected, np.int64)
    for i in range(ends.size - 1):
        room = offsets[i] + 2 * (ends[i + 1] - ends[i]) + 2
        if room > keys.size:
            keys, at = _longer(keys, offsets[i], 2 * room), _longer(at, offsets[i], 2 * room)
        mine = Words(offsets, keys[offsets[i] :], at[offsets[i] :])
        offsets[i + 1] = offsets[i] + _tokenise(data, ends[i], ends[i + 1], folding, mine)
    return Words(offsets, keys[: offsets[-1]], at[: offsets[-1]])


@compiled
def _longer(values, used, size):  # type: ignore[no-untyped-def]  # compiled once for each of two kinds of numbers
    longer = np.empty(size, values.dtype)
    longer[:used] = values[:used]
    return longer


@compiled
def _tokenise(data: Bytes, start: int, stop: int, folding: Folding, out: Words) -> int:
    """Write the words of ``data[start:stop]`` and return their number; needs room for two per byte, and two more."""
    count, key, length, before, run, here, begun = 0, BASIS, 0, 0, 0, start, 0
    while here <= stop:
        if not run:
            here, count, key, length = _ascii_words(data, here, start, stop, folding, out, count, key, length)
        code, after = code_point(data, here) if here < stop else (np.int64(32), here + 1)
        folded = folding.table[code] if code < folding.table.size else 0
        parts = 1 if folded >= 0 else 0 if folded == -1 else folding.spill[-2 - folded]
        for part in range(parts):
            character = folded if folded >= 0 else folding.spill[-1 - folded + part]
            spaced = 0 < character < UNSPACED
            if length and not spaced:
                count, length = _emit(out, count, key), 0
            if run and character < UNSPACED:
                count, run = _end_run(out, count, before, run, begun), 0
            if spaced:
                if length == 0:
                    key, out.at[count] = BASIS, here - start
                key = (key ^ np.uint64(character)) * PRIME if length < folding.longest else key
                length += 1
            elif character:
                count = _pair(out, count, before, character, run, begun)
                before, run, begun = character, run + 1, here - start
        here = after
    return count


@compiled
def _ascii_words(
    data: Bytes, here: int, start: int, stop: int, folding: Folding, out: Words, count: int, key: np.uint64, length: int
) -> tuple[int, int, np.uint64, int]:
    """Read from byte ``here`` to the next one that is not ASCII: most text is ASCII, and quicker so.

    Return that byte, the number of words written, and key and length of the word that is begun.
    """
    while here < stop and data[here] < 0x80:
        character = folding.table[data[here]]
        if character:
            if length == 0:
                key, out.at[count] = BASIS, here - start
            key = (key ^ np.uint64(character)) * PRIME if length < folding.longest else key
            length += 1
        elif length:
            count, length = _emit(out, count, key), 0
        here += 1
    return here, count, key, length


@compiled
def _emit(out: Words, count: int, key: np.uint64) -> int:
    out.keys[count] = (key ^ (key >> SHIFT)) | ONE
    return count + 1


@compiled
def _end_run(out: Words, count: int, before: int, run: int, at: int) -> int:
    """End a run: a single unspaced character is a word; a longer run has written its pairs already."""
    if run > 1:
        return count
    out.at[count] = at
    return _emit(out, count, (BASIS ^ np.uint64(before)) * PRIME)


@compiled
def _pair(out: Words, count: int, before: int, character: int, run: int, at: int) -> int:
    if run == 0:
        return count
    out.at[count] = at
    return _emit(out, count, ((BASIS ^ np.uint64(before)) * PRIME ^ np.uint64(character)) * PRIME)


@compiled
def _chained(offsets: I64, keys: U64) -> U64:
    out = np.zeros(offsets.size - 1, np.uint64)
    for i in range(offsets.size - 1):
        key = BASIS
        for k in range(offsets[i], offsets[i + 1]):
            key = (key ^ keys[k]) * PRIME
            key ^= key >> SHIFT
        out[i] = key | ONE if offsets[i + 1] > offsets[i] else np.uint64(0)
    return out


@compiled
def lookup_table(vocabulary: U64) -> tuple[U64, I32]:
    """Return an open-addressing table from key to position in ``vocabulary``; 0 is an empty slot, as keys are odd."""
    size = 16
    while size < 4 * vocabulary.size:
        size *= 2
    keys, ids = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for i in range(vocabulary.size):
        slot = vocabulary[i] >> ONE & np.uint64(size - 1)
        while keys[slot]:
            slot = (slot + ONE) & np.uint64(size - 1)
        keys[slot], ids[slot] = vocabulary[i], i
    return keys, ids


@compiled
def word_ids(words: U64, keys: U64, ids: I32, vocabulary: int) -> I32:
    """Return each word's position in the vocabulary; other words share ``OTHER_IDS`` ids from ``vocabulary`` on."""
    out, mask = np.empty(words.size, np.int32), np.uint64(keys.size - 1)
    for k in range(words.size):
        slot = words[k] >> ONE & mask
        while keys[slot] and keys[slot] != words[k]:
            slot = (slot + ONE) & mask
        other = vocabulary + np.int64(words[k] >> ONE & np.uint64(OTHER_IDS - 1))
        out[k] = ids[slot] if keys[slot] else other
    return out
