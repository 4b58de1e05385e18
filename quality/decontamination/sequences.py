"""Word-for-word search for known word sequences: an index of sequences, read once per text.

A sequence is found by one short run of its words (its anchor) and then compared in full, so that an equal text is found
regardless of its surroundings and of the other sequences.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

ANCHOR_WORDS = 5
"""Longest anchor; a shorter sequence is its own anchor."""

INSIDE, SENTENCE, LINE = 0, 1, 2
"""Boundaries of an occurrence: other words; punctuation that ends or opens a sentence; a line or the whole text."""

MOST = 100
"""Most occurrences of one sequence per text; more of them come from a loop."""

PHRASE_WORDS, PHRASE_BITS = 3, 10.0
"""Least words, and bits together, of a question that begins a sentence with an answer that is one."""

FILTER_BITS = 23
WORD_SHIFT = np.uint64(48)
PRIME, SHIFT, ONE = np.uint64(0x9E3779B97F4A7C15), np.uint64(29), np.uint64(1)


class Sequences(NamedTuple):
    """Distinct word sequences, and a table from the hash of an anchor to the sequences that have it.

    ``keys[starts[i]:starts[i + 1]]`` are the words of sequence i, ``anchors[i]`` the position of its anchor among them.
    ``needs[i]`` is the boundary required before it for an occurrence to count (``INSIDE``: any).
    ``slots`` are hashes (0 is empty), ``heads`` the first sequence of a slot, ``following`` the next one or -1;
    ``filter`` has a bit for every hash of an anchor and ``prefixes`` for every hash of an anchor's first words.
    """

    starts: I64
    keys: U64
    anchors: I32
    needs: U8
    slots: U64
    heads: I32
    following: I32
    filter: U8
    prefixes: U8


class Occurrences(NamedTuple):
    """Text, sequence, position of the first word among those of all texts, and the boundaries before and after it."""

    texts: I32
    sequences: I32
    at: I64
    begins: U8
    stops: U8


class Answers(NamedTuple):
    """The forms in which answers may occur: those of item group u are ``of_unit[u]`` to ``of_unit[u + 1]``.

    Form f is the words ``keys[starts[f]:starts[f + 1]]``, adds ``bits[f]`` to its question, and is an option or, where
    ``options[f]`` is false, an answer.
    """

    of_group: I64
    starts: I64
    keys: U64
    bits: F64
    options: NDArray[np.bool_]


@compiled
def index_sequences(starts: I64, keys: U64, bits: F64, needs: U8) -> Sequences:
    """Return the index of distinct sequences; the anchor is the run of words of most ``bits`` (one number per word)."""
    count = starts.size - 1
    anchors, following = np.zeros(count, np.int32), np.full(count, -1, np.int32)
    size = 16
    while size < 4 * count:
        size *= 2
    slots, heads = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    filter, prefixes = np.zeros(1 << (FILTER_BITS - 3), np.uint8), np.zeros(1 << (FILTER_BITS - 3), np.uint8)
    for i in range(count):
        anchors[i] = _anchor(bits[starts[i] : starts[i + 1]])
        first, value = starts[i] + anchors[i], PRIME
        for k in range(first, min(first + ANCHOR_WORDS, starts[i + 1])):
            if k > first:
                _mark(prefixes, value)
            value = (value ^ keys[k]) * PRIME
            value ^= value >> SHIFT
        _mark(filter, value)
        value |= ONE
        slot = value >> ONE & np.uint64(size - 1)
        while slots[slot] and slots[slot] != value:
            slot = (slot + ONE) & np.uint64(size - 1)
        following[i] = heads[slot] if slots[slot] else -1
        slots[slot], heads[slot] = value, i
    return Sequences(starts, keys, anchors, needs, slots, heads, following, filter, prefixes)


@compiled
def _anchor(bits: F64) -> int:
    """Return the start of the run of ``ANCHOR_WORDS`` words with most bits."""
    best, at = -1.0, 0
    for first in range(max(1, bits.size - ANCHOR_WORDS + 1)):
        weight = bits[first : first + ANCHOR_WORDS].sum()
        if weight > best:
            best, at = weight, first
    return at


@compiled
def _mark(filter: U8, value: np.uint64) -> None:
    place = value >> np.uint64(64 - FILTER_BITS)
    filter[place >> np.uint64(3)] |= np.uint8(1) << np.uint8(place & np.uint64(7))


@compiled
def distinct_weights(offsets: I64, ids: I32, less_offsets: I64, less: I32, bits: F64) -> tuple[I64, F64]:
    """Return the number of distinct words with more than 0 ``bits`` in each text and their sum, without the words of
    the corresponding text of ``less``.
    """
    seen, counts, sums = (
        np.full(bits.size, -1, np.int64),
        np.zeros(offsets.size - 1, np.int64),
        np.zeros(offsets.size - 1),
    )
    for i in range(offsets.size - 1):
        for k in range(less_offsets[i], less_offsets[i + 1]):
            seen[less[k]] = i
        for k in range(offsets[i], offsets[i + 1]):
            word = ids[k]
            if seen[word] != i and bits[word] > 0:
                seen[word] = i
                counts[i] += 1
                sums[i] += bits[word]
    return counts, sums


@compiled
def occurrences(data: U8, bounds: I64, offsets: I64, keys: U64, places: I64, known: Sequences) -> Occurrences:
    """Return the occurrences of known sequences in texts, each at most ``MOST`` times per text.

    ``data`` are the texts' bytes and ``bounds`` their limits; ``offsets``, ``keys`` and ``places`` are their words, as
    returned by ``quality.decontamination.word_keys``.
    """
    out, count, hits = _room(256), 0, np.empty((4096, 2), np.int64)
    text_of, times = np.full(known.anchors.size, -1, np.int32), np.zeros(known.anchors.size, np.int32)
    for text in range(offsets.size - 1):
        low, high = offsets[text], offsets[text + 1]
        anchors_found = _anchored(keys, low, high, known.filter, known.prefixes, known.slots, hits)
        while anchors_found > len(hits):
            hits = np.empty((2 * anchors_found, 2), np.int64)
            anchors_found = _anchored(keys, low, high, known.filter, known.prefixes, known.slots, hits)
        for hit in range(anchors_found):
            i = known.heads[hits[hit, 1]]
            while i >= 0:
                first = hits[hit, 0] - known.anchors[i]
                if _stands(keys, first, low, high, known, i):
                    last = first + known.starts[i + 1] - known.starts[i] - 1
                    begins = _break(data, bounds[text] + places[first] - 1, bounds[text], LINE)
                    times[i], text_of[i] = times[i] if text_of[i] == text else 0, text
                    if begins >= known.needs[i] and times[i] < MOST:
                        out = _grown(out) if count == out.texts.size else out
                        out.texts[count], out.sequences[count], out.at[count] = text, i, first
                        out.begins[count], out.stops[count] = begins, _after(data, bounds[text], places, last, high)
                        times[i], count = times[i] + 1, count + 1
                i = known.following[i]
    return _front(out, count)


@compiled
def _anchored(keys: U64, low: int, high: int, filter: U8, prefixes: U8, slots: U64, hits: I64) -> int:
    """Write the position of every known anchor among words ``low`` to ``high``, and its slot, up to the space left;
    return their number.
    """
    count, mask = 0, np.uint64(slots.size - 1)
    for p in range(low, high):
        value = PRIME
        for k in range(p, min(p + ANCHOR_WORDS, high)):
            value = (value ^ keys[k]) * PRIME
            value ^= value >> SHIFT
            place = value >> np.uint64(64 - FILTER_BITS)
            bit, place = np.uint8(1) << np.uint8(place & np.uint64(7)), place >> np.uint64(3)
            if filter[place] & bit:
                entry = value | ONE
                slot = entry >> ONE & mask
                while slots[slot] and slots[slot] != entry:
                    slot = (slot + ONE) & mask
                if slots[slot]:
                    if count < len(hits):
                        hits[count, 0], hits[count, 1] = p, slot
                    count += 1
            if not prefixes[place] & bit:
                break
    return count


@compiled
def _stands(keys: U64, first: int, low: int, high: int, known: Sequences, i: int) -> bool:
    length = known.starts[i + 1] - known.starts[i]
    if first < low or first + length > high:
        return False
    k = 0
    while k < length and keys[first + k] == known.keys[known.starts[i] + k]:
        k += 1
    return bool(k == length)


@compiled
def answers_of(
    data: U8,
    bounds: I64,
    offsets: I64,
    keys: U64,
    places: I64,
    texts: I64,
    firsts: I64,
    stops: I64,
    begins: U8,
    ends: U8,
    is_question: NDArray[np.bool_],
    bits: F64,
    item_groups: I64,
    known: Answers,
    answered: F64,
    complete: F64,
) -> NDArray[np.bool_]:
    """Return for each occurrence of a group's question whether an answer, or all options, are in the same text.

    ``texts``, ``firsts`` and ``stops`` locate the question, ``begins`` and ``ends`` are the boundaries before it and on
    both sides, ``is_question`` is whether it counts inside a sentence (else it must begin one, and the answer be one)
    and ``bits`` its weight; ``answered`` and ``complete`` are the bits that question and answer, or question and
    options, need by boundary.
    """
    out, of_text, before = np.zeros(texts.size, np.bool_), np.full(1 << 16, -1, np.int64), -1
    for h in range(texts.size):
        text, options, present, option_bits = texts[h], 0, 0, 0.0
        low, high = offsets[text], offsets[text + 1]
        if text != before:
            before = text
            for k in range(low, high):
                of_text[keys[k] >> WORD_SHIFT] = text
        for form in range(known.of_group[item_groups[h]], known.of_group[item_groups[h] + 1]):
            if of_text[known.keys[known.starts[form]] >> WORD_SHIFT] != text:  # the text lacks its first word
                if known.options[form]:
                    options, option_bits = options + 1, option_bits + known.bits[form]
                continue
            clear, after = _clearest(data, bounds[text], places, keys, low, high, firsts[h], stops[h], known, form)
            if known.options[form]:
                options, present = options + 1, present + (clear >= 0)
                option_bits += known.bits[form]
            else:
                separate = clear > INSIDE and begins[h] > INSIDE
                clear = max(min(clear, ends[h]), min(after, begins[h]))
                phrase = clear == INSIDE and separate and stops[h] - firsts[h] >= PHRASE_WORDS
                enough = clear >= INSIDE and bits[h] + known.bits[form] >= (PHRASE_BITS if phrase else answered[clear])
                if enough and (clear > INSIDE or is_question[h] or separate):
                    out[h] = True
        if (
            options > 1
            and present == options
            and (ends[h] > INSIDE or is_question[h])
            and bits[h] + option_bits >= complete[ends[h]]
        ):
            out[h] = True
    return out


@compiled
def _clearest(
    data: U8, begin: int, places: I64, keys: U64, low: int, high: int, first: int, stop: int, known: Answers, form: int
) -> tuple[int, int]:
    """Return the boundary of the most clearly delimited answer outside words ``first`` to ``stop``, and the boundary
    after the answer where it follows the question at once (except a letter); -1 where there is none.
    """
    start, size = known.starts[form], known.starts[form + 1] - known.starts[form]
    best, after = -1, -1
    for p in range(low, high - size + 1):
        if p < stop and p + size > first:
            continue
        k = 0
        while k < size and keys[p + k] == known.keys[start + k]:
            k += 1
        if k == size:
            clear = _ends(data, begin, places, p, p + size - 1, high)
            letter = p > low and _is_letter(data, begin, places, p - 1)
            if clear == SENTENCE and letter:
                clear = _ends(data, begin, places, p - 1, p + size - 1, high)
            if p == stop or (p == stop + 1 and letter):
                after = max(after, _after(data, begin, places, p + size - 1, high))
            best = max(best, clear)
    return best, after


@compiled
def _ends(data: U8, begin: int, places: I64, first: int, last: int, high: int) -> int:
    """Return the weaker of the boundaries on both sides of words ``first`` to ``last``."""
    return min(_break(data, begin + places[first] - 1, begin, LINE), _after(data, begin, places, last, high))


@compiled
def _after(data: U8, begin: int, places: I64, last: int, high: int) -> int:
    """Return the boundary after word ``last`` of a text that ends before word ``high``."""
    if last + 1 == high:
        return LINE
    return _break(data, begin + places[last + 1] - 1, begin + places[last], INSIDE)


@compiled
def _is_letter(data: U8, begin: int, places: I64, word: int) -> bool:
    """Return whether a word is a single character, as an option letter is."""
    after = begin + places[word] + 1
    byte = data[after] if after < data.size else np.uint8(0x20)
    return not ((0x30 <= byte <= 0x39) or (0x41 <= byte <= 0x5A) or (0x61 <= byte <= 0x7A) or byte >= 0x80)


@compiled
def _break(data: U8, at: int, stop: int, none: int) -> int:
    """Return the boundary between a word and the previous one, going back from byte ``at``; ``none`` without a word."""
    boundary = INSIDE
    while at >= stop:
        byte = data[at]
        if byte < 0x20 and byte != 0x09:
            return LINE
        if (0x30 <= byte <= 0x39) or (0x41 <= byte <= 0x5A) or (0x61 <= byte <= 0x7A):
            return boundary
        if byte in (0x21, 0x29, 0x2E, 0x3A, 0x3B, 0x3F, 0x7C):  # ! ) . : ; ? |
            boundary = SENTENCE
        at -= 1
    return max(boundary, none)


@compiled
def _room(size: int) -> Occurrences:
    texts, sequences = np.empty(size, np.int32), np.empty(size, np.int32)
    return Occurrences(texts, sequences, np.empty(size, np.int64), np.empty(size, np.uint8), np.empty(size, np.uint8))


@compiled
def _front(old: Occurrences, count: int) -> Occurrences:
    texts, sequences = old.texts[:count].copy(), old.sequences[:count].copy()
    return Occurrences(texts, sequences, old.at[:count].copy(), old.begins[:count].copy(), old.stops[:count].copy())


@compiled
def _grown(old: Occurrences) -> Occurrences:
    new, size = _room(2 * old.texts.size), old.texts.size
    new.texts[:size], new.sequences[:size] = old.texts, old.sequences
    new.at[:size], new.begins[:size], new.stops[:size] = old.at, old.begins, old.stops
    return new
