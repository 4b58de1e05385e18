"""Personal data found in texts, and rows dropped or redacted for it.

Names, ways to reach a person, addresses, numbers that stand for a person and dates of birth, in English, Spanish and
partly French; the kinds are those of the HIPAA Safe Harbor list (45 CFR 164.514(b)(2)) that a text corpus can hold,
without dates other than births and without places larger than a street address. Telephone numbers are checked by
phonenumbers, check digits by python-stdnum; what stands around a number or a name decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import polars as pl

from quality.personal.addresses import ADDRESS_RULES
from quality.personal.contacts import CONTACT_RULES
from quality.personal.names import NAME_RULES
from quality.personal.numbers import NUMBER_RULES
from quality.personal.rule import KINDS, Kind, Rule

Action = Literal["drop", "redact"]
REASON = "personal-data"
RULES: tuple[Rule, ...] = (*NUMBER_RULES, *ADDRESS_RULES, *CONTACT_RULES, *NAME_RULES)
"""Every rule, in the order in which they name a span that several find."""
_GATE = 5  # hints joined for one pass
_FEW = 32  # rows for which looking is cheaper than making an automaton for the hint
COLUMNS = ("messages", "context", "options", "answer", "rationale", "response", "rejected")

FINDINGS = pl.Schema(
    {"row": pl.UInt32(), "kind": pl.String(), "start": pl.UInt32(), "end": pl.UInt32(), "text": pl.String(), "rule": pl.String()}
)
"""One finding a row: position of the text, kind, start and end in characters, the text found, the rule."""
EVIDENCE = pl.Struct({"column": pl.String(), "kind": pl.String(), "rule": pl.String(), "text": pl.String()})


@dataclass(frozen=True, kw_only=True)
class PrivacyConfig:
    """What counts as personal and what is done with a row that holds it.

    ``organisations`` also takes what leads to an organisation and not to a person: toll-free numbers, role mailboxes.
    ``columns`` are those searched: text, lists of text, or lists of messages.
    """

    action: Action = "redact"
    kinds: tuple[Kind, ...] = KINDS
    organisations: bool = False
    columns: tuple[str, ...] = COLUMNS

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"action is {self.action!r}, expected one of {', '.join(get_args(Action))}")
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise ValueError(f"kinds has {unknown or 'nothing'}, expected some of {', '.join(KINDS)}")
        if not self.columns:
            raise ValueError("columns is empty, expected the names of the columns to search")


class _Span(NamedTuple):
    start: int
    end: int
    rule: Rule


def find(texts: pl.Series, config: PrivacyConfig = PrivacyConfig()) -> pl.DataFrame:  # noqa: B008
    """Return the findings (``FINDINGS``) of a column of texts, by row and start; null texts hold none.

    Spans that overlap become one, of the longest one's kind. Raises ``TypeError`` for a column that is not text.
    """
    if texts.dtype != pl.String:
        raise TypeError(f"texts is a column of {texts.dtype}, expected String")
    found = _spans_by_row(texts, [rule for rule in RULES if _wanted(rule, config)])
    rows: list[tuple[int, str, int, int, str, str]] = []
    for row in sorted(found):
        text = texts[row]
        rows.extend((row, s.rule.kind, s.start, s.end, text[s.start : s.end], s.rule.name) for s in _merged(found[row]))
    return pl.DataFrame(rows, schema=FINDINGS, orient="row")


def _wanted(rule: Rule, config: PrivacyConfig) -> bool:
    return rule.kind in config.kinds and (config.organisations or not rule.organisation)


def _spans_by_row(texts: pl.Series, rules: Sequence[Rule]) -> dict[int, list[_Span]]:
    found: dict[int, list[_Span]] = {}
    for rule, rows in _hinted(texts, rules):
        for row, text in rows.select("row", "text").iter_rows():
            for start, end in rule.spans(text):
                found.setdefault(row, []).append(_Span(start, end, rule))
    return found


def _hinted(texts: pl.Series, rules: Sequence[Rule]) -> Iterator[tuple[Rule, pl.DataFrame]]:
    """Yield every rule with the rows (row, text) that hold its hint.

    A pass over a column costs the same for one hint as for a few joined ones, but a join of many makes the engine's
    automaton outgrow its cache and crawl: so a few are joined, and only what passes is asked for each hint.
    """
    frame = texts.rename("text").to_frame().with_row_index("row")
    gates = [rules[start : start + _GATE] for start in range(0, len(rules), _GATE)]
    passes = frame.select(
        pl.col("text").str.contains("|".join(rule.hint for rule in gate)).alias(gate[0].name) for gate in gates
    )
    for gate in gates:
        passed = frame.filter(passes[gate[0].name])
        few = passed.height <= _FEW
        for rule in gate:
            yield rule, passed if few else passed.filter(pl.col("text").str.contains(rule.hint))


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Return spans that do not overlap: each run of overlapping ones as one, named by its longest."""
    merged: list[_Span] = []
    longest = 0
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            longest = span.end - span.start
            continue
        last = merged[-1]
        rule = span.rule if span.end - span.start > longest else last.rule
        longest = max(longest, span.end - span.start)
        merged[-1] = _Span(last.start, max(last.end, span.end), rule)
    return merged
