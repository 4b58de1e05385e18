"""Verdicts of guard models: the numbering of their categories and the format of their replies.

The formats are those of the model cards: Llama Guard 1 to 4, ShieldGemma, WildGuard, Granite Guardian, Qwen3Guard.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from synth.answers.model_output import fold, plain

SAFE, UNSAFE, ADVICE_ONLY, CONTROVERSIAL, UNPARSED = "safe", "unsafe", "advice_only", "controversial", "unparsed"

FormatName = Literal[
    "llama-guard", "llama-guard-2", "llama-guard-3", "shieldgemma", "wildguard", "granite-guardian", "qwen3guard"
]

Parsed = tuple[str, str | None]
"""The verdict and the categories as ``S2,S7``."""

CATEGORY = re.compile(r"\b(?P<letter>[so])\s?(?P<number>\d{1,2})\b")
VERDICT_WORD = re.compile(r"\b(?P<not>(?:not|isn't|nicht|no es|n'est pas)(?: \w+)? )?(?P<word>safe|unsafe)\b")
YES_OR_NO = re.compile(
    r"\W*(?:(?:<score>|(?:answer|verdict|result|score)\W*)\s*)?(?P<word>yes|no)\b(?![^.\n]{0,40}\bor\b)"
)
OPEN_WORDS = re.compile(
    r"\b(?:cannot|can't|could|may|might|unsure|unclear|whether|depends|either|or|not sure|if|would be)\b"
)


@dataclass(frozen=True, kw_only=True)
class GuardFormat:
    """How one family of guards replies: its categories, the one that is mere advice, and how a reply is parsed.

    ``models`` matches the names under which models of the family are served.
    """

    models: re.Pattern[str]
    parse: Callable[[str, GuardFormat], Parsed]
    letter: str = "s"
    categories: int = 0
    advice: int | None = None


def parse_reply(text: str, name: FormatName) -> Parsed:
    """Return verdict and categories of a guard's reply; ``unparsed`` where it states none, or two that differ."""
    how = FORMATS[name]
    return how.parse(fold(plain(text)).strip(), how)


def format_of(model: str) -> FormatName | None:
    """Return the format of a model by its name, such as ``meta-llama/Llama-Guard-3-8B``; None for unknown names."""
    return next((name for name, how in FORMATS.items() if how.models.search(model.lower())), None)


def _by_category(text: str, how: GuardFormat) -> Parsed:
    """Parse "safe", or "unsafe" and categories in any punctuation, with or without their names."""
    is_safe = {(word["word"] == "safe") != bool(word["not"]) for word in VERDICT_WORD.finditer(text)}
    numbers = list(dict.fromkeys(int(one["number"]) for one in CATEGORY.finditer(text) if one["letter"] == how.letter))
    of_another_list = not numbers and CATEGORY.search(text)
    unknown = any(not 1 <= number <= how.categories for number in numbers)
    if len(is_safe) != 1 or of_another_list or unknown or OPEN_WORDS.search(text.split("\n")[0]):
        return UNPARSED, None
    if is_safe == {True}:
        return (UNPARSED, None) if numbers else (SAFE, None)
    names = ",".join(f"{how.letter.upper()}{number}" for number in numbers) or None
    return ADVICE_ONLY if numbers == [how.advice] else UNSAFE, names


def _yes_is_unsafe(text: str, how: GuardFormat) -> Parsed:
    """Parse the "Yes" (harm, risk) or "No" with which a reply begins, or the tagged score."""
    scored = re.findall(r"<score>\s*(yes|no)\s*</score>", text)
    begins = YES_OR_NO.match(text)
    words = set(scored) or ({begins["word"]} if begins else set())
    if len(words) != 1:
        return UNPARSED, None
    return UNSAFE if words == {"yes"} else SAFE, None


def _by_field(field: str, values: dict[str, str]) -> Callable[[str, GuardFormat], Parsed]:
    """Return a parser for one ``field: value`` of a reply, whose categories are those of its field of that name."""
    line = re.compile(rf"^\W*{field}\W*:\W*(\w+)", re.MULTILINE)
    named = re.compile(r"^\W*categories\W*:[ ]*(.+)$", re.MULTILINE)

    def parse(text: str, how: GuardFormat) -> Parsed:
        verdicts = {values.get(word, UNPARSED) for word in line.findall(text)}
        verdict = verdicts.pop() if len(verdicts) == 1 else UNPARSED
        categories = named.search(text)
        unsafe = verdict in (UNSAFE, CONTROVERSIAL)
        return verdict, categories[1].strip() if categories and unsafe else None

    return parse


FORMATS: dict[FormatName, GuardFormat] = {
    "llama-guard-2": GuardFormat(
        models=re.compile(r"llama-?_?guard-?_?2"), parse=_by_category, categories=11, advice=5
    ),
    "llama-guard-3": GuardFormat(
        models=re.compile(r"llama-?_?guard-?_?[34]"), parse=_by_category, categories=14, advice=6
    ),
    "llama-guard": GuardFormat(models=re.compile(r"llama-?_?guard"), parse=_by_category, letter="o", categories=6),
    "shieldgemma": GuardFormat(models=re.compile(r"shield-?_?gemma"), parse=_yes_is_unsafe),
    "wildguard": GuardFormat(
        models=re.compile(r"wild-?_?guard"),
        parse=_by_field("harmful response", {"yes": UNSAFE, "no": SAFE}),
    ),
    "granite-guardian": GuardFormat(models=re.compile(r"granite-?_?guardian"), parse=_yes_is_unsafe),
    "qwen3guard": GuardFormat(
        models=re.compile(r"qwen-?_?3-?_?guard"),
        parse=_by_field("safety", {"safe": SAFE, "unsafe": UNSAFE, "controversial": CONTROVERSIAL}),
    ),
}
"""By name. In Llama Guard 2 specialised advice is S5 and privacy S6; in Llama Guard 3 and 4 advice is S6."""
