"""Findings about single rows, and the facts of each row that later comparisons of all rows need."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
import xxhash

from pipelines.check.record_columns import with_gold
from pipelines.storage.secrets import SHAPES
from quality.cleaning.cut_off import cut_off
from quality.cleaning.encodings import MOJIBAKE
from quality.cleaning.normalize import flatten
from quality.cleaning.rules import Rules, broken_rules
from quality.privacy.redaction import Privacy, find
from sources.known_licenses import named_license
from sources.license import contradiction, fits, parts, unknown_parts
from sources.record import ROLES
from sources.table import question_text

FINDINGS = pl.Schema({"kind": pl.String, "offset": pl.UInt32, "detail": pl.String})
"""A finding: its kind, the number of the row in its batch, and details."""

ROW_FACTS = pl.Schema(
    {"mark": pl.UInt64, "question": pl.UInt64, "options": pl.UInt8, "gold": pl.Int16, "answer": pl.UInt64}
)
"""A row for comparisons: hashes of all its text, of question with options and of the answer; position of the gold."""

MARKUP = r"(?i)</?(?:p|br|div|span|b|i|u|em|strong|li|ul|ol|a|table|t[dhr]|h[1-6]|img|font)(?:\s[^<>]*)?/?>"
DETAIL_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class RowSettings:
    """Settings for checking rows: positions of the gold count from ``gold_base``; ``skip`` has kinds left out."""

    gold_base: int = 0
    skip: frozenset[str] = frozenset()
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, kw_only=True)
class RowChecks:
    """The findings in a batch (``FINDINGS``), and the facts of its rows (``ROW_FACTS``), in order."""

    findings: pl.DataFrame
    facts: pl.DataFrame


def check_rows(records: pl.DataFrame, settings: RowSettings) -> RowChecks:
    """Check a batch of records as ``record_columns`` makes them; ids are not needed."""
    rows = records if "gold_fault" in records.columns else with_gold(records, settings.gold_base)
    rows = rows.with_columns(id=pl.int_range(pl.len()).cast(pl.String)).with_row_index("offset")
    records_only = rows.drop("offset", "gold_text", "gold_fault", strict=False)
    findings = [
        _rules(records_only, rows, settings.rules),
        _turns(rows),
        _texts(rows),
        _marked(rows, "gold-not-an-option", pl.col("gold_fault"), pl.coalesce("gold_text", "answer")),
        _marked(rows, "equal-pair", _same(pl.coalesce("response", "answer"), pl.col("rejected")), pl.col("rejected")),
        _licenses(rows),
    ]
    if not {"personal-data", "secret"} <= settings.skip:
        findings.append(_personal(records_only))
    all_findings = pl.concat(findings).with_columns(pl.col("detail").str.head(DETAIL_CHARS))
    return RowChecks(findings=all_findings.filter(~pl.col("kind").is_in(sorted(settings.skip))), facts=facts(rows))


def _marked(rows: pl.DataFrame, kind: str, broken: pl.Expr, detail: pl.Expr) -> pl.DataFrame:
    return rows.filter(broken).select(pl.lit(kind).alias("kind"), "offset", detail.alias("detail")).cast(FINDINGS)


def _same(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return one.str.strip_chars() == other.str.strip_chars()


def _rules(records: pl.DataFrame, rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Find rows that a rule of cleaning would drop; a missing question or a wrong gold has no further finding."""
    broken = broken_rules(records, rules)
    empty = broken.filter(pl.col("drop_reason") == "no_question")["offset"]
    other = {"junk_question", "short_question", "echo"}
    broken = broken.filter(~(pl.col("offset").is_in(empty.implode()) & pl.col("drop_reason").is_in(sorted(other))))
    beyond = broken.filter(pl.col("drop_reason") == "gold_outside_options")["offset"]
    wrong = pl.concat([beyond, rows.filter("gold_fault")["offset"]]).implode()
    broken = broken.filter((pl.col("drop_reason") != "no_answer") | ~pl.col("offset").is_in(wrong))
    return broken.select(
        kind=pl.col("drop_reason").str.replace_all("_", "-", literal=True), offset="offset", detail="evidence"
    ).cast(FINDINGS)


def _turns(rows: pl.DataFrame) -> pl.DataFrame:
    """Find conversations with an unknown speaker, an empty turn, or one speaker twice in a row."""
    roles = pl.col("messages").list.eval(pl.element().struct.field("role"))
    listed = roles.list.join(", ")
    unknown = roles.list.eval(~pl.element().is_in(ROLES)).list.any()
    empty_turn = pl.col("messages").list.eval(pl.element().struct.field("content").str.strip_chars() == "").list.any()
    speakers = pl.concat_str(
        listed, pl.when(pl.col("response").is_not_null()).then(pl.lit(", assistant")), ignore_nulls=True
    )
    twice = speakers.str.contains("user, user|assistant, assistant|system, system|, system")
    without_text = pl.format("a turn without text: {}", speakers)
    why = pl.when(empty_turn & ~unknown & ~twice).then(without_text).otherwise(speakers)
    several = pl.col("messages").list.len() > 0
    return _marked(rows, "bad-turns", several & (unknown | twice | empty_turn), why)


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Find answers that break off, damaged texts and markup."""
    answer = pl.coalesce("response", "answer", pl.lit(""))
    open_ended = pl.col("options").list.len() == 0
    every = pl.concat_str(question_text(), answer, "context", separator="\n", ignore_nulls=True)
    rows = rows.with_columns(_every=every)
    damaged = rows.filter(pl.col("_every").str.len_bytes() > pl.col("_every").str.len_chars())
    broken = pl.col("_every").str.extract(f"((?:\ufffd|{MOJIBAKE}).{{0,20}})")
    return pl.concat(
        [
            _marked(rows, "cut-off-answer", open_ended & cut_off(answer), pl.format("…{}", answer.str.tail(60))),
            _marked(damaged, "damaged-text", broken.is_not_null(), broken),
            _marked(
                rows.filter(pl.col("_every").str.contains("<", literal=True)),
                "markup",
                pl.col("_every").str.contains(MARKUP),
                pl.col("_every").str.extract(f"({MARKUP})"),
            ),
        ]
    )


def _licenses(rows: pl.DataFrame) -> pl.DataFrame:
    """Find rows whose licence is missing, unknown, contradictory or restrictive; each licence is examined once."""
    parts_found: list[tuple[str, str, str]] = []
    for license in rows["license"].drop_nulls().unique().to_list():
        parts_found += [(license, kind, detail) for kind, detail in license_faults(license)]
    table = pl.DataFrame(parts_found, {"license": pl.String, "kind": pl.String, "detail": pl.String}, orient="row")
    return rows.select("offset", "license").join(table, on="license", how="inner").select(FINDINGS.names())


def license_faults(license: str) -> list[tuple[str, str]]:
    """Return the kinds of findings about a licence, each with details; none for a licence that allows all."""
    if license in ("", "LicenseRef-unknown"):
        return [("license-missing", license or "empty")]
    known = " AND ".join(named_license(part) or part for part in parts(license))
    if unknown := unknown_parts(known):
        return [("license-unrecognised", ", ".join(unknown))]
    if why := contradiction(known):
        return [("license-conflict", why)]
    if not fits(known, "share"):
        return [("license-no-sharing", license)]
    return [] if fits(known, "commercial") else [("license-no-sale", license)]


def _personal(rows: pl.DataFrame) -> pl.DataFrame:
    """Find personal data and secrets; details name the kind and the field, never the data."""
    flat = flatten(rows).with_columns(row=pl.col("id").cast(pl.UInt32))
    spared = flat["task"].is_in(["function-calling"])
    findings = find(flat["text"].scatter(spared.arg_true(), None), Privacy(), flat["id"])
    persons = flat.select(pl.col("row", "field").gather(findings["row"])).with_columns(detail=findings["kind"])
    secrets = [
        flat.filter(pl.col("text").str.contains(pattern)).select("row", "field", detail=pl.lit(what))
        for what, pattern in SHAPES.items()
        if flat["text"].str.contains(pattern).any()
    ]
    tables = [("personal-data", persons), *(("secret", one) for one in secrets)]
    return pl.concat(
        [
            pl.DataFrame(schema=FINDINGS),
            *(
                table.select(pl.lit(kind).alias("kind"), offset="row", detail=pl.format("{} in {}", "detail", "field"))
                .group_by("kind", "offset", maintain_order=True)
                .agg(pl.col("detail").unique(maintain_order=True).str.join(", "))
                .cast(FINDINGS)
                for kind, table in tables
            ),
        ]
    )


def facts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what comparisons of all rows need (``ROW_FACTS``); case and surrounding spaces are ignored."""
    options = pl.col("options").list.eval(_plain(pl.element())).list.sort().list.join("\x1f")
    question = pl.concat_str(_plain(question_text()), _plain(pl.col("context")), options, separator="\x1e")
    answer = pl.concat_str(_plain(pl.coalesce("response", "answer")), _plain(pl.col("rejected")), separator="\x1e")
    texts = rows.select(question=question, answer=answer)
    questions, answers = texts["question"].to_list(), texts["answer"].to_list()
    hash64 = xxhash.xxh3_64_intdigest
    return pl.DataFrame(
        {
            "mark": [hash64(f"{one}\x1d{other}".encode()) for one, other in zip(questions, answers, strict=True)],
            "question": [hash64(text.encode()) for text in questions],
            "options": rows["options"].list.len().clip(0, 255),
            "gold": rows["gold"].list.first().clip(0, 255),
            "answer": [hash64(text.encode()) for text in answers],
        },
        schema_overrides=dict(ROW_FACTS),
    ).cast(ROW_FACTS)


def _plain(text: pl.Expr) -> pl.Expr:
    return text.fill_null("").str.strip_chars().str.to_lowercase()
