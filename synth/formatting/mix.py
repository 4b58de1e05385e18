"""Mixing by token share: the rows of each part that a set keeps, and those that it drops."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import polars as pl
import xxhash
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import DROP_SCHEMA, Decision, Shards
from synth.formatting.mix_parts import FORBID, Name, Part, check_whole, leaves, part_of, shared_out
from synth.teachers.token_counts import Count, Tokenizer, quarter_of_characters, tokenizer_count


@checked(frozen=True, kw_only=True, config=FORBID)
class Mix:
    """The parts of a mix and its size.

    ``tokens`` is the size. Without it, the scarcest part limits the size, so that every share is reached; with
    ``size="main"`` the part with the largest share does, and is kept whole. Each part is cut to its share of the size,
    or kept whole if it has less. ``source_tokens`` caps single sources first. A part without rows is an error unless
    ``tokens`` is given; with ``absent="share_out"`` its share is divided among its siblings in proportion.
    """

    parts: tuple[Part, ...]
    tokens: Annotated[int, Field(ge=1)] | None = None
    size: Literal["scarcest", "main"] = "scarcest"
    source_tokens: tuple[tuple[Name, Annotated[int, Field(ge=0)]], ...] = ()
    absent: Literal["refuse", "share_out"] = "refuse"
    tokenizer: Tokenizer | None = None
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0

    def __post_init__(self) -> None:
        check_whole(self.parts, "parts of the mix")


ACCOUNT_SCHEMA = pl.Schema(
    {
        "part": pl.String,
        "share": pl.Float64,
        "share_wanted": pl.Float64,
        "tokens_wanted": pl.Float64,
        "share_reached": pl.Float64,
        "tokens": pl.Int64,
        "rows": pl.Int64,
        "tokens_available": pl.Int64,
        "rows_available": pl.Int64,
        "rows_over_cap": pl.Int64,
        "tokens_over_cap": pl.Int64,
    }
)
"""One row per part: its share by the config, its share after those of absent parts were divided, and its result."""


ROUNDING = 1e-6
"""In tokens: a share times a total may fall short of a whole number by the last digits of a float."""


def mix(shards: Shards, config: Mix, count: Count | None = None) -> Decision:
    """Return the rows that the mix drops (reason ``mix``), and the table ``account`` of all parts (``ACCOUNT_SCHEMA``).

    A hash of seed and id selects the rows of a part, so that added rows replace few. A part ends before the row that
    would exceed its share, less than one row below it. ``shards`` hold rows, or their ``row_sizes``. ``count``
    overrides how tokens are counted.
    Raises ``ValueError`` where a part has no rows, unless others may get its share.
    """
    sizes = _sizes(shards, config, count)
    supply = sizes.filter(~pl.col("over_cap")).drop_nulls("part").group_by("part").agg(pl.col("tokens").sum())
    available = {part: tokens for part, tokens in supply.iter_rows() if tokens}
    shares = _shares(config, set(available))
    total = _total(config, shares, available)
    lines = [
        (path, share, shares.get(path, 0.0), shares.get(path, 0.0) * total) for path, share, _ in leaves(config.parts)
    ]
    parts = pl.DataFrame(lines, dict(list(ACCOUNT_SCHEMA.items())[:4]), orient="row")
    taken = _take(sizes, parts)
    account = _account(taken, parts)
    return Decision(drops=_drops(taken, account), tables={"account": account})


def _sizes(shards: Shards, config: Mix, count: Count | None) -> pl.DataFrame:
    """Return (id, source, part, tokens, order, over_cap) for all rows, in their hash order."""
    caps = pl.DataFrame(config.source_tokens, {"source": pl.String, "cap": pl.Int64}, orient="row")
    empty = pl.DataFrame(schema={"id": pl.String, "source": pl.String, "part": pl.String, "tokens": pl.Int64})
    tables = (rows if "tokens" in rows.columns else row_sizes(rows, config, count) for rows in shards())
    sizes = pl.concat([empty, *tables])
    hashes = [xxhash.xxh64_intdigest(id.encode(), config.seed) for id in sizes["id"]]
    ordered = sizes.with_columns(order=pl.Series(hashes, dtype=pl.UInt64)).sort("order", "id")
    over = pl.col("tokens").cum_sum().over("source") > pl.col("cap")
    return ordered.join(caps, on="source", how="left", maintain_order="left").with_columns(
        over_cap=over.fill_null(False)
    )


def row_sizes(rows: pl.DataFrame, config: Mix, count: Count | None = None) -> pl.DataFrame:
    """Return (id, source, part, tokens) of rows.

    Counted are all messages, since the system's describe the functions to call, and the reply. ``count`` overrides how.
    """
    if count is None:
        count = tokenizer_count(config.tokenizer) if config.tokenizer else quarter_of_characters
    prompt = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n")
    written = pl.coalesce("response", "answer", pl.lit(""))
    texts = rows.select(pl.concat_str(prompt, written, separator="\n")).to_series()
    part = part_of(config.parts).alias("part")
    return rows.select("id", "source", part, count(texts).cast(pl.Int64).alias("tokens"))


def _shares(config: Mix, present: set[str]) -> dict[str, float]:
    """Return the share of each part to take, by path; those of absent parts are refused or shared out."""
    if config.absent == "share_out":
        return dict(shared_out(config.parts, present))
    shares = {path: share for path, share, _ in leaves(config.parts)}
    if config.tokens is None and (absent := [path for path in shares if path not in present]):
        raise ValueError(
            f"part {absent[0]!r} has no rows, so that no mix reaches its share: add a source for it, set tokens, or "
            'set absent to "share_out"'
        )
    return shares


def _total(config: Mix, shares: dict[str, float], available: dict[str, int]) -> float:
    """Return the size of the mix in tokens."""
    if config.tokens:
        return float(config.tokens)
    sizes = {part: available[part] / share for part, share in shares.items()}
    if config.size == "main" and sizes:
        return sizes[max(shares, key=lambda part: shares[part])]
    return min(sizes.values(), default=0.0)


def _take(sizes: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Return the sizes with ``taken``: in hash order, until the next row would exceed the size of its part."""
    offered = pl.when(pl.col("over_cap")).then(0).otherwise("tokens")
    fits = (offered.cum_sum().over("part") <= pl.col("tokens_wanted") + ROUNDING) & ~pl.col("over_cap")
    joined = sizes.join(parts.select("part", "tokens_wanted"), on="part", how="left", maintain_order="left")
    return joined.with_columns(taken=fits.fill_null(False))


def _account(taken: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    chosen, offered = pl.col("taken"), ~pl.col("over_cap")
    sums = taken.group_by("part").agg(
        tokens=pl.col("tokens").filter(chosen).sum(),
        rows=chosen.sum(),
        tokens_available=pl.col("tokens").filter(offered).sum(),
        rows_available=offered.sum(),
        rows_over_cap=pl.col("over_cap").sum(),
        tokens_over_cap=pl.col("tokens").filter("over_cap").sum(),
    )
    counted = parts.join(sums, on="part", how="left", maintain_order="left").fill_null(0)
    kept = pl.col("tokens").sum()
    reached = pl.when(kept > 0).then(pl.col("tokens") / kept).otherwise(0.0)
    return counted.with_columns(share_reached=reached).select(
        pl.col(name).cast(t) for name, t in ACCOUNT_SCHEMA.items()
    )


def _drops(taken: pl.DataFrame, account: pl.DataFrame) -> pl.DataFrame:
    """Return the rows not taken (``DROP_SCHEMA``); evidence is the part with its shares, or the cap that was full."""
    lines = {line["part"]: line for line in account.iter_rows(named=True)}
    left = taken.filter(~pl.col("taken")).select("id", "source", "part", "cap", "over_cap")
    evidence = [_evidence(lines.get(row["part"]), row) for row in left.iter_rows(named=True)]
    return left.select("id", drop_reason=pl.lit("mix"), evidence=pl.Series(evidence, dtype=pl.String)).match_to_schema(
        DROP_SCHEMA
    )


def _evidence(line: dict[str, float] | None, row: dict[str, object]) -> str:
    if line is None:
        return json.dumps({"part": None})
    if row["over_cap"]:
        return json.dumps({"part": row["part"], "source": row["source"], "source_tokens": row["cap"]})
    shares = {name: round(line[name], 6) for name in ("share_wanted", "share_reached")}
    return json.dumps({"part": row["part"], **shares})
