"""Exact duplicates: rows with the same question, options in any order, and answer."""

from __future__ import annotations

import json
from typing import Annotated

import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.keep import KEEP_ORDER, keep_columns
from quality.key import key
from quality.outcome import DROP_SCHEMA, Decision, Shards
from sources.table import question_text


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Exact:
    """``source_ranks`` are the ranks of the keep policy, by source name."""

    source_ranks: tuple[tuple[Annotated[str, Field(min_length=1)], Annotated[int, Field(ge=0, le=1_000)]], ...] = ()


def identity() -> pl.Expr:
    """Return the text that equal rows share: normalised question, context, sorted options, answer and rejected answer.

    The response replaces a missing answer; the rationale does not count.
    """
    answer = pl.coalesce("answer", "response", pl.lit(""))
    return pl.concat_str(question_identity(), key(answer), _filled("rejected"), separator="\x1e")


def question_identity() -> pl.Expr:
    """Return the text shared by rows with the same question: normalised question, context and sorted options."""
    options = pl.col("options").list.eval(key(pl.element())).list.sort().list.join("\x1f")
    return pl.concat_str(key(question_text()), _filled("context"), options, separator="\x1e")


def _filled(name: str) -> pl.Expr:
    return key(pl.col(name).fill_null(""))


def exact_duplicates(shards: Shards, config: Exact) -> Decision:
    """Return the drops: all rows of each group of equals except the first by ``KEEP_ORDER``.

    ``shards`` hold rows, or their ``exact_keys``. Memory: 16 bytes and the id per row.
    """
    tables = (rows if "hash" in rows.columns else exact_keys(rows, config) for rows in shards())
    ordered = pl.concat([_EMPTY, *tables]).sort("hash", *KEEP_ORDER).with_columns(of=pl.col("id").first().over("hash"))
    drops = ordered.filter(pl.col("id") != pl.col("of")).select("id", "of")
    evidence = [json.dumps({"duplicate_of": of, "similarity": 1.0}) for of in drops["of"]]
    named = drops.select("id", drop_reason=pl.lit("duplicate"), evidence=pl.Series(evidence, dtype=pl.String))
    return Decision(drops=named.match_to_schema(DROP_SCHEMA))


def exact_keys(rows: pl.DataFrame, config: Exact) -> pl.DataFrame:
    """Return a 16-byte hash of each row's content (``hash``), and its position in the keep policy."""
    texts = rows.select(identity()).to_series()
    hashes = pl.Series("hash", [xxhash.xxh3_128_digest(text.encode()) for text in texts], pl.Binary)
    return rows.select(hashes, *keep_columns(dict(config.source_ranks)))


_EMPTY = pl.DataFrame(
    schema={
        "hash": pl.Binary,
        "strictness": pl.Int16,
        "source_rank": pl.Int16,
        "unfilled": pl.Int16,
        "id": pl.String,
    }
)
