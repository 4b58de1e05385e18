"""Detection of personal data in texts, and redaction or dropping of the rows.

Covers names, contact data, addresses, numbers that identify a person and dates of birth, in English, Spanish and partly
French. The kinds are those of the HIPAA Safe Harbor list (45 CFR 164.514(b)(2)) that a text can contain, without dates
other than births and places larger than a street address. phonenumbers validates telephone numbers, python-stdnum
check digits; the context of a number or name decides the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import polars as pl
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.cleaning.normalize import flatten, unflatten
from quality.outcome import EDIT_SCHEMA, Outcome
from quality.privacy.addresses import ADDRESS_RULES
from quality.privacy.checked_numbers import CHECKED_NUMBER_RULES
from quality.privacy.contacts import CONTACT_RULES
from quality.privacy.identity_numbers import NUMBER_RULES
from quality.privacy.nested import change_texts, list_texts
from quality.privacy.people import placeholders
from quality.privacy.person_names import NAME_RULES, again
from quality.privacy.privacy_rule import BEYOND_ASCII, KINDS, Kind, Rule
from quality.privacy.recognizer import Recogniser
from sources.record import TASKS

RULES: tuple[Rule, ...] = (*NUMBER_RULES, *CHECKED_NUMBER_RULES, *ADDRESS_RULES, *CONTACT_RULES, *NAME_RULES)
"""Every rule, in the order in which they claim a span that several find."""

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
"""One finding: position of its text in the column, kind, start and end in characters, the text, the rule."""

_REPEATED = 5  # characters from which on a value is looked for without what gave it away
_LONE = re.compile(r"@|(?<![A-Za-z\d])\d[\d ().-]{4,}\d|www|http")  # what a single word can give away
_IN_META = r'@|www|http|[^A-Za-z0-9][0-9][0-9 ().-]{4,}[0-9]|[^" ] [^" ]+ [^" ]'  # the same, or three words
_SHORTEST = 5  # bytes of a text that can hold a cue and a name: "Dr Li"
_FEW = 32  # rows for which looking is cheaper than making an automaton for the hint


def _task(name: str) -> str:
    if name not in TASKS:
        raise ValueError(f"one of {', '.join(TASKS)}")
    return name


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Privacy:
    """What counts as personal data, and whether rows that contain it are redacted or dropped.

    ``organisations`` also covers data of organisations, such as toll-free numbers. Rows of ``spared_tasks`` are not
    read: the data of a function call are invented and must match across its turns. The same holds for
    ``invented_sources``, whose people are fictional (``Corpus.real_persons``). ``recogniser`` also finds names without
    a cue.
    """

    action: Literal["redact", "drop"] = "redact"
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    organisations: bool = False
    spared_tasks: tuple[Annotated[str, AfterValidator(_task)], ...] = ("function-calling",)
    invented_sources: tuple[str, ...] = ()
    recogniser: Recogniser | None = None


class _Span(NamedTuple):
    start: int
    end: int
    kind: Kind
    rule: str


class _Mask(NamedTuple):
    """A placeholder in a masked text, and the text it replaces."""

    start: int
    end: int
    kind: Kind
    text: str


def find(texts: pl.Series, config: Privacy, rows: pl.Series | None = None) -> pl.DataFrame:
    """Return the findings (``FINDINGS``) in a column of texts, by row and start; a null text has none.

    ``rows`` gives the row of each text: data found in one text of a row is searched in its others. Overlapping spans
    are merged under the kind of the longest. Raises ``TypeError`` for a column that is not text.
    """
    if texts.dtype != pl.String:
        raise TypeError(f"texts is a column of {texts.dtype}, expected String")
    spans: dict[int, list[_Span]] = {}
    for rule, candidates in _hinted(texts, [rule for rule in RULES if _is_enabled(rule, config)]):
        for row, text in candidates.iter_rows():
            for start, end in rule.spans(text):
                spans.setdefault(row, []).append(_Span(start, end, rule.kind, rule.name))
    if config.recogniser is not None and "NAME" in config.kinds:
        _add_recognised(texts, config.recogniser, spans)
    for together in _texts_of_a_row(spans, rows):
        _add_repeats(texts, together, spans)
    findings: list[tuple[int, str, int, int, str, str]] = []
    for row in sorted(spans):
        text = texts[row]
        findings.extend((row, s.kind, s.start, s.end, text[s.start : s.end], s.rule) for s in _merged(spans[row]))
    return pl.DataFrame(findings, schema=FINDINGS, orient="row")


def redact(texts: pl.Series, config: Privacy, rows: pl.Series | None = None) -> tuple[pl.Series, pl.DataFrame]:
    """Return the texts with a placeholder such as ``[PHONE]`` for each finding, and the findings.

    Several people of a row are numbered, ``[NAME-1]``. ``rows`` gives the row of each text; without it each is its own.
    The findings have ``row`` (position of the text), ``kind``, ``rule`` and ``text``. Data detectable only once its
    neighbour is masked is masked too, so a second call changes nothing.
    """
    findings = find(texts, config, rows)
    every, masks = [findings], dict[int, list[_Mask]]()
    while findings.height:
        touched = findings["row"].unique().sort()
        parts = findings.partition_by("row", maintain_order=True)
        masked = [_masked(texts[part["row"][0]], masks.setdefault(part["row"][0], []), part) for part in parts]
        texts = texts.clone().scatter(touched, pl.Series(masked, dtype=pl.String))
        members = touched if rows is None else rows.is_in(rows.gather(touched).unique().implode()).arg_true()
        findings = find(texts.gather(members), config, None if rows is None else rows.gather(members))
        findings = findings.with_columns(row=members.cast(pl.UInt32).gather(findings["row"]))
        every.append(findings)
    return _numbered(texts, masks, rows), pl.concat(every).select("row", "kind", "rule", "text")


def screen(rows: pl.DataFrame, config: Privacy) -> Outcome:
    """Return the rows with their personal data masked, or dropped with reason ``personal_data``.

    Masked, every finding is an edit; dropped, the evidence is a JSON object of findings by field. Both quote the
    personal data: they are for the builder, not for publication.
    """
    flat = flatten(rows).select("id", "task", "source", "field", "text")
    meta = _meta_texts(rows)
    every = pl.concat([flat, meta.select(flat.columns)])
    spared = every["task"].is_in(config.spared_tasks) | every["source"].is_in(config.invented_sources)
    texts = every["text"].scatter(spared.arg_true(), None)
    masked, findings = redact(texts, config, every["id"])
    findings_by_field = every.select(pl.col("id", "field").gather(findings["row"])).hstack(findings.drop("row"))
    if config.action == "drop":
        return Outcome(rows=_dropped(rows, findings_by_field))
    written = pl.select(pl.coalesce(masked, every["text"])).to_series()
    kept = _with_meta(unflatten(rows, written.head(flat.height)), meta, written.tail(meta.height))
    nothing = pl.lit(None, dtype=pl.String)
    edits = findings_by_field.select("id", "field", rule=pl.col("rule"), removed="text").match_to_schema(EDIT_SCHEMA)
    return Outcome(rows=kept.with_columns(drop_reason=nothing, evidence=nothing), edits=edits)


def _meta_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the texts of more than two words in ``meta``, as rows of (offset, id, task, source, field, text).

    ``offset`` is the number of the row. Shorter texts, such as a subject or a code, are not searched.
    """
    places, texts = list[int](), list[str]()
    known: dict[str, list[str]] = {}
    some = rows.select("meta").with_row_index("offset").filter(pl.col("meta").str.contains(_IN_META))
    for at, meta in some.iter_rows():
        if meta not in known:
            known[meta] = [text for text in list_texts(meta) if text.count(" ") > 1 or _LONE.search(text)]
        places += [at] * len(known[meta])
        texts += known[meta]
    located = pl.DataFrame({"offset": places, "text": texts}, {"offset": pl.UInt32(), "text": pl.String()})
    who = rows.select(pl.col("id", "task", "source").gather(located["offset"]))
    return located.hstack(who).with_columns(field=pl.lit("meta"))


def _with_meta(rows: pl.DataFrame, meta: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
    """Return ``rows`` with the texts in their ``meta`` replaced by ``texts``, in the order of ``meta``."""
    changed = meta.select("offset", "text", written=texts).filter(pl.col("text") != pl.col("written"))
    by_row: dict[int, dict[str, str]] = {}
    for at, text, written in changed.iter_rows():
        by_row.setdefault(at, {})[text] = written
    if not by_row:
        return rows
    rewritten = [_written(rows["meta"][at], written) for at, written in by_row.items()]
    return rows.with_columns(rows["meta"].scatter(list(by_row), pl.Series(rewritten, dtype=pl.String)))


def _written(meta: str, texts: Mapping[str, str]) -> str:
    changed: str = change_texts(meta, lambda text: texts.get(text, text))
    return changed


# --- looking ---


def _is_enabled(rule: Rule, config: Privacy) -> bool:
    return rule.kind in config.kinds and (config.organisations or not rule.organisation)


def _hinted(texts: pl.Series, rules: Sequence[Rule]) -> Iterator[tuple[Rule, pl.DataFrame]]:
    """Yield every rule with the rows (row, text) that match its hint."""
    frame = texts.rename("text").to_frame().with_row_index("row").filter(pl.col("text").str.len_bytes() >= _SHORTEST)
    needed: dict[tuple[str, ...], pl.DataFrame] = {(): frame}
    passed: dict[str, pl.DataFrame] = {}
    for rule in rules:
        if rule.together not in passed:
            hints = {other.hint: None for other in rules if other.together == rule.together}
            passed[rule.together] = _matching(_needed(rule.needs, needed), "|".join(hints))
        some = passed[rule.together]
        alone = sum(other.together == rule.together for other in rules) == 1
        yield rule, some if alone or some.height <= _FEW else _matching(some, rule.hint)


def _needed(needs: tuple[str, ...], known: dict[tuple[str, ...], pl.DataFrame]) -> pl.DataFrame:
    """Return the rows that match each of ``needs``; ``known`` caches those of every prefix of it."""
    if needs not in known:
        known[needs] = _matching(_needed(needs[:-1], known), needs[-1])
    return known[needs]


def _matching(frame: pl.DataFrame, pattern: str) -> pl.DataFrame:
    text = pl.col("text").str
    if pattern == BEYOND_ASCII:  # many times as fast as a search
        return frame.filter(text.len_bytes() != text.len_chars())
    return frame.filter(text.contains(pattern))


def _add_recognised(texts: pl.Series, recogniser: Recogniser, spans: dict[int, list[_Span]]) -> None:
    """Add to ``spans`` the names found by a model."""
    frame = texts.rename("text").to_frame().with_row_index("row").filter(pl.col("text").str.len_bytes() >= _SHORTEST)
    for place, start, end in recogniser.spans(frame["text"].to_list()):
        spans.setdefault(frame["row"][place], []).append(_Span(start, end, "NAME", "name-recognised"))


def _texts_of_a_row(spans: Mapping[int, object], rows: pl.Series | None) -> list[list[int]]:
    """Return the texts of every row with a finding, in order."""
    affected = sorted(spans)
    if rows is None:
        return [[text] for text in affected]
    owners = pl.DataFrame({"row": rows}).with_row_index("text")
    mine = owners.filter(pl.col("row").is_in(rows.gather(affected).unique().implode()))
    return mine.group_by("row", maintain_order=True).agg("text")["text"].to_list()


def _add_repeats(texts: pl.Series, together: Sequence[int], spans: dict[int, list[_Span]]) -> None:
    """Add to ``spans`` the repetitions without a cue of data found in the texts of one row."""
    here = [(span.kind, texts[at][span.start : span.end]) for at in together for span in spans.get(at, ())]
    named_again = again(text for kind, text in here if kind == "NAME")
    values: dict[str, Kind] = {text: kind for kind, text in here if kind != "NAME" or " " in text}
    for at in together:
        if text := texts[at]:
            repeats = [_Span(start, end, "NAME", "name-again") for start, end in named_again(text)]
            repeats += [_Span(*span, values[value], "again") for value in values for span in _places(value, text)]
            known = {(span.start, span.end) for span in spans.get(at, ())}
            if fresh := [span for span in repeats if (span.start, span.end) not in known]:
                spans.setdefault(at, []).extend(fresh)


def _places(value: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield the whole-word occurrences of ``value`` in a text; a short value is skipped, as it may be any number."""
    if len(value) < _REPEATED or value not in text:
        return
    for match in re.finditer(rf"(?<![\w.,-]){re.escape(value)}(?![\w-]|[.,]\w)", text):
        yield match.span()


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    """Return spans that do not overlap: each run of overlapping ones as one, with the kind of its longest."""
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


# --- masking and dropping ---


def _masked(text: str, masks: list[_Mask], findings: pl.DataFrame) -> str:
    """Return a text with a placeholder for each finding; ``masks`` are its existing masks and are updated."""
    spans = findings.select("start", "end", "kind").iter_rows()
    new_masks = [_Mask(start, end, kind, text[start:end]) for start, end, kind in spans]
    left = [mask for mask in masks if not any(mask.start < span.end and span.start < mask.end for span in new_masks)]
    masks.clear()
    pieces: list[str] = []
    read = written = 0
    for span in sorted([*new_masks, *left]):
        placeholder = f"[{span.kind}]"
        written += span.start - read
        pieces += [text[read : span.start], placeholder]
        masks.append(span._replace(start=written, end=written + len(placeholder)))
        written += len(placeholder)
        read = span.end
    return "".join(pieces) + text[read:]


def _numbered(texts: pl.Series, masks: Mapping[int, Sequence[_Mask]], rows: pl.Series | None) -> pl.Series:
    """Return the texts with the placeholders of names numbered wherever a row names several people."""
    changed: dict[int, str] = {}
    for together in _texts_of_a_row(masks, rows):
        names = [(at, mask) for at in together for mask in masks.get(at, ()) if mask.kind == "NAME"]
        numbered = placeholders([mask.text for _, mask in names], _without_masks(texts, masks, together))
        if not any(len(placeholder) > len("[NAME]") for placeholder in numbered):
            continue
        by_text: dict[int, list[tuple[_Mask, str]]] = {}
        for (at, mask), placeholder in zip(names, numbered, strict=True):
            by_text.setdefault(at, []).append((mask, placeholder))
        for at, mine in by_text.items():
            text = texts[at]
            for mask, placeholder in reversed(mine):
                text = text[: mask.start] + placeholder + text[mask.end :]
            changed[at] = text
    return texts.clone().scatter(list(changed), list(changed.values())) if changed else texts


def _without_masks(
    texts: pl.Series, masks: Mapping[int, Sequence[_Mask]], together: Sequence[int]
) -> Iterator[str | None]:
    """Yield the texts of a row without the placeholders of current findings."""
    for at in together:
        text: str | None = texts[at]
        for mask in reversed(masks.get(at, ())):
            text = (text or "")[: mask.start] + (text or "")[mask.end :]
        yield text


def _dropped(rows: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    evidence: dict[str, dict[str, list[str]]] = {}
    for row, field, kind, text in findings.select("id", "field", "kind", "text").iter_rows():
        evidence.setdefault(row, {}).setdefault(field, []).append(f"{kind} {text}")
    written = {row: json.dumps(fields, ensure_ascii=False) for row, fields in evidence.items()}
    seen = pl.col("id").replace_strict(written, default=None, return_dtype=pl.String)
    reason = pl.when(pl.col("id").is_in(list(written))).then(pl.lit("personal_data"))
    return rows.with_columns(drop_reason=reason, evidence=seen)
