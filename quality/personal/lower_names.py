"""Rules that find names written in lower case: by patients in a hurry, and in transcripts of speech.

Without capitals only a known given name is a name, or a word between a title with a stop and a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from quality.personal.given_names import GIVEN_NAMES
from quality.personal.not_names import NOT_NAMES
from quality.personal.person_name import plain
from quality.personal.rule import CUE_START, CUE_START_HINT, Rule, hint_of

_WORDS = r"(?P<first>[a-zà-ÿ]{2,})(?:[ ](?P<second>[a-zà-ÿ]{2,}))?"
_INTRODUCTION = re.compile(
    r"(?i:(?:my|his|her|patient[’']?s) name(?: is|[’']s)|patient is|this is|me llamo|mi nombre es|je m[’']appelle"
    r"|doctora?|miss"
    rf"|mister|i[’']?m|i am|soy|je suis) +{_WORDS}"
)
_GREETING = re.compile(rf"(?:hi|hello|hey|hola|good (?:morning|afternoon))[ ,]{{1,3}}{_WORDS}")
_TITLE = re.compile(rf"(?:mrs?|ms|dra?|sra?)[ ]?\.[ ]?{_WORDS}")
_AGE = re.compile(rf"{_WORDS},? is an? \d{{1,3}} ?-? ?years?[- ]old")
_MARK_AFTER = re.compile(r"[ ]?[.,;:?!)]|[ ]?[’']s\b|\s*$")

_Pick = Callable[[re.Match[str]], tuple[int, int] | None]


def _rule(name: str, pattern: re.Pattern[str], pick: _Pick) -> Rule:
    cue = re.compile(CUE_START + pattern.pattern)

    def spans(text: str) -> Iterator[tuple[int, int]]:
        yield from filter(None, map(pick, cue.finditer(text)))

    return Rule(name=f"name-lower-{name}", kind="NAME", hint=CUE_START_HINT + hint_of(pattern), spans=spans)


def _given(word: str) -> bool:
    return plain(word) in GIVEN_NAMES and plain(word) not in NOT_NAMES


def _alone(match: re.Match[str]) -> bool:
    return match["second"] is None or plain(match["second"]) in NOT_NAMES


def _name(match: re.Match[str]) -> tuple[int, int]:
    return match.start("first"), match.end("first" if _alone(match) else "second")


def _introduced(match: re.Match[str]) -> tuple[int, int] | None:
    return _name(match) if _given(match["first"]) else None


def _greeted(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the given name after a greeting, if nothing follows that could belong to it."""
    return match.span("first") if _given(match["first"]) and _alone(match) else None


def _titled(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the name after "dr.", where "my dr. said" has none: a given name, or a word that a mark follows."""
    marked = _MARK_AFTER.match(match.string, match.end("first")) is not None
    believed = _given(match["first"]) or (marked and plain(match["first"]) not in NOT_NAMES)
    return _name(match) if believed else None


def _aged(match: re.Match[str]) -> tuple[int, int] | None:
    """Return the name before "is a 45-year-old": both words, or the second one alone ("so jerry")."""
    if _given(match["first"]):
        return _name(match)
    return match.span("second") if match["second"] is not None and _given(match["second"]) else None


LOWER_NAME_RULES: tuple[Rule, ...] = (
    _rule("introduction", _INTRODUCTION, _introduced),
    _rule("greeting", _GREETING, _greeted),
    _rule("title", _TITLE, _titled),
    _rule("age", _AGE, _aged),
)
