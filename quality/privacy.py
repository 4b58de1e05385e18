"""Personal data found in texts, and rows redacted or dropped for it.

Names, ways to reach a person, addresses, numbers that stand for a person and dates of birth, in English, Spanish and
in part French. The kinds are those of the HIPAA Safe Harbor list (45 CFR 164.514(b)(2)) that a text can hold, without
dates other than births and without places larger than a street address. phonenumbers judges telephone numbers,
python-stdnum check digits; what stands around a number or a name decides the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

import polars as pl
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.normalise import flatten, unflatten
from quality.outcome import EDIT_SCHEMA, Outcome
from quality.personal.addresses import ADDRESS_RULES
from quality.personal.contacts import CONTACT_RULES
from quality.personal.names import NAME_RULES, name_again
from quality.personal.numbers import NUMBER_RULES
from quality.personal.rule import KINDS, Kind, Rule
from sources.record import TASKS

RULES: tuple[Rule, ...] = (*NUMBER_RULES, *ADDRESS_RULES, *CONTACT_RULES, *NAME_RULES)
"""Every rule, in the order in which they name a span that several find."""

FINDINGS = pl.Schema(
    {
        "row": pl.UInt32(),
        "kind": pl.String(),
        "start": pl.UInt32(),
        "end": pl.UInt32(),
        "text": pl.String(),
        "rule": pl.String(),
    }
)
"""One finding: place of its text in the column, kind, start and end in characters, what was found, by which rule."""

_GATE = 5  # hints joined for one pass over a column
_FEW = 32  # rows for which looking is cheaper than making an automaton for the hint


def _task(name: str) -> str:
    if name not in TASKS:
        raise ValueError(f"one of {', '.join(TASKS)}")
    return name


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Privacy:
    """What counts as personal, and what becomes of a row that holds it.

    ``organisations`` also takes what leads to an organisation and not to a person: toll-free numbers, role mailboxes.
    Rows of ``spared_tasks`` pass unread: what a function call holds is made up, and has to match across its turns.
    """

    action: Literal["redact", "drop"] = "redact"
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    organisations: bool = False
    spared_tasks: tuple[Annotated[str, AfterValidator(_task)], ...] = ("function-calling",)


class _Span(NamedTuple):
    start: int
    end: int
    kind: Kind
    rule: str


def find(texts: pl.Series, config: Privacy) -> pl.DataFrame:
    """Return the findings (``FINDINGS``) in a column of texts, by row and start; a null text holds none.

    Findings do not overlap: spans that do become one, of the longest one's kind. Raises ``TypeError`` for a column that
    is not text.
    """
    if texts.dtype != pl.String:
        raise TypeError(f"texts is a column of {texts.dtype}, expected String")
    spans: dict[int, list[_Span]] = {}
    rows: list[tuple[int, str, int, int, str, str]] = []
    for rule, candidates in _hinted(texts, [rule for rule in RULES if _wanted(rule, config)]):
        for row, text in candidates.iter_rows():
            for start, end in rule.spans(text):
                spans.setdefault(row, []).append(_Span(start, end, rule.kind, rule.name))
    for row in sorted(spans):
        text = texts[row]
        together = _merged([*spans[row], *_again(text, spans[row])])
        rows.extend((row, s.kind, s.start, s.end, text[s.start : s.end], s.rule) for s in together)
    return pl.DataFrame(rows, schema=FINDINGS, orient="row")


def redact(texts: pl.Series, config: Privacy) -> tuple[pl.Series, pl.DataFrame]:
    """Return the texts with a placeholder such as ``[NAME]`` for each finding, and the findings: row, kind, rule, text.

    What is found only once its neighbour is masked goes too, so a second call finds nothing and changes nothing.
    """
    findings = find(texts, config)
    every = [findings]
    while findings.height:
        rows = findings["row"].unique().sort()
        parts = findings.partition_by("row", maintain_order=True)
        masked = pl.Series([_masked(texts[part["row"][0]], part) for part in parts], dtype=pl.String)
        texts = texts.clone().scatter(rows, masked)
        findings = find(masked, config)
        findings = findings.with_columns(row=rows.gather(findings["row"]))
        every.append(findings)
    return texts, pl.concat(every).select("row", "kind", "rule", "text")


def screen(rows: pl.DataFrame, config: Privacy) -> Outcome:
    """Return the rows with their personal data masked, or dropped with reason ``personal_data``.

    Masked, every finding is an edit; dropped, the evidence is a JSON object of findings by field. Both quote what was
    found: they are for the one who builds, not for publication.
    """
    flat = flatten(rows)
    texts = flat["text"].scatter(flat["task"].is_in(config.spared_tasks).arg_true(), None)
    masked, findings = redact(texts, config)
    found = flat.select(pl.col("id", "field").gather(findings["row"])).hstack(findings.drop("row"))
    if config.action == "drop":
        return Outcome(rows=_dropped(rows, found))
    kept = unflatten(rows, flat.select(pl.coalesce(masked.alias("masked"), "text")).to_series())
    nothing = pl.lit(None, dtype=pl.String)
    edits = found.select("id", "field", rule=pl.col("rule"), removed="text").match_to_schema(EDIT_SCHEMA)
    return Outcome(rows=kept.with_columns(drop=nothing, evidence=nothing), edits=edits)


# --- looking ---


def _wanted(rule: Rule, config: Privacy) -> bool:
    return rule.kind in config.kinds and (config.organisations or not rule.organisation)


def _hinted(texts: pl.Series, rules: Sequence[Rule]) -> Iterator[tuple[Rule, pl.DataFrame]]:
    """Yield every rule with the rows (row, text) that may hold its hint; no row that does is missing.

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


def _again(text: str, spans: Iterable[_Span]) -> Iterator[_Span]:
    names = [text[span.start : span.end] for span in spans if span.kind == "NAME"]
    return (_Span(start, end, "NAME", "name-again") for start, end in name_again(text, names))


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Return spans that do not overlap: each run of overlapping ones as one, named by its longest."""
    merged: list[_Span] = []
    longest = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        length = span.end - span.start
        if not merged or span.start >= merged[-1].end:
            merged.append(span)
            longest = length
            continue
        last = merged[-1]
        named = span if length > longest else last
        merged[-1] = _Span(last.start, max(last.end, span.end), named.kind, named.rule)
        longest = max(longest, length)
    return merged


# --- what becomes of it ---


def _masked(text: str, findings: pl.DataFrame) -> str:
    pieces: list[str] = []
    position = 0
    for kind, start, end in findings.select("kind", "start", "end").iter_rows():
        pieces += [text[position:start], f"[{kind}]"]
        position = end
    return "".join(pieces) + text[position:]


def _dropped(rows: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    evidence: dict[str, dict[str, list[str]]] = {}
    for row, field, kind, text in found.select("id", "field", "kind", "text").iter_rows():
        evidence.setdefault(row, {}).setdefault(field, []).append(f"{kind} {text}")
    written = {row: json.dumps(fields, ensure_ascii=False) for row, fields in evidence.items()}
    seen = pl.col("id").replace_strict(written, default=None, return_dtype=pl.String)
    reason = pl.when(pl.col("id").is_in(list(written))).then(pl.lit("personal_data"))
    return rows.with_columns(drop=reason, evidence=seen)
