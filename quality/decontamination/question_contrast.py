"""Detection of similar questions about different things: another name or number in the same position.

Only short runs of words between words shared by both questions are compared.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

import polars as pl

from quality.decontamination.rarity import word_bits
from quality.decontamination.word_keys import words
from quality.duplicates.distinguishing_words import OPPOSITES, ROMAN

RUN = 4
"""Most words of a run; longer runs are a different wording."""

LONG = 25
"""Words up to which a question is about one thing; longer ones may differ in a name or age and stay the same."""

NAME_BITS, SINGLE_BITS = 8.0, 6.0
"""Least bits of a word that counts as a name, in general and where one word replaces one word."""

SLIP, STEM = 0.7, 5
"""Similarity, or number of equal first letters, of two spellings of one word."""

ORDINALS = frozenset(
    "one two three four five six seven eight nine ten third fourth fifth primer primero primera segundo segunda tercer "
    "tercero tercera cuarto cuarta premier premiere deuxieme seconde troisieme quatrieme".split()
)
NUMERALS = frozenset(ROMAN)

TIME = r"\d+(?=[\s-]*(?:year|yr|week|wk|month|day|hour|ano|mes|dia|semana|an|mois|jour|semaine)s?\b)"
"""Ages and spans of time: the case of a patient of another age is the same case."""

EXPECTING = ("pregn", "gravid", "gestat", "gestac", "gestant", "embaraz", "grossesse", "enceinte")
"""Word beginnings of pregnancy: what is right for other patients may not be right then."""

CONJUNCTIONS = frozenset("aeouy")
"""Letters that are words."""

PREFIXES = (("hyper", "hypo"), ("hiper", "hipo"), ("pre", "post"), ("intra", "extra"), ("macro", "micro"))
OPPOSITE = {word: line for line, group in enumerate(OPPOSITES) for word in group.split()}


def contrasts(mine: str, theirs: str) -> bool:
    """Return whether one question has another name, number, ordinal or opposite in the position of the other's.

    A question about pregnant patients only also contrasts with one that is not.
    """
    few, many = _tokens(mine), _tokens(theirs)
    if min(len(few), len(many)) > LONG:
        return False
    if _expecting(few, many) or _expecting(many, few):
        return True
    runs = SequenceMatcher(None, few, many, autojunk=False).get_opcodes()
    for kind, a, b, c, d in runs:
        if kind == "replace" and b - a <= RUN and d - c <= RUN and _differ(few[a:b], many[c:d], few, many):
            return True
    return False


def _expecting(mine: list[str], theirs: list[str]) -> bool:
    """Return whether one text has a word of pregnancy and the other none, in any spelling."""
    words = [word for word in mine if word.startswith(EXPECTING)]
    if not words or any(word.startswith(EXPECTING) for word in theirs):
        return False
    return not any(_one_word(word, other) for word in words for other in theirs)


def _tokens(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    return re.findall(r"\w+", re.sub(TIME, "", plain))


def _differ(run: list[str], other: list[str], mine: list[str], theirs: list[str]) -> bool:
    """Return whether two runs in the same position denote different things."""
    single = len(run) == 1 == len(other)
    here, there = set(mine), set(theirs)
    left, right = [word for word in run if word not in there], [word for word in other if word not in here]
    marked = [any(_is_mark(word, single=single) for word in side) for side in (left, right)]
    if all(marked) or _opposed(left, right):
        return True
    least = SINGLE_BITS if single else NAME_BITS
    return _has_other_name(left, theirs, least) and _has_other_name(right, mine, least)


def _is_mark(word: str, *, single: bool) -> bool:
    letter = len(word) == 1 and single and word not in CONJUNCTIONS
    return letter or word[0].isdigit() or word in ORDINALS or word in NUMERALS


def _opposed(left: list[str], right: list[str]) -> bool:
    """Return whether the runs contain opposites of each other, as words or as prefixes."""
    lines = [{OPPOSITE[word] for word in side if word in OPPOSITE} for side in (left, right)]
    return bool(lines[0] and lines[1] and not lines[0] & lines[1]) or any(_turned(x, y) for x in left for y in right)


def _turned(one: str, other: str) -> bool:
    for pair in PREFIXES:
        for mine, theirs in (pair, pair[::-1]):
            if one.startswith(mine) and other.startswith(theirs) and one[len(mine) :] == other[len(theirs) :]:
                return True
    return False


def _has_other_name(run: list[str], text: list[str], least: float) -> bool:
    """Return whether a run has a name that is absent from the other text in any spelling."""
    return any(_bits(word) >= least and not any(_one_word(word, other) for other in text) for word in run)


def _one_word(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return one[:STEM] == other[:STEM] or (matcher.real_quick_ratio() >= SLIP and matcher.ratio() >= SLIP)


@lru_cache(maxsize=1 << 16)
def _bits(word: str) -> float:
    keys = words(pl.Series([word])).keys
    return float(word_bits(keys).max()) if len(keys) else 0.0
