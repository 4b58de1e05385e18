"""The type of a privacy rule, and its constructors from patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal["NAME", "PHONE", "EMAIL", "ADDRESS", "RECORD", "INSURANCE", "ID", "BIRTH_DATE", "IP", "URL", "CARD"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Spans = Callable[[str], Iterator[tuple[int, int]]]
"""Text in, start and end of every piece of personal data out, in characters."""

Keep = Callable[[re.Match[str]], bool]

CUE_START = r"(?<![\w-])"
"""Start of a cue in words: not inside a word."""
CUE_START_HINT = r"(?:^|[^A-Za-z0-9_-])"
"""The same for polars, which has no look-behind."""

DIGIT = "[0-9]"
"""Pattern that every text with a number contains."""
BEYOND_ASCII = r"[^\x00-\x7F]"
"""Pattern of texts in languages other than English."""
LATER_CAPITAL = r"[^\pL\pN_][\p{Lu}\p{Lt}\p{Lo}]"
"""Pattern of texts with a name after a cue: a capital, or a letter of a script without any, after a sign."""

CAPITAL = r"[A-Z\x{80}-\x{10FFFF}]"
LETTER = r"[A-Za-z\x{80}-\x{10FFFF}]"
"""A capital and a letter, or any non-ASCII character, for hints: Unicode classes compile slowly."""

ORGANISATION = (
    r"(?:foundation|association|institutes?|society|university|hospital|cent(?:er|re)s?|clinic|council|network"
    r"|alliance|department|office|school|federation|organi[sz]ation|library|agency|administration|partnership"
    r"|inc\.?|llc|coalition|program|services?|nih|building|clearinghouse|support group|project|fundaci[óo]n"
    r"|asociaci[óo]n|universidad|campus)"
)
"""Words of organisations' names, whose addresses and telephone numbers are not a person's."""

WINDOW = 64
"""Characters searched on either side of the required part of a slow pattern."""

_LOOK_AROUND = re.compile(r"\(\?<?[=!](?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\)")

_ESCAPED_DIGIT_IN_SET = re.compile(r"(\[(?:[^\]\\]|\\[^d])*)\\d(?=[^\]]*\])")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Detection of one form of personal data.

    ``hint`` is a polars regular expression (Rust: no look-around) that every text with a span matches; it runs over the
    whole column, so that ``spans``, in Python, sees only the few texts that may have one. ``organisation`` marks
    findings that identify an organisation, not a person. Rules of one ``together`` are searched in one pass, over the
    texts that match each of ``needs``, which every text with one of their hints does.
    """

    name: str
    kind: Kind
    hint: str
    spans: Spans
    organisation: bool = False
    together: str = ""
    needs: tuple[str, ...] = ()


def together(name: str, needs: tuple[str, ...], *rules: Rule) -> tuple[Rule, ...]:
    """Return the rules as ones searched in one pass over the texts that match ``needs``.

    A pass costs the same for one hint as for several joined ones, until the engine's automaton outgrows its cache: cues
    of one form join well, and those with gaps of counted length join badly.
    """
    return tuple(replace(rule, together=name, needs=needs) for rule in rules)


def hint_of(pattern: re.Pattern[str]) -> str:
    """Return a polars pattern that matches wherever ``pattern`` does, and perhaps elsewhere.

    Look-arounds (with at most one group inside) and word boundaries are left out: polars' engine lacks the former, and
    the latter make it slow on non-ASCII text. Digits are ASCII: the engine then skips ahead to the next digit, eight
    times as fast as with Unicode's.
    """
    flags = "".join(letter for letter, flag in (("i", re.I), ("m", re.M)) if pattern.flags & flag)
    simplified = _LOOK_AROUND.sub("", pattern.pattern).replace(r"\b", "")
    simplified = _ESCAPED_DIGIT_IN_SET.sub(r"\g<1>0-9", simplified).replace(r"\d", "[0-9]")
    simplified = re.sub(r"\(\?P<\w+>", "(?:", re.sub(r"\(\?([im]+)\)", "", simplified))
    return f"(?{flags}:{simplified})" if flags else f"(?:{simplified})"


def pattern_rule(
    name: str,
    kind: Kind,
    pattern: re.Pattern[str],
    keep: Keep | None = None,
    *,
    hint: str | None = None,
    organisation: bool = False,
    near: re.Pattern[str] | None = None,
) -> Rule:
    """Return the rule of a pattern: its group ``x`` where it has one, else the whole match, if ``keep`` agrees.

    ``hint`` replaces the pattern's own where a cheaper one exists. Where the pattern is slow, ``near`` matches a part
    of every match, at most ``WINDOW`` characters from its start, and the pattern is tried around it only.
    """
    group: str | int = "x" if "x" in pattern.groupindex else 0

    def matches(text: str) -> Iterator[re.Match[str]]:
        if near is None:
            yield from pattern.finditer(text)
            return
        done = 0
        for place in near.finditer(text):
            first, last = max(done, place.start() - WINDOW), min(len(text), place.end() + WINDOW)
            for match in pattern.finditer(text, first, last):
                done = match.end()
                yield match

    def spans(text: str) -> Iterator[tuple[int, int]]:
        for match in matches(text):
            if keep is None or keep(match):
                yield match.span(group)

    return Rule(name=name, kind=kind, hint=hint or hint_of(pattern), spans=spans, organisation=organisation)
