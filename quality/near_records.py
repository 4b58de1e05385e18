"""Near-duplicates among records: single questions with their answers, and conversations, each by Aloe's threshold."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.keep import KEEP_ORDER, keep_columns
from quality.key import key
from quality.near_duplicates import NearDuplicates, near_duplicates
from quality.near_rules import CONVERSATION, NearRules
from quality.outcome import DROP_SCHEMA, Decision, Shards
from sources.table import question_text

ORDER = tuple(name for name in KEEP_ORDER if name != "id")


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class NearRecords:
    """``single`` is for rows of one turn, ``conversation`` for those of more; ``source_ranks`` as in the exact step."""

    single: NearRules = Field(default_factory=NearRules)
    conversation: NearRules = Field(default_factory=lambda: NearRules(threshold=CONVERSATION))
    source_ranks: tuple[tuple[str, int], ...] = ()


def near_duplicate_records(shards: Shards, config: NearRecords) -> Decision:
    """Name the rows that say almost what another row says, and give the clusters as a table.

    A single-turn row is compared by its question, options and answer, a conversation by its turns with their
    speakers (Aloe Beta, arXiv 2505.04388, cleaning step 4). Multiple-choice rows with different answers are never
    duplicates.
    """
    ranks = dict(config.source_ranks)
    found = [
        near_duplicates(_batches(shards, kind, ranks), rules, order=ORDER)
        for kind, rules in ((~_SEVERAL_TURNS, config.single), (_SEVERAL_TURNS, config.conversation))
    ]
    drops = pl.concat([pl.DataFrame(schema=DROP_SCHEMA), *(part.drops for part in found)])
    return Decision(drops=drops, tables={"clusters": _clusters(found)})


def _clusters(found: list[NearDuplicates]) -> pl.DataFrame:
    return pl.concat([part.clusters for part in found])


_SEVERAL_TURNS = pl.col("messages").list.eval(pl.element().struct.field("role") != "system").list.sum() > 1


def _batches(shards: Shards, kind: pl.Expr, ranks: dict[str, int]) -> Iterator[pl.DataFrame]:
    for rows in shards():
        yield rows.filter(kind).select(_text().alias("text"), *keep_columns(ranks)).select("id", "text", *ORDER)


def _text() -> pl.Expr:
    """Return what is compared of a row: its turns (with speakers, if several), options in any order, answer.

    The context is left out: many questions on one passage are many questions.
    """
    turn = pl.element().struct.field("role") + pl.lit(": ") + pl.element().struct.field("content")
    spoken = pl.when(_SEVERAL_TURNS).then(pl.col("messages").list.eval(turn).list.join("\n")).otherwise(question_text())
    options = pl.col("options").list.sort().list.join("\n")
    answer = pl.coalesce("response", "answer")
    text = pl.concat_str(spoken, options, answer, "rejected", separator="\n", ignore_nulls=True)
    return pl.when(pl.col("options").list.len() > 0).then(_told_apart(text)).otherwise(text)


def _told_apart(text: pl.Expr) -> pl.Expr:
    """Tie every word of a multiple-choice row to its answer, so that rows with other answers share no shingle.

    Two stems that differ in "true" and "false", or one pair of questions judged "yes" and "no", are no duplicates.
    """
    answer = key(pl.col("answer").fill_null("")).str.replace_all(" ", "").str.head(60)
    return (text + "\n").str.replace_all(r"\s+", pl.concat_str(pl.lit("_"), answer, pl.lit(" ")))
