"""Rules for names in lower case, as typed in a hurry or transcribed from speech.

Without capitals only a known given name counts, or a word between an abbreviated title and a punctuation mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from quality.privacy.given_names import GIVEN_NAMES
from quality.privacy.name_form import plain
from quality.privacy.not_names import MEDICAL_ENDING, NOT_NAMES
from quality.privacy.privacy_rule import CUE_START, CUE_START_HINT, DIGIT, Rule, hint_of, together

_INTRODUCTION = (
    r"(?i:(?:my|his|her|patient[’']?s) name(?: is|[’']s)|patient is|this is|me llamo|mi nombre es|je m[’']appelle"
    r"|doctora?|miss|mister|i[’']?m|i am|soy|je suis) +"
)
_GREETING = r"(?:hi|hello|hey|hola|good (?:morning|afternoon))[ ,]{1,3}"
_TITLE = r"(?:mrs?|ms|dra?|sra?)[ ]?\.[ ]?"
_AGE_AFTER = r",? is an? \d{1,3} ?-? ?years?[- ]old"

_OPENS = r"(?:(?<=\n)|(?<!.)(?<!\n))"
"""The start of a line."""
_WITH_AGE = r",? (?:is )?an? \d{1,3}[ -]?(?:years?|yr)[ -]?old (?:man|woman|male|female|boy|girl|lady|gentleman)"

_LETTERS = "a-zà-ÿ"
_WORDS = rf"(?P<first>[{_LETTERS}]{{2,}})(?:[ ](?P<second>[{_LETTERS}]{{2,}}))?"
_GIVEN_HINT = rf"(?:(?:{'|'.join(sorted(GIVEN_NAMES))})(?:[^a-z]|$)|[a-z]*[à-ÿ][{_LETTERS}]*)"
"""A given name for polars: one of the list, or any word with an accent, since the list has none."""
_CUE_AND_WORD = f"(?:{_INTRODUCTION}|{_GREETING}|{_TITLE})[{_LETTERS}]{{2}}"
_CUE_AND_GIVEN = f"(?:{_INTRODUCTION}|{_GREETING}){_GIVEN_HINT}"
"""One hint shared by two rules, so that the list of names is compiled once."""
_MARK_AFTER = re.compile(r"[ ]?[.,;:?!)]|[ ]?[’']s\b|\s*$")

_ANYBODY = frozenset(
    """
    docs friend friends folks guys all everybody gang people world again sirji mam ma'am maam dude bro buddy mate man
    sis
    love honey sweetie darling experts expert community members team forum group ladies girls boys mum mom dad mommy
    daddy
    doctora doctores doctorcito amigos amigas amigo amiga equipo chicos chicas colega colegas tio tia howdy yo reddit
    """.split()
)
_Pick = Callable[[re.Match[str]], tuple[int, int] | None]


def _rule(name: str, pattern: str, pick: _Pick, hint: str) -> Rule:
    cue = re.compile(CUE_START + pattern)

    def spans(text: str) -> Iterator[tuple[int, int]]:
        yield from filter(None, map(pick, cue.finditer(text)))

    return Rule(name=f"name-lower-{name}", kind="NAME", hint=CUE_START_HINT + hint_of(re.compile(hint)), spans=spans)


def _is_given_name(word: str) -> bool:
    return plain(word) in GIVEN_NAMES and plain(word) not in NOT_NAMES


def _alone(match: re.Match[str]) -> bool:
    return match["second"] is None or plain(match["second"]) in NOT_NAMES


def _name(match: re.Match[str]) -> tuple[int, int]:
    return match.start("first"), match.end("first" if _alone(match) else "second")


def _introduced(match: re.Match[str]) -> tuple[int, int] | None:
    return _name(match) if _is_given_name(match["first"]) else None


def _greeted(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the given name after a greeting, if nothing follows that could belong to it."""
    return match.span("first") if _is_given_name(match["first"]) and _alone(match) else None


def _titled(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the name after "dr." ("my dr. said" has none): a given name, or a word followed by punctuation."""
    marked = _MARK_AFTER.match(match.string, match.end("first")) is not None
    believed = _is_given_name(match["first"]) or (marked and plain(match["first"]) not in NOT_NAMES)
    return _name(match) if believed else None


def _greeted_first(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the word between an opening greeting and a comma, unless it is one that greets everybody."""
    word = match["first"]
    many = word.endswith("s") and not _is_given_name(word)  # "hey kiwis,"
    believed = plain(word) not in NOT_NAMES | _ANYBODY and match["second"] is None and not many
    return match.span("first") if believed else None


def _aged_first(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the two words at the start of a text before "a 45 year old woman"."""
    words = plain(match["first"]), plain(match["second"])
    medical = any(word in NOT_NAMES or MEDICAL_ENDING.search(word) for word in words)
    return None if medical else (match.start("first"), match.end("second"))


def _aged(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the name before "is a 45-year-old": both words, or the second one alone ("so jerry")."""
    if _is_given_name(match["first"]):
        return match.start("first"), match.end("second" if match["second"] else "first")
    return match.span("second") if match["second"] is not None and _is_given_name(match["second"]) else None


LOWER_NAME_RULES: tuple[Rule, ...] = (
    *together(
        "lower",
        (_CUE_AND_WORD,),
        _rule("introduction", _INTRODUCTION + _WORDS, _introduced, _CUE_AND_GIVEN),
        _rule("greeting", _GREETING + _WORDS, _greeted, _CUE_AND_GIVEN),
        _rule(
            "greeting-first",
            _OPENS + _GREETING + rf"{_WORDS}(?=[ ]?[,!](?:\s|$))",
            _greeted_first,
            rf"(?:hi|hello|hey|hola)[ ,]{{1,3}}[{_LETTERS}]{{2,}}[ ]?[,!]",
        ),
    ),
    *together(
        "lower ages",
        (DIGIT,),
        _rule(
            "age-first",
            rf"{_OPENS}(?P<first>[{_LETTERS}]{{2,}})[ ](?P<second>[{_LETTERS}]{{2,}}){_WITH_AGE}",
            _aged_first,
            rf"[{_LETTERS}]{{2,}}[ ][{_LETTERS}]{{2,}}{_WITH_AGE}",
        ),
    ),
    *together(
        "lower",
        (_CUE_AND_WORD,),
        _rule("title", _TITLE + _WORDS, _titled, _TITLE + rf"[{_LETTERS}]"),
    ),
    *together("lower ages", (DIGIT,), _rule("age", _WORDS + _AGE_AFTER, _aged, rf"[{_LETTERS}]{{2,}}{_AGE_AFTER}")),
)
