"""Personal data found in texts, and rows dropped or redacted for it.

Names, ways to reach a person, addresses, numbers that stand for a person and dates of birth, in English, Spanish and
in part French. The kinds are those of the HIPAA Safe Harbor list (45 CFR 164.514(b)(2)) that a text can hold, without
dates other than births and without places larger than a street address. phonenumbers judges telephone numbers,
python-stdnum check digits; what stands around a number or a name decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import polars as pl

from quality.personal.addresses import ADDRESS_RULES
from quality.personal.contacts import CONTACT_RULES
from quality.personal.names import NAME_RULES, name_again
from quality.personal.numbers import NUMBER_RULES
from quality.personal.rule import KINDS, Kind, Rule

Action = Literal["drop", "redact"]

REASON = "personal-data"
RULES: tuple[Rule, ...] = (*NUMBER_RULES, *ADDRESS_RULES, *CONTACT_RULES, *NAME_RULES)
"""Every rule, in the order in which they name a span that several find."""
COLUMNS = ("messages", "context", "options", "answer", "rationale", "response", "rejected")
"""The columns of a record that hold text."""
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
"""One finding: position of its text in the column, kind, start and end in characters, what was found, by which rule."""
EVIDENCE = pl.List(pl.Struct({"column": pl.String(), "kind": pl.String(), "rule": pl.String(), "text": pl.String()}))

_GATE = 5  # hints joined for one pass over a column
_FEW = 32  # rows for which looking is cheaper than making an automaton for the hint


@dataclass(frozen=True, kw_only=True)
class PrivacyConfig:
    """What counts as personal, where it is looked for, and what becomes of a row that holds it.

    ``organisations`` also takes what leads to an organisation and not to a person: toll-free numbers, role mailboxes.
    ``columns`` hold text, lists of text or lists of messages.
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
            raise ValueError("columns is empty, expected the names of columns that hold text")


DEFAULT = PrivacyConfig()


class _Span(NamedTuple):
    start: int
    end: int
    kind: Kind
    rule: str


def find(texts: pl.Series, config: PrivacyConfig = DEFAULT) -> pl.DataFrame:
    """Return the findings (``FINDINGS``) in a column of texts, by row and start; a null text holds none.

    Findings do not overlap: spans that do become one, of the longest one's kind. Raises ``TypeError`` for a column that
    is not text.
    """
    if texts.dtype != pl.String:
        raise TypeError(f"texts is a column of {texts.dtype}, expected String")
    spans: dict[int, list[_Span]] = {}
    rows: list[tuple[int, str, int, int, str, str]] = []
    for rule, candidates in _hinted(texts, [rule for rule in RULES if _wanted(rule, config)]):
        for row, text in candidates.select("row", "text").iter_rows():
            spans.setdefault(row, []).extend(_Span(start, end, rule.kind, rule.name) for start, end in rule.spans(text))
    for row in sorted(spans):
        text = texts[row]
        together = _merged([*spans[row], *_again(text, spans[row])])
        rows.extend((row, s.kind, s.start, s.end, text[s.start : s.end], s.rule) for s in together)
    return pl.DataFrame(rows, schema=FINDINGS, orient="row")


def redact(texts: pl.Series, config: PrivacyConfig = DEFAULT) -> tuple[pl.Series, pl.DataFrame]:
    """Return the texts with a placeholder such as ``[NAME]`` for every finding, and the findings (row, kind, rule, text).

    What is found only once its neighbour is masked goes too, so a second call finds nothing and changes nothing.
    """
    columns = ("row", "kind", "rule", "text")
    findings = find(texts, config)
    every = [findings.select(columns)]
    while findings.height:
        rows = findings["row"].unique().sort()
        masked = pl.Series([_masked(texts[key[0]], part) for key, part in _by_row(findings)], dtype=pl.String)
        texts = texts.clone().scatter(rows, masked)
        findings = find(masked, config).with_columns(row=pl.col("row").replace_strict(range(len(rows)), rows))
        every.append(findings.select(columns))
    return texts, pl.concat(every)


def screen(rows: pl.DataFrame, config: PrivacyConfig = DEFAULT) -> pl.DataFrame:
    """Return the rows with their personal data redacted, or marked to be dropped.

    Adds ``drop`` (text: ``REASON`` under the action "drop", null for a row that stays; an earlier reason is kept) and
    ``evidence`` (``EVIDENCE``, null where nothing was found). The evidence quotes the personal data: it is for the one
    who builds, not for publication. Raises ``ValueError`` for a column that the rows lack, ``TypeError`` for one that
    holds no text.
    """
    missing = [name for name in config.columns if name not in rows.columns]
    if missing:
        raise ValueError(f"columns has {', '.join(missing)}, expected some of {', '.join(rows.columns)}")
    redacted = rows
    every = [_evidence(name, pl.DataFrame(schema=FINDINGS)) for name in config.columns[:1]]
    for name in config.columns:
        column, findings = _searched(rows[name], config)
        redacted = redacted.with_columns(column)
        every.append(_evidence(name, findings))
    kept = rows if config.action == "drop" else redacted
    return _marked(kept, pl.concat(every), config)


# --- looking ---


def _wanted(rule: Rule, config: PrivacyConfig) -> bool:
    return rule.kind in config.kinds and (config.organisations or not rule.organisation)


def _hinted(texts: pl.Series, rules: Sequence[Rule]) -> Iterator[tuple[Rule, pl.DataFrame]]:
    """Yield every rule with the rows (row, text) that may hold its hint, and no row that does is missing.

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


# --- masking ---


def _by_row(findings: pl.DataFrame) -> Iterator[tuple[tuple[object, ...], pl.DataFrame]]:
    yield from findings.sort("row", "start").group_by("row", maintain_order=True)


def _masked(text: str, findings: pl.DataFrame) -> str:
    pieces: list[str] = []
    position = 0
    for kind, start, end in findings.select("kind", "start", "end").iter_rows():
        pieces += [text[position:start], f"[{kind}]"]
        position = end
    return "".join(pieces) + text[position:]


# --- columns ---


def _searched(column: pl.Series, config: PrivacyConfig) -> tuple[pl.Series, pl.DataFrame]:
    """Return a column of text, of lists of text or of lists of messages redacted, and the findings by its rows."""
    if column.dtype == pl.String:
        return redact(column, config)
    long = column.rename("value").to_frame().with_row_index("row").explode("value")
    if long["value"].dtype == pl.String:
        texts, findings = redact(long["value"], config)
        values = texts
    elif isinstance(long["value"].dtype, pl.Struct) and "content" in long["value"].struct.fields:
        texts, findings = redact(long["value"].struct.field("content"), config)
        values = long.select(pl.col("value").struct.with_fields(content=texts)).to_series()
    else:
        raise TypeError(f"{column.name} is a column of {column.dtype}, expected text, lists of text or of messages")
    owners = findings.with_columns(row=long["row"].gather(findings["row"]))
    changed = long.with_columns(values.alias("value")).filter(pl.col("row").is_in(owners["row"].unique().implode()))
    return _replaced(column, changed.group_by("row", maintain_order=True).agg("value")), owners


def _replaced(column: pl.Series, changed: pl.DataFrame) -> pl.Series:
    frame = (
        column.rename("old").to_frame().with_row_index("row").join(changed, on="row", how="left", maintain_order="left")
    )
    return frame.select(pl.coalesce("value", "old").alias(column.name)).to_series()


def _evidence(name: str, findings: pl.DataFrame) -> pl.DataFrame:
    return findings.select("row", pl.struct(pl.lit(name).alias("column"), "kind", "rule", "text").alias("evidence"))


def _marked(rows: pl.DataFrame, evidence: pl.DataFrame, config: PrivacyConfig) -> pl.DataFrame:
    by_row = evidence.group_by("row", maintain_order=True).agg("evidence")
    marked = (
        rows.drop("evidence", strict=False)
        .with_row_index("_row")
        .join(by_row, left_on="_row", right_on="row", how="left", maintain_order="left")
    )
    found = pl.col("evidence").is_not_null() if config.action == "drop" else pl.lit(value=False)
    reason = pl.when(found).then(pl.lit(REASON)).otherwise(pl.lit(None, dtype=pl.String))
    earlier = pl.col("drop") if "drop" in rows.columns else pl.lit(None, dtype=pl.String)
    return marked.with_columns(pl.coalesce(earlier, reason).alias("drop"), pl.col("evidence").cast(EVIDENCE)).drop(
        "_row"
    )
