"""The truth that the near-duplicate tests compare with: plain Python, brute force, no hashing."""

from __future__ import annotations

import random
import unicodedata
from itertools import combinations

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
                words[draw.randrange(len(words))] = f"word{draw.randrange(1000)}"
            texts.append(" ".join(words))
        else:
            texts.append(". ".join(sentence(draw) for _ in range(draw.randint(1, 6))))
    return texts


def tokens(text: str) -> list[str]:
    """Return words, and in scripts without spaces characters; signs of meaning and symbols are tokens too."""
    out, word = [], ""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F:
            continue
        unspaced = unicodedata.name(character, "").startswith(UNSPACED)
        if (category[0] in "LNM" and not unspaced) or category == "Pc":
            word += character.casefold()
            continue
        out += [word] * bool(word)
        word = ""
        if category[0] in "LNM" or category == "So" or character in "<>≤≥±%+":
            out.append(character)
    return out + [word] * bool(word)


def shingles(text: str, size: int = 5) -> frozenset[tuple[str, ...]]:
    words = tokens(text)
    return frozenset(tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1)) if words)


def jaccard(a: frozenset, b: frozenset) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


def similar_pairs(texts: list[str], threshold: float) -> list[tuple[int, int]]:
    sets = [shingles(text) for text in texts]
    return [
        (i, j)
        for i, j in combinations(range(len(sets)), 2)
        if min(len(sets[i]), len(sets[j])) >= threshold * max(len(sets[i]), len(sets[j]), 1)
        and jaccard(sets[i], sets[j]) >= threshold
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
