"""The truth that the near-duplicate tests compare with: plain Python, brute force, no hashing."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from quality.duplicates.distinguishing_words import NAMING, NEGATIONS, OPPOSITES, ROMAN, STOP_WORDS, UNITS

UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")

SUBJECTS = "the patient,a child of six,her mother,the older man,one volunteer,this runner,the nurse,a student".split(
    ","
)
VERBS = "reports,denies,was treated for,has long had,recovered from,fears,asked about,returned with".split(",")
FINDINGS = (
    "dull pain below the ribs,a dry cough at night,swelling of both ankles,a rash after amoxicillin,blurred vision,"
    "tingling in the left hand,a fever of three days,loss of appetite,palpitations on exertion,stiff joints at dawn"
).split(",")
PLANS = (
    "we ordered a chest film,ibuprofen was stopped,fluids and rest were advised,a second sample is pending,"
    "the dose of metformin was halved,no further visit is planned,an allergy card was issued,sutures come out on monday"
).split(",")


def sentence(draw: random.Random) -> str:
    number = draw.randint(2, 400)
    parts = (draw.choice(SUBJECTS), draw.choice(VERBS), draw.choice(FINDINGS), draw.choice(PLANS), f"code {number}")
    return " ".join(parts)


def corpus(rows: int, seed: int) -> list[str]:
    """Return texts of which many are copies of another one with some words changed, copies of copies among them."""
    draw = random.Random(seed)
    texts: list[str] = []
    while len(texts) < rows:
        if texts and draw.random() < 0.6:
            words = draw.choice(texts).split()
            for _ in range(draw.choice((0, 1, 1, 2, 3, 5, 8))):
                words[draw.randrange(len(words))] = "word" + "".join(draw.choices("abcdefghij", k=3))
            texts.append(" ".join(words))
        else:
            texts.append(". ".join(sentence(draw) for _ in range(draw.randint(1, 6))))
    return texts


SIGNS = "%‰♀♂✓✔✗✘☐☑☒▲▼△▽⬆⬇⬅➡"
TURNING = "<>≤≥≠≮≯*/-↑↓→←↔⇑⇓▲▼"
OPERATORS = {**dict.fromkeys("-‐‑‒–—−﹣－⁻", "-"), **dict.fromkeys("/∕⁄", "/"), **dict.fromkeys("*·∗", "*")}
SAME = {"×": "*", "÷": "/", "⬆": "↑", "⬇": "↓"}


@dataclass(frozen=True)
class Token:
    """A token as it is compared, as it is written, where it begins, and whether it is a sign."""

    folded: str
    written: str
    at: int
    sign: bool


def is_sign(text: str, at: int) -> bool:
    """Say whether the dash, slash or asterisk at ``at`` is a minus or an operation."""
    if OPERATORS[text[at]] == "-" and text[at] not in "﹣－" and text[at + 1 : at + 2] in ("", *" )+,./;"):
        before = text[:at]
        if not before or before[-1] <= " ":
            if text[at + 1 : at + 2] == "/":
                return True
        elif before[-1] in "(/" or text[at] == "⁻" or re.search(r"[A-Z0-9)]$|(^|[^A-Za-z])[A-Z][a-z]$", before):
            return True
    left, right = text[:at].rstrip(" "), text[at + 1 :].lstrip(" ")
    directly = text[at + 1 : at + 2] in list("0123456789")
    if not left or not right:
        return not left and directly
    if left[-1] in "0123456789" and right[0] in "0123456789":
        return True
    if text[at] in "/*":
        return text[at - 1] == " " and text[at + 1] == " " and left[-1] > " "
    before = text[at - 1]
    return directly and not (ord(before) > 127 or (before.isascii() and before.isalnum()))


def read(text: str) -> list[Token]:
    """Return words, and in scripts without spaces characters; signs of meaning and symbols are tokens too."""
    out: list[Token] = []
    word, begin = "", 0

    def end() -> None:
        if word:
            out.append(Token("".join(c.casefold() for c in word), word, begin, False))

    for at, character in enumerate(text):
        category = "Zs" if character == "°" else unicodedata.category(character)
        if (category == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F) and character not in OPERATORS:
            continue
        unspaced = unicodedata.name(character, "").startswith(UNSPACED)
        if (category[0] in "LNM" and not unspaced) or category == "Pc":
            word, begin = word + character, begin if word else at
            continue
        end()
        word = ""
        sign = is_sign(text, at) if character in OPERATORS else category in ("Sm", "Sc") or character in SIGNS
        if (sign and character not in "|~") or category[0] in "LNM" or category == "So":
            folded = OPERATORS.get(character) or SAME.get(character) or character
            out.append(Token(folded, character, at, sign))
    end()
    return out


def tokens(text: str) -> list[str]:
    return [token.folded for token in read(text)]


def shingles(text: str, size: int = 5) -> frozenset[tuple[str, ...]]:
    words = tokens(text)
    return frozenset(tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1)) if words)


def jaccard(a: frozenset, b: frozenset) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


# --- what forbids that two similar texts are duplicates ---------------------------------------------------------------

PREFIXES = "hype hypo tach brad micr macr intr extr inte hipe hipo".split()
TOLERANCE, LONG = 16, 64


def lines(groups: list[str]) -> dict[str, int]:
    return {word: number for number, line in reversed(list(enumerate(groups))) for word in line.split()}


OPPOSED, UNIT = lines(OPPOSITES), lines(UNITS)


def is_capitalised(text: str, read: list[Token], i: int) -> bool:
    """Say whether a capital is an article or the like in a title or in capitals."""
    if i + 1 == len(read) or read[i - 1].folded in NAMING or read[i].written not in "AEIOY":
        return False
    around = (read[i - 1].written, read[i + 1].written)
    return all(any(unicodedata.category(c) == "Lu" for c in word) for word in around) and text[read[i].at + 1] == " "


def letter(text: str, read: list[Token], i: int) -> str | None:
    """Return what a token of one letter names, None for an article, "NOT" for the end of n't."""
    token, first = read[i], i == 0
    before = text[token.at - 1] if token.at else "\n"
    if before in "'’":
        return "NOT" if token.folded == "t" else None
    if token.written.islower():
        return None if token.folded in "aeioystdm" else token.folded
    if (
        first
        or before not in " -"
        or is_capitalised(text, read, i)
        or (token.written == "A" and text[token.at - 2] in ".?!:\n")
    ):
        return None
    return token.folded


def is_letter(token: Token) -> bool:
    return len(token.written) == 1 and token.written.isascii() and token.written.isalpha()


def opposing_prefix(token: Token) -> str | None:
    long = token.written.isascii() and len(token.written) > 6
    return token.folded[:4] if long and token.folded[:4] in PREFIXES else None


def value(text: str, read: list[Token], i: int) -> tuple[object, bool]:
    """Return what a statement can hang on at token ``i``, None for nothing, and whether it is a symbol."""
    token = read[i]
    if token.sign or any(unicodedata.category(c)[0] == "N" for c in token.written):
        mouse = re.fullmatch(r"[A-Z][a-z]{2,}[0-9]+", token.written)  # a gene's symbol as mice have it
        return (token.written if mouse else token.folded), True
    if token.folded in OPPOSED:
        return ("opposed", OPPOSED[token.folded]), False
    if token.folded in NEGATIONS:
        return "NOT", False
    if token.folded in ROMAN:
        return token.folded, True
    number = i > 0 and any(unicodedata.category(c)[0] == "N" for c in read[i - 1].written)
    if token.folded in UNIT and number:
        return ("unit", UNIT[token.folded]), True
    if is_letter(token):
        found = letter(text, read, i)
        return found, found not in (None, "NOT")
    return opposing_prefix(token), False


def slots_and_turns(text: str, size: int = 5) -> tuple[set[tuple[object, ...]], set[tuple[str, ...]]]:
    """Return what stands between plain words, and the shingles that would be there without a negation or sign."""
    tokens = read(text)
    found = [value(text, tokens, i) for i in range(len(tokens))]
    plain = [i for i, (what, _) in enumerate(found) if what is None]
    words = [token.folded for token in tokens]
    slots, turns = set(), set()
    for i, (what, symbol) in enumerate(found):
        if what is None:
            continue
        if symbol and i and found[i - 1][1]:
            what = (found[i - 1][0], what)
        left = [words[k] for k in plain if k < i][-2:]
        right = [words[k] for k in plain if k > i][:2]
        slots |= {("left", *left, "|", what), ("right", *right, "|", what)}
        if len(words) > 1 and (what == "NOT" or (tokens[i].sign and words[i] in TURNING)):
            first = max(0, min(i - size // 2, len(words) - 1 - size))
            turns.add(tuple([*words[first:i], *words[i + 1 :]][:size]))
    return slots, turns


def about(text: str, whole: bool) -> dict[str, tuple[bool, int, Counter[str]]]:
    """Return the words of a question: whether they are asked about, what a typing error may change, their letters."""
    tokens, asked, sentence = read(text), [], False
    for position in range(len(text) - 1, -1, -1):
        if text[position] in "?？؟":
            sentence = True
        elif text[position] == "\n" or (text[position] in ".!" and text[position + 1 : position + 2].isspace()):
            sentence = False
        asked += [sentence] * any(token.at == position for token in tokens)
    asked.reverse()
    others = asked.count(False)
    out: dict[str, tuple[bool, int, Counter[str]]] = {"": (False, 0, Counter())} if whole else {}
    for i, token in enumerate(tokens):
        asks = asked[i] if set("?？؟") & set(text) else whole and len(tokens) <= LONG // 2
        named = is_letter(token) and letter(text, tokens, i) is not None and token.written != "I"
        if (token.folded in STOP_WORDS and not named) or not (asks or (whole and others <= LONG)):
            continue
        before = out.get(token.folded, (False, 0, Counter()))
        out[token.folded] = (asks or before[0], *spelling(token))
    return out


def spelling(token: Token) -> tuple[int, Counter[str]]:
    word = token.written
    if not (word.isascii() and word.isalpha()) or len(word) < 5 or word.isupper():
        return 0, Counter()
    fixed = token.folded in OPPOSED or token.folded in NEGATIONS or token.folded[:4] in PREFIXES
    return (2 if len(word) > 8 and not fixed else 1), Counter(token.folded)


def typing_error(one: tuple[bool, int, Counter[str]], other: tuple[bool, int, Counter[str]]) -> bool:
    level = min(one[1], other[1])
    differ = list(((one[2] - other[2]) + (other[2] - one[2])).elements())
    sides = bool(one[2] - other[2]) and bool(other[2] - one[2])
    return level > 0 and not sides and (not differ or (len(differ) == 1 and (level == 2 or differ == ["s"])))


def same_subject(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    a, b = (about(text if subject is None else subject, subject is not None) for text, subject in (one, other))
    if not a or not b:
        return True
    missing = [
        [own[word] for word in own if word not in there and not any(typing_error(own[word], w) for w in there.values())]
        for own, there in ((a, b), (b, a))
    ]
    asked = max(sum(word[0] for word in words) for words in missing)
    asking = min(sum(word[0] for word in own.values()) for own in (a, b))
    return asked <= asking // TOLERANCE and min(map(len, missing)) <= min(len(a), len(b)) // TOLERANCE


def opposed(one: str, other: str) -> bool:
    (slots, turns), (slots_b, turns_b) = slots_and_turns(one), slots_and_turns(other)
    for place in {slot[:-1] for slot in slots - slots_b}:
        if any(slot[:-1] == place for slot in slots_b - slots):
            return True
    own, there = shingles(one), shingles(other)
    return bool((turns & there) - own or (turns_b & own) - there)


def duplicates(one: tuple[str, str | None], other: tuple[str, str | None], threshold: float) -> bool:
    """Say whether two rows of a text and the question in it, if that is known, are near-duplicates."""
    similar = jaccard(shingles(one[0]), shingles(other[0])) >= threshold
    return similar and same_subject(one, other) and not opposed(one[0], other[0])


def similar_pairs(texts: list[str], threshold: float) -> list[tuple[int, int]]:
    sets = [shingles(text) for text in texts]
    return [
        (i, j)
        for i, j in combinations(range(len(sets)), 2)
        if min(len(sets[i]), len(sets[j])) >= threshold * max(len(sets[i]), len(sets[j]), 1)
        and jaccard(sets[i], sets[j]) >= threshold
        and duplicates((texts[i], None), (texts[j], None), threshold)
    ]


def components(size: int, pairs: list[tuple[int, int]]) -> list[int]:
    """Return for each of ``size`` things the least one that pairs link it to."""
    least = list(range(size))
    changed = True
    while changed:
        changed = False
        for i, j in pairs:
            low = min(least[i], least[j])
            changed |= least[i] != least[j]
            least[i] = least[j] = low
    return least
