"""From the bytes of texts to shingle sets, MinHash signatures and band keys, in one compiled pass.

The hash of a token is FNV-1a over its code points (Fowler, Noll, Vo), 64 bits, finished by MurmurHash3's mixer
(Appleby); the hash of a shingle is a polynomial in the token hashes that rolls from one shingle to the next. Signatures
use its upper 32 bits, as datasketch's affine32 scheme requires.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quality.compiled import compiled
from quality.duplicates.distinguishing_words import NAMES, NEGATES, NOT, OPPOSED, STOP, SYMBOL, UNIT, letter_number

Bytes = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

SEPARATOR, JOINS, ALONE, IGNORED, OPERATOR = 0, 1, 2, 3, 4
"""Role of a character: ends a token, continues one, is one by itself, is skipped, or (a dash, a slash, an asterisk) is
a token where it is a sign and ends one elsewhere.
"""

DIGIT, UPPER, SIGN, TURNS, QUESTION_MARK = 8, 16, 32, 64, 128
"""Class of a character, above its role: a digit, an upper-case letter, a sign, a sign that reverses a statement, a
question mark.
"""

VALUED = NEGATES | OPPOSED | UNIT | SYMBOL
"""Classes of words that can change a statement."""

MUST_MATCH, ABOUT, SLOT, TURN = np.uint64(0), np.uint64(1 << 62), np.uint64(2 << 62), np.uint64(3 << 62)
"""The kinds of marks, in their upper two bits."""

WORDS = 64
"""Most words outside questions that count for the subject; in longer questions they do not count singly."""

PREFIXES = np.array(
    [int.from_bytes(part.encode(), "big") for part in "hype hypo tach brad micr macr intr extr inte hipe hipo".split()],
    np.uint64,
)
"""The first four letters of the prefixes that make opposites: hyper and hypo, tachy and brady, intra, inter, extra."""

SHORT = 64
"""Most marks sorted by insertion, which is faster for few."""

BEGINNINGS = np.zeros(1024, np.bool_)
"""Whether two letters (five bits each) begin one of ``PREFIXES``; this rules most words out."""
BEGINNINGS[[(int(part) >> 24 & 31) << 5 | int(part) >> 16 & 31 for part in PREFIXES]] = True

LETTERS = np.array([letter_number(letter) for letter in ascii_lowercase], np.uint64)
"""The numbers of letters, summed over a word."""

FNV_START = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
ROLL = np.uint64(0x9E3779B97F4A7C15)
SECOND = np.uint64(0xD6E8FEB86659FD93)
SHIFT_33, SHIFT_32 = np.uint64(33), np.uint64(32)
LOW_24, SHIFT_24, ROLES = np.uint32(0xFFFFFF), np.uint32(24), np.uint32(7)
FIRST_IDEOGRAPH, LAST_IDEOGRAPH = np.uint32(0x20000), np.uint32(0x3FFFF)


@compiled
def mix(value: np.uint64) -> np.uint64:
    """Return ``value`` with every bit spread over all 64: MurmurHash3's fmix64."""
    value = (value ^ (value >> SHIFT_33)) * MIX_1
    value = (value ^ (value >> SHIFT_33)) * MIX_2
    return value ^ (value >> SHIFT_33)


@compiled
def code_point(data: Bytes, at: int) -> tuple[np.uint32, int]:
    """Return the character that starts at byte ``at`` of UTF-8 text and its length in bytes."""
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
    """Return the table entry of a character past the table: ideographs are tokens, the rest is skipped."""
    if FIRST_IDEOGRAPH <= character <= LAST_IDEOGRAPH:
        return character | np.uint32(ALONE) << np.uint32(24)
    return np.uint32(IGNORED) << np.uint32(24)


@compiled
def beyond_ascii(data: Bytes, at: int, table: U32) -> tuple[np.uint32, int]:
    """Return the table entry of the character at byte ``at`` and its length in bytes."""
    point, size = code_point(data, at)
    return (table[point] if point < table.size else beyond_table(point)), size


@compiled
def is_digit(byte: np.uint8) -> bool:
    """Return whether a byte is one of the digits 0 to 9."""
    return bool(48 <= byte <= 57)


@compiled
def operator_role(data: Bytes, start: int, at: int, end: int, stop: int) -> np.uint32:
    """Return the role of the dash, slash or asterisk ``data[at:end]``."""
    return np.uint32(ALONE) if is_sign(data, start, at, end, stop) else np.uint32(SEPARATOR)


@compiled
def is_dash(data: Bytes, at: int) -> bool:
    """Return whether the dash, slash or asterisk at ``at`` is a dash: in UTF-8, -, ‐ to ―, − or ⁻."""
    if data[at] != 0xE2:
        return bool(data[at] == 45)
    second, third = data[at + 1], data[at + 2]
    return bool(second == 0x80 or (second == 0x88 and third == 0x92) or (second == 0x81 and third == 0xBB))


@compiled
def is_charge(data: Bytes, start: int, at: int, end: int, stop: int) -> bool:
    """Return whether a dash means negative: HIV-, Cl-, CD4⁻, (-), -/-.

    After a word in small letters it does not (pre- and postnatal).
    """
    after = data[end] if end < stop else np.uint8(32)
    ends = after == 32 or after == 41 or after == 43 or after == 44 or after == 46 or after == 47 or after == 59
    if not ends or not is_dash(data, at):
        return False
    before = data[at - 1] if at > start else np.uint8(32)
    if before <= 32:
        return bool(after == 47)
    if before == 40 or before == 47 or (data[at] == 0xE2 and data[at + 1] == 0x81):
        return True
    if is_digit(before) or 65 <= before <= 90 or before == 41:
        return True
    element = at - 1 > start and 97 <= before <= 122 and 65 <= data[at - 2] <= 90
    return bool(element and (at - 2 == start or not 65 <= data[at - 3] & 0xDF <= 90))


@compiled
def is_sign(data: Bytes, start: int, at: int, end: int, stop: int) -> bool:
    """Return whether the dash, slash or asterisk ``data[at:end]`` is a sign: a minus, or an operation on numbers.

    A dash directly before a digit is one, unless text directly precedes it (covid-19). All are signs between digits,
    spaces aside; slash and asterisk also between spaces, but not at the start of a line.
    """
    if is_charge(data, start, at, end, stop):
        return True
    before, after = at - 1, end
    while before >= start and data[before] == 32:
        before -= 1
    while after < stop and data[after] == 32:
        after += 1
    if before < start or after >= stop:
        return before < start and end < stop and is_digit(data[end])
    if is_digit(data[before]) and is_digit(data[after]):
        return True
    if data[at] == 47 or data[at] == 42:
        return before < at - 1 and after > end and data[before] > 32
    byte = data[at - 1]
    letter = byte >= 0x80 or is_digit(byte) or 97 <= (byte | 32) <= 122
    return is_digit(data[end]) and not letter


@compiled
def token_hashes(
    data: Bytes, start: int, stop: int, table: U32, out: U64, begins: I64, sizes: Bytes, kinds: Bytes
) -> tuple[int, bool]:
    """Write the hashes of the tokens of ``data[start:stop]`` to ``out``; return their number and whether there is a
    question mark.

    ``begins`` receives the first byte of each token, ``sizes`` its bytes up to 255, ``kinds`` the classes of its
    characters (``DIGIT``, …).
    """
    count, at, state, begin = 0, start, FNV_START, start
    kind, seen = np.uint32(0), np.uint32(0)
    while at < stop:
        entry, size = table[data[at]], 1
        if data[at] >= 0x80:
            entry, size = beyond_ascii(data, at, table)
        role = (entry >> SHIFT_24) & ROLES
        if role == JOINS:
            state = (state ^ np.uint64(entry & LOW_24)) * FNV_PRIME
            kind |= entry
            at += size
            continue
        seen |= entry
        role = operator_role(data, start, at, at + size, stop) if role == OPERATOR else role
        if role != IGNORED:
            if state != FNV_START:
                out[count], begins[count], sizes[count] = mix(state), begin, min(at - begin, 255)
                kinds[count] = kind >> SHIFT_24
                count, state, kind = count + 1, FNV_START, np.uint32(0)
            if role == ALONE:
                out[count], begins[count] = mix((FNV_START ^ np.uint64(entry & LOW_24)) * FNV_PRIME), at
                sizes[count], kinds[count] = size, entry >> SHIFT_24
                count += 1
        at += size
        begin = at if state == FNV_START else begin
    if state != FNV_START:
        out[count], begins[count], sizes[count] = mix(state), begin, min(at - begin, 255)
        kinds[count] = kind >> SHIFT_24
        count += 1
    return count, bool(seen >> SHIFT_24 >= QUESTION_MARK)


@compiled
def shingle_hashes(tokens: U64, count: int, size: int, out: U32) -> int:
    """Write the hashes of the runs of ``size`` tokens to ``out`` and return their number; fewer tokens form one
    shingle.
    """
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
    """Sort ``values`` in place, remove duplicates, and return the number left at its front.

    Hashes are evenly distributed, so one pass by their upper bits leaves about one value in each of ``starts.size - 1``
    places, and insertion orders the rest.
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
    """Sort nearly sorted ``values`` in place, remove duplicates, and return the number left at its front."""
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
def fingerprint(shingles: U32, marks: U64, out: U64) -> None:
    """Write the 128 bits that name a set of shingles with its marks."""
    first, second = np.uint64(shingles.size), np.uint64(0)
    for shingle in shingles:
        first = (first ^ np.uint64(shingle)) * MIX_1
        first ^= first >> SHIFT_32
        second = (second + np.uint64(shingle)) * SECOND
        second ^= second >> SHIFT_32
    for mark in marks:
        first, second = mix(first ^ mark), mix(second + mark)
    out[0], out[1] = mix(first), mix(second)


# --- marks: what a text is about, and what would turn it round -----------------------------------------------------


class Tokens(NamedTuple):
    """The tokens of one text ``data[start:stop]``, as written by ``token_hashes``, and their number."""

    data: Bytes
    start: int
    stop: int
    hashes: U64
    begins: I64
    sizes: Bytes
    kinds: Bytes
    number: int
    questions: bool


class Words(NamedTuple):
    """A hash table of known words: hashes and classes (``STOP``, … below, a value above)."""

    hashes: U64
    codes: U32


@compiled
def is_title(tokens: Tokens, i: int) -> bool:
    """Return whether a token is a capital followed by small letters and digits: a mouse gene symbol."""
    at, small = tokens.begins[i] + 1, 0
    if not 65 <= tokens.data[at - 1] <= 90:
        return False
    while at < tokens.stop and 97 <= tokens.data[at] <= 122:
        at, small = at + 1, small + 1
    while at < tokens.stop and is_digit(tokens.data[at]):
        at += 1
    return small > 1 and not (at < tokens.stop and 65 <= (tokens.data[at] & 0xDF) <= 90)


@compiled
def prefix_value(tokens: Tokens, i: int) -> np.uint32:
    """Return the number of a token's prefix among ``PREFIXES``, from 1; 0 for another one."""
    packed, at = np.uint64(0), tokens.begins[i]
    if tokens.sizes[i] < 7:
        return np.uint32(0)
    for k in range(4):
        packed = packed << np.uint64(8) | np.uint64(tokens.data[at + k] | 32)
    for k in range(PREFIXES.size):
        if packed == PREFIXES[k]:
            return np.uint32(k + 1)
    return np.uint32(0)


@compiled
def is_capitalised(tokens: Tokens, codes: U32, i: int) -> bool:
    """Return whether a capital is an article or the like in a title or in capitals (Is A Scan Needed), not a name
    (Vitamin A Deficiency).
    """
    if i + 1 == tokens.number or codes[i - 1] & NAMES or not (tokens.kinds[i - 1] & tokens.kinds[i + 1] & UPPER):
        return False
    return tokens.data[tokens.begins[i]] in (65, 69, 73, 79, 89) and tokens.data[tokens.begins[i] + 1] == 32


@compiled
def letter_value(tokens: Tokens, codes: U32, i: int) -> np.uint32:
    """Return the value of a token of one letter: ``NOT`` in n't, its own where it names something (type B), else 0.

    Articles and conjunctions name nothing: small a, e, o, y and the like, their capitals in a title or in a text of
    capitals, and A at the start of a sentence.
    """
    at = tokens.begins[i]
    byte, before = tokens.data[at], tokens.data[at - 1] if at > tokens.start else np.uint8(10)
    if before == 39 or (before == 0x99 and at - 3 >= tokens.start and tokens.data[at - 3] == 0xE2):
        return NOT if byte | 32 == 116 else np.uint32(0)
    if byte > 96:
        common = byte == 97 or byte == 101 or byte == 105 or byte == 111 or byte == 121
        return np.uint32(0) if common or byte == 115 or byte == 116 or byte == 100 or byte == 109 else np.uint32(byte)
    if i == 0 or (before != 32 and before != 45) or is_capitalised(tokens, codes, i):
        return np.uint32(0)
    previous = tokens.data[at - 2]
    ends = previous == 46 or previous == 63 or previous == 33 or previous == 58 or previous == 10
    return np.uint32(0) if byte == 65 and ends else np.uint32(byte | 32)


@compiled
def named_value(tokens: Tokens, i: int) -> np.uint32:
    """Return the value by which a number, a sign or an abbreviation is compared."""
    value = np.uint32(tokens.hashes[i] >> SHIFT_32) | np.uint32(256)
    return value ^ np.uint32(1) if tokens.kinds[i] & UPPER and is_title(tokens, i) else value


@compiled
def value_of(tokens: Tokens, codes: U32, i: int) -> tuple[np.uint32, bool]:
    """Return the value of a token that can change a statement, 0 for another, and whether it is a symbol."""
    code = codes[i]
    if tokens.kinds[i] & (DIGIT | SIGN):
        return named_value(tokens, i), True
    if code & (NEGATES | OPPOSED):
        return code >> np.uint32(8), False
    if code & SYMBOL:
        return named_value(tokens, i), True
    if code & UNIT and i > 0 and tokens.kinds[i - 1] & DIGIT:
        return code >> np.uint32(8), True
    if tokens.sizes[i] == 1:
        value = letter_value(tokens, codes, i)
        return value, bool(value > 0 and value != NOT)
    return prefix_value(tokens, i), False


@compiled
def codes_of(tokens: Tokens, words: Words, codes: U32) -> None:
    """Write the known class of each token, 0 for none."""
    known, known_codes, mask = words.hashes, words.codes, np.uint64(words.hashes.size - 1)
    for i in range(tokens.number):
        token = tokens.hashes[i]
        at, code = token & mask, np.uint32(0)
        while known[at] != 0:
            if known[at] == token:
                code = known_codes[at]
                break
            at = (at + np.uint64(1)) & mask
        codes[i] = code


@compiled
def values_of(tokens: Tokens, codes: U32, values: U32) -> int:
    """Write the values of the tokens that can change a statement, 0 for the others, and return how many have one.

    The value of a symbol after another one combines both: 12 - 4 is not 4 - 12.
    """
    # Calls with arrays in tuples cost more than all the rest, so the usual token makes none.
    kinds, sizes, begins, data = tokens.kinds, tokens.sizes, tokens.begins, tokens.data
    before, is_symbol, count = np.uint32(0), False, 0
    for i in range(tokens.number):
        own, symbol = np.uint32(0), False
        # Without branches, since how long a word is cannot be foreseen.
        at, long = begins[i], sizes[i] > 1
        prefixed = (sizes[i] > 6) & BEGINNINGS[(data[at] & 31) << 5 | data[at + long] & 31]
        if not (codes[i] & VALUED > 0) | (kinds[i] & (DIGIT | SIGN) > 0) | prefixed | (not long):
            values[i], before, is_symbol = own, own, symbol
            continue
        own, symbol = value_of(tokens, codes, i)
        count += int(own > 0)
        values[i] = np.uint32(mix(np.uint64(before) << SHIFT_32 | np.uint64(own))) if symbol and is_symbol else own
        before, is_symbol = own, symbol
    return count


@compiled
def without(tokens: Tokens, i: int, size: int) -> np.uint32:
    """Return the shingle of ``size`` tokens around token ``i`` with that token left out."""
    first = max(0, min(i - size // 2, tokens.number - 1 - size))
    state, taken, k = np.uint64(0), 0, first
    while taken < size and k < tokens.number:
        if k != i:
            state = state * ROLL + tokens.hashes[k]
            taken += 1
        k += 1
    return np.uint32(mix(state) >> SHIFT_32)


@compiled
def around(plain: U64, k: int, step: int) -> np.uint64:
    """Return 30 bits of the two plain tokens from the ``k``-th on, in the direction of ``step``."""
    state = np.uint64(2 + step)
    for n in range(2):
        at = k + n * step
        state = mix(state * ROLL + (plain[at] if 0 <= at < plain.size else np.uint64(0)))
    return state & np.uint64(0x3FFFFFFF)


@compiled
def add_slots(tokens: Tokens, values: U32, codes: U32, size: int, plain: U64, out: U64) -> int:
    """Write the slots and the turning points of a text to ``out`` and return their number.

    A slot is the value between plain words: two plain words on one side, and the value. A turning point is the shingle
    that would occur without a negation or a sign.
    """
    used, kept = 0, 0
    for i in range(tokens.number):
        plain[kept] = tokens.hashes[i]
        kept += values[i] == 0
    before = 0
    for i in range(tokens.number):
        if values[i] == 0:
            before += 1
            continue
        out[used] = SLOT | around(plain[:kept], before - 1, -1) << SHIFT_32 | np.uint64(values[i])
        out[used + 1] = SLOT | around(plain[:kept], before, 1) << SHIFT_32 | np.uint64(values[i])
        used += 2
        if tokens.number > 1 and (tokens.kinds[i] & TURNS or codes[i] & NEGATES or values[i] == NOT):
            out[used] = TURN | np.uint64(without(tokens, i, size))
            used += 1
    return used


@compiled
def mark_questions(tokens: Tokens, questions: Bytes) -> bool:
    """Write for each token whether its sentence ends in a question mark; return whether there are any."""
    at, i, in_question, has_question = tokens.stop - 1, tokens.number - 1, False, False
    while at >= tokens.start:
        byte = tokens.data[at]
        if byte == 63 or (byte == 0x9F and at > tokens.start and tokens.data[at - 1] in (0xD8, 0xBC)):
            in_question = has_question = True
        elif byte == 10 or ((byte == 46 or byte == 33) and at + 1 < tokens.stop and tokens.data[at + 1] <= 32):
            in_question = False
        while i >= 0 and tokens.begins[i] >= at:
            questions[i] = in_question
            i -= 1
        at -= 1
    return has_question


@compiled
def spelling(tokens: Tokens, i: int) -> tuple[np.uint64, np.uint64]:
    """Return the class of typing errors possible in a token, and the sum of its letters' numbers.

    Classes: 0 none, as in an abbreviation; 1 the position of a letter, or an s; 2 one letter more or less.
    """
    size, total, upper = int(tokens.sizes[i]), np.uint64(0), 0
    if size < 5 or tokens.kinds[i] & (DIGIT | SIGN):
        return np.uint64(0), np.uint64(0)
    for k in range(size):
        byte = tokens.data[tokens.begins[i] + k]
        letter = (byte | 32) - 97
        if not 0 <= letter < 26:
            return np.uint64(0), np.uint64(0)
        total += LETTERS[letter]
        upper += 65 <= byte <= 90
    return np.uint64(0 if upper == size else 2 if size > 8 else 1), total & np.uint64(0xFFFFFFFF)


@compiled
def names_something(tokens: Tokens, codes: U32, i: int) -> bool:
    """Return whether a token is a single letter that names something; I is a pronoun (of type I and type II the other
    one is a word).
    """
    byte = tokens.data[tokens.begins[i]]
    plain = is_digit(byte) or 97 <= (byte | 32) <= 122
    return bool(tokens.sizes[i] == 1 and byte != 73 and plain and letter_value(tokens, codes, i))


@compiled
def add_subject(tokens: Tokens, codes: U32, is_question: bool, questions: Bytes, out: U64) -> int:
    """Write the words of a text's subject to ``out`` and return their number.

    Those are the words of its questions and, if the text as a whole ``is_question``, up to ``WORDS`` of its other
    words; then the word 0 marks a question without a word of weight.
    """
    has_question = tokens.questions and mark_questions(tokens, questions)
    used, others = 0, tokens.number
    if is_question:
        out[0] = ABOUT
        used = 1
    for i in range(tokens.number if has_question else 0):
        others -= questions[i] != 0
    for i in range(tokens.number):
        in_question = questions[i] if has_question else np.uint8(is_question and tokens.number <= WORDS // 2)
        if not (in_question or (is_question and others <= WORDS)) or (
            codes[i] & STOP and not names_something(tokens, codes, i)
        ):
            continue
        level, total = spelling(tokens, i)
        if codes[i] & (NEGATES | OPPOSED) or prefix_value(tokens, i):
            level = min(level, np.uint64(1))
        word = (tokens.hashes[i] >> np.uint64(37)) << np.uint64(35)
        out[used] = ABOUT | word | np.uint64(in_question) << np.uint64(34) | level << SHIFT_32 | total
        used += 1
    return used


@compiled
def sorted_marks(marks: U64) -> int:
    """Sort marks and remove duplicates (a word both inside and outside a question counts as inside); return their
    number.
    """
    if marks.size > SHORT:
        marks[:] = np.sort(marks)
    else:
        for i in range(1, marks.size):
            mark, j = marks[i], i
            while j > 0 and marks[j - 1] > mark:
                marks[j] = marks[j - 1]
                j -= 1
            marks[j] = mark
    kept = 0
    for i in range(marks.size):
        same_word = kept > 0 and marks[i] >> np.uint64(62) == ABOUT >> np.uint64(62)
        same_word = same_word and marks[i] >> np.uint64(35) == marks[kept - 1] >> np.uint64(35)
        if kept > 0 and (same_word or marks[i] == marks[kept - 1]):
            marks[kept - 1] = marks[i]
        else:
            marks[kept] = marks[i]
            kept += 1
    return kept


class Column(NamedTuple):
    """A column of texts: text ``i`` is ``data[ends[i]:ends[i + 1]]``."""

    data: Bytes
    ends: I64


class Scratch(NamedTuple):
    """Working memory for one text."""

    hashes: U64
    begins: I64
    sizes: Bytes
    kinds: Bytes
    questions: Bytes
    plain: U64
    values: U32
    codes: U32
    marks: U64


@compiled
def longest_text(ends: I64) -> int:
    """Return the bytes of the longest text plus one."""
    longest = 1
    for i in range(ends.size - 1):
        longest = max(longest, ends[i + 1] - ends[i] + 1)
    return longest


@compiled
def begins_with(tokens: Tokens, subject: Bytes) -> bool:
    """Return whether a text begins with its question on a line of its own, so that their first tokens are the same."""
    size = subject.size
    if size > tokens.stop - tokens.start:
        return False
    after, last = tokens.start + size, subject[size - 1]
    # At its end a sign or a blank may stand for another thing than at the end of a line.
    if (after < tokens.stop and tokens.data[after] != 10) or last >= 0x80 or last in (32, 42, 45, 47):
        return False
    return bool(np.all(tokens.data[tokens.start : after] == subject))


@compiled
def tokens_before(tokens: Tokens, stop: int) -> Tokens:
    """Return the tokens that begin before byte ``stop``, as those of a text that ends there."""
    low, high = 0, tokens.number
    while low < high:
        middle = (low + high) // 2
        if tokens.begins[middle] < stop:
            low = middle + 1
        else:
            high = middle
    t = tokens
    return Tokens(t.data, t.start, stop, t.hashes, t.begins, t.sizes, t.kinds, low, t.questions)


@compiled
def marks_of(
    tokens: Tokens, words: Words, size: int, table: U32, subject: Bytes, must_match: Bytes, room: Scratch
) -> tuple[int, int]:
    """Write all marks of one row, sorted, to their buffer, and return the bounds of those that come first.

    The subject follows the slots and turning points in the buffer. Without a given subject, the questions in the text
    are the subject. This overwrites the buffer of ``tokens``.
    """
    slots, questions = 0, room.questions
    codes_of(tokens, words, room.codes)
    if values_of(tokens, room.codes, room.values):
        slots = add_slots(tokens, room.values, room.codes, size, room.plain, room.marks)
        slots = sorted_marks(room.marks[:slots])
    used = slots
    if must_match.size:
        state = FNV_START
        for byte in must_match:
            state = (state ^ np.uint64(byte)) * FNV_PRIME
        room.marks[used] = MUST_MATCH | mix(state) >> np.uint64(2)
        used += 1
    if not subject.size:
        used += add_subject(tokens, room.codes, False, questions, room.marks[used:]) if tokens.questions else 0
    elif begins_with(tokens, subject):
        about = tokens_before(tokens, tokens.start + subject.size)
        used += add_subject(about, room.codes, True, questions, room.marks[used:])
    else:
        count, in_question = token_hashes(
            subject, 0, subject.size, table, room.hashes, room.begins, room.sizes, room.kinds
        )
        about = Tokens(subject, 0, subject.size, room.hashes, room.begins, room.sizes, room.kinds, count, in_question)
        codes_of(about, words, room.codes)
        used += add_subject(about, room.codes, True, questions, room.marks[used:])
    return slots, slots + sorted_marks(room.marks[slots:used])


@compiled
def sign_texts(
    texts: Column,
    subjects: Column,
    must_match: Column,
    table: U32,
    words: Words,
    size: int,
    permutations: U32,
    bands: int,
    rows: int,
) -> tuple[U32, I64, U32, U64, U64, I64]:
    """Return (shingles, their count in each text, band keys, fingerprints, marks, their count) of texts.

    Shingles and marks are end to end, sorted and unique within a text; keys have shape (texts, bands), fingerprints
    (texts, 2). Without a given subject, the questions in the text are the subject.
    """
    count_texts = texts.ends.size - 1
    longest = max(longest_text(texts.ends), longest_text(subjects.ends))
    room = Scratch(
        np.empty(longest, np.uint64),
        np.empty(longest, np.int64),
        np.empty(longest, np.uint8),
        np.empty(longest, np.uint8),
        np.empty(longest, np.uint8),
        np.empty(longest, np.uint64),
        np.empty(longest, np.uint32),
        np.empty(longest, np.uint32),
        np.empty(5 * longest + 2, np.uint64),
    )
    scratch = np.empty(longest, np.uint32)
    starts = np.empty(min(longest, 1 << 16) + 1, np.int64)
    signature = np.empty(bands * rows, np.uint32)
    shingles = np.empty(texts.ends[-1] - texts.ends[0] + count_texts, np.uint32)
    counts, keys = np.empty(count_texts, np.int64), np.empty((count_texts, bands), np.uint32)
    names = np.empty((count_texts, 2), np.uint64)
    marks, mark_counts = np.empty(4 * count_texts + 1024, np.uint64), np.empty(count_texts, np.int64)
    used, marked = 0, 0
    for i in range(count_texts):
        start, stop = texts.ends[i], texts.ends[i + 1]
        count, questions = token_hashes(
            texts.data, start, stop, table, room.hashes, room.begins, room.sizes, room.kinds
        )
        tokens = Tokens(texts.data, start, stop, room.hashes, room.begins, room.sizes, room.kinds, count, questions)
        counts[i] = shingle_hashes(room.hashes, count, size, shingles[used:])
        counts[i] = sort_unique(shingles[used : used + counts[i]], scratch, starts)
        mine = shingles[used : used + counts[i]]
        sign(mine, permutations[0], permutations[1], signature)
        band_keys(signature, rows, keys[i])
        subject = subjects.data[subjects.ends[i] : subjects.ends[i + 1]]
        group = must_match.data[must_match.ends[i] : must_match.ends[i + 1]]
        slots, end = marks_of(tokens, words, size, table, subject, group, room)
        marks = with_room(marks, marked, end)
        marks[marked : marked + end - slots] = room.marks[slots:end]
        marks[marked + end - slots : marked + end] = room.marks[:slots]
        mark_counts[i] = end
        fingerprint(mine, marks[marked : marked + end], names[i])
        used += counts[i]
        marked += end
    return shingles[:used].copy(), counts, keys, names, marks[:marked].copy(), mark_counts


@compiled
def with_room(marks: U64, used: int, more: int) -> U64:
    """Return ``marks``, or a longer copy where ``more`` do not fit after the ``used`` ones."""
    if used + more <= marks.size:
        return marks
    longer = np.empty(2 * (used + more), np.uint64)
    longer[:used] = marks[:used]
    return longer
