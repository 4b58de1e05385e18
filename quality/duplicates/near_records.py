"""Near-duplicates among records: single questions with their answers, and conversations, each with Aloe's threshold."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.duplicates.near_duplicates import NearDuplicates
from quality.duplicates.near_settings import CONVERSATION, NearRules
from quality.duplicates.segment import Segment
from quality.duplicates.signature_index import SignatureIndex, add, compacted
from quality.duplicates.signatures import TEXT_COLUMNS, signed_table
from quality.keep import KEEP_ORDER, keep_columns
from quality.key import key
from quality.outcome import DROP_SCHEMA, Decision, Shards
from sources.table import question_text

ORDER = tuple(name for name in KEEP_ORDER if name != "id")

MOST_SEGMENTS = 32
"""Segments of an index, one of each build that added rows; more are merged into one."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class NearRecords:
    """``single`` is for rows of one turn, ``conversation`` for those of more; ``source_ranks`` as in the exact step."""

    single: NearRules = Field(default_factory=NearRules)
    conversation: NearRules = Field(default_factory=lambda: NearRules(threshold=CONVERSATION))
    source_ranks: tuple[tuple[str, int], ...] = ()


def near_duplicate_records(
    shards: Shards, config: NearRecords, known: dict[str, pl.DataFrame] | None = None
) -> Decision:
    """Return the drops of near-duplicate records, and the clusters as a table.

    A single-turn row is compared by its question, options and answer, a conversation by its turns with their speakers
    (Aloe Beta, arXiv 2505.04388, cleaning step 4). Duplicates have the same subject and no opposite statement
    (``NearRules``), nor different answers to multiple choice. ``known`` are the signatures of earlier rows: those of
    ``shards`` are added, and the result is that of one run over all. ``shards`` hold rows, or their
    ``near_signatures``.
    """
    ranks = dict(config.source_ranks)
    parts: list[NearDuplicates] = []
    memory: dict[str, pl.DataFrame] = {}
    for name, kind, rules in _kinds(config):
        index = add(_recalled(name, rules, known or {}), _batches(shards, name, kind, ranks))
        memory |= _remembered(name, index)
        parts.append(NearDuplicates(clusters=index.clusters, cut=index.cut))
    drops = pl.concat([pl.DataFrame(schema=DROP_SCHEMA), *(part.drops for part in parts)])
    return Decision(drops=drops, tables={"clusters": pl.concat([part.clusters for part in parts])}, memory=memory)


def near_signatures(rows: pl.DataFrame, config: NearRecords) -> pl.DataFrame:
    """Return what ``near_duplicate_records`` compares of rows: their signatures, without their texts."""
    ranks, tables = dict(config.source_ranks), []
    for name, kind, rules in _kinds(config):
        [batch] = _batches(lambda: iter([rows]), name, kind, ranks)
        signed = signed_table(batch, rules)
        bands = [pl.lit(None, pl.UInt32).alias(f"band_{n}") for n in range(rules.banding.bands, _most_bands(config))]
        tables.append(
            pl.concat([batch.select("id", *ORDER), signed], how="horizontal").with_columns(*bands, kind=pl.lit(name))
        )
    return pl.concat([table.select(tables[0].columns) for table in tables])


def _kinds(config: NearRecords) -> tuple[tuple[str, pl.Expr, NearRules], ...]:
    """Return the kinds of rows with their rules, by name."""
    return ("single", ~_SEVERAL_TURNS, config.single), ("conversation", _SEVERAL_TURNS, config.conversation)


def _most_bands(config: NearRecords) -> int:
    return max(rules.banding.bands for _, _, rules in _kinds(config))


def _remembered(name: str, index: SignatureIndex) -> dict[str, pl.DataFrame]:
    """Return an index as tables: its members, its segments, and its counts."""
    index = compacted(index) if len(index.segments) > MOST_SEGMENTS else index
    assert index.members is not None, "rows were added, if none"
    tables = {f"{name}-members": index.members, f"{name}-counts": pl.DataFrame({"largest": [index.largest]})}
    for number, part in enumerate(index.segments):
        tables |= {f"{name}-rows-{number:04}": part.rows, f"{name}-sets-{number:04}": part.sets}
    return tables


def _recalled(name: str, rules: NearRules, known: dict[str, pl.DataFrame]) -> SignatureIndex:
    """Return the index stored in tables, or an empty one."""
    if f"{name}-members" not in known:
        return SignatureIndex(rules=rules, order=ORDER)
    numbers = sorted(table.rpartition("-")[2] for table in known if table.startswith(f"{name}-rows-"))
    parts = [Segment(rows=known[f"{name}-rows-{n}"], sets=known[f"{name}-sets-{n}"]) for n in numbers]
    segments = [part for part in parts if part.rows.height]  # one of no rows has types that no row has set
    return SignatureIndex(
        rules=rules,
        order=ORDER,
        segments=tuple(segments),
        members=known[f"{name}-members"],
        largest=known[f"{name}-counts"]["largest"].item(),
    )


_SEVERAL_TURNS = pl.col("messages").list.eval(pl.element().struct.field("role") != "system").list.sum() > 1


def _batches(shards: Shards, name: str, kind: pl.Expr, ranks: dict[str, int]) -> Iterator[pl.DataFrame]:
    """Yield what is compared of the rows of one kind: their texts, or their signatures where shards hold these."""
    for rows in shards():
        if "shingles" in rows.columns:
            yield rows.filter(pl.col("kind") == name)
            continue
        yield rows.filter(kind).select(*compared_columns(), *keep_columns(ranks)).select(*TEXT_COLUMNS, "id", *ORDER)


def compared_columns() -> list[pl.Expr]:
    """Return the expressions of ``TEXT_COLUMNS``: text, question, and the answer of a multiple-choice row."""
    return [_text().alias("text"), _question().alias("subject"), _choice().alias("must_match")]


def _text() -> pl.Expr:
    """Return the compared text of a row: its turns (with speakers, if several), options in any order, answer.

    The context is left out: different questions on one passage are different questions.
    """
    turn = pl.element().struct.field("role") + pl.lit(": ") + pl.element().struct.field("content")
    turns = pl.when(_SEVERAL_TURNS).then(pl.col("messages").list.eval(turn).list.join("\n")).otherwise(question_text())
    options = pl.col("options").list.sort().list.join("\n")
    answer = pl.coalesce("response", "answer")
    return pl.concat_str(turns, options, answer, "rejected", separator="\n", ignore_nulls=True)


def _question() -> pl.Expr:
    """Return the text that determines a row's subject: its question, or the first user turn."""
    user_turns = pl.col("messages").list.eval(
        pl.element().struct.field("content").filter(pl.element().struct.field("role") == "user")
    )
    return pl.when(_SEVERAL_TURNS).then(user_turns.list.first()).otherwise(question_text())


def _choice() -> pl.Expr:
    """Return the answer of a multiple-choice row: rows with different answers are no duplicates."""
    return pl.when(pl.col("options").list.len() > 0).then("=" + key(pl.col("answer").fill_null("")))
