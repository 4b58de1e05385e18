"""Training, validation and test rows: the split of a row follows from its own text, so that added rows move none.

Rows with one passage, or one prompt, have one key, and the key's hash decides; an attack has the key of its request.
Near-duplicates in different splits cannot share one without moving when rows are added; those in the less protected
split are dropped instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated

import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.duplicates.near_records import NearRecords, near_duplicate_records
from quality.key import key
from quality.outcome import DROP_SCHEMA, Decision, Shards
from sources.table import SCHEMA, question_text

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
"""The splits, the most protected last: of near-duplicates in two splits, rows of the earlier one are dropped."""

CONFLICT = "split_conflict"
"""The reason of a row that is dropped because a near-duplicate of it is in a more protected split."""

TABLE = "splits"
"""Name of the table of assigned splits, and its columns."""
ASSIGNED = pl.Schema({"id": pl.String, "split": pl.String, "split_group": pl.String})

MEMORY = "split-groups"

OPENING_WORDS = 5
"""Words of a user's turn from which it identifies a conversation; shorter ones are greetings."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Splits:
    """Shares of the rows for validation and test, and the seed; ``near`` says which rows are near-duplicates."""

    validation: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    test: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    near: NearRecords = Field(default_factory=NearRecords)


def assign_splits(shards: Shards, config: Splits, known: dict[str, pl.DataFrame] | None = None) -> Decision:
    """Return the split of every row as the table ``splits``, and the drops of rows with a near-duplicate elsewhere.

    ``known`` are the tables of a run over other shards: ``shards`` are then the new ones, and the result is that of
    one run over all.
    """
    known = known or {}
    before = [known[MEMORY]] if MEMORY in known else []

    def compared() -> Iterator[pl.DataFrame]:
        return map(with_plain_requests, shards())

    groups = pl.concat([pl.DataFrame(schema=_GROUPS), *before, *map(split_groups, compared())]).sort("id")
    near = near_duplicate_records(compared, config.near, {name: one for name, one in known.items() if name != MEMORY})
    assigned = groups.with_columns(split=split_of(pl.col("split_group"), config)).select(ASSIGNED.names())
    drops = conflicts(assigned, near.tables["clusters"])
    return Decision(drops=drops, tables={TABLE: assigned}, memory={**near.memory, MEMORY: groups})


_GROUPS = pl.Schema({"id": pl.String, "split_group": pl.String})


def with_plain_requests(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in which an attack asks its plain request: attacks of one style are alike whatever they ask."""
    request = pl.col("meta").str.json_path_match("$.attack.request")
    turn = pl.concat_list(pl.struct(role=pl.lit("user"), content=request)).cast(SCHEMA["messages"])
    return rows.with_columns(messages=pl.when(request.is_null()).then("messages").otherwise(turn))


def split_groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``id`` and ``split_group`` of each row: a hash of its passage or, without one, of its prompt.

    The prompt of a conversation is its first user turn with content, so that a conversation cut after different turns
    is one group. Options and answers do not count.
    """
    user = pl.element().filter(pl.element().struct.field("role") == "user").struct.field("content")
    turns = pl.col("messages").list.eval(user)
    opening = turns.list.eval(pl.element().filter(pl.element().str.count_matches(r"\S+") >= OPENING_WORDS)).list.first()
    several = pl.col("messages").list.eval(pl.element().struct.field("role") != "system").list.sum() > 1
    prompt = pl.when(several).then(pl.coalesce(opening, question_text())).otherwise(question_text())
    context = pl.when(pl.col("context").str.strip_chars() != "").then("context")
    written_on = pl.col("meta").str.json_path_match("$.passage.text")  # of a question without its passage
    passage = pl.coalesce(context, written_on)
    text = pl.coalesce("passage " + key(passage), "prompt " + key(prompt))
    hashed = [xxhash.xxh3_64_hexdigest((one or "").encode()) for one in rows.select(text).to_series()]
    return rows.select("id", split_group=pl.Series(hashed, dtype=pl.String))


def split_of(group: pl.Expr, config: Splits) -> pl.Expr:
    """Return the split of a group: test for the lowest hashes, validation for the highest.

    A larger share adds groups to its split and moves none between the other two.
    """

    def place(groups: pl.Series) -> pl.Series:
        known = {one: xxhash.xxh64_intdigest(one.encode(), config.seed) / 2**64 for one in groups.unique()}
        return pl.Series([known[one] for one in groups], dtype=pl.Float64)

    at = group.map_batches(place, return_dtype=pl.Float64)
    test, validation = at < config.test, at >= 1 - config.validation
    return pl.when(test).then(pl.lit(TEST)).when(validation).then(pl.lit(VALIDATION)).otherwise(pl.lit(TRAIN))


def conflicts(assigned: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Return the drops (``DROP_SCHEMA``) of rows whose cluster has a row in a more protected split.

    The evidence names that row, the first by id, and its split.
    """
    rank = pl.col("split").replace_strict({name: at for at, name in enumerate(SPLITS)}, return_dtype=pl.Int64)
    members = clusters.select("representative", "id").join(assigned, on="id").with_columns(rank=rank)
    strongest = (
        members.filter(pl.col("rank") == pl.col("rank").max().over("representative"))
        .sort("id")
        .unique("representative", keep="first", maintain_order=True)
        .select("representative", neighbour="id", theirs="split", highest="rank")
    )
    weaker = members.join(strongest, on="representative").filter(pl.col("rank") < pl.col("highest")).sort("id")
    evidence = [
        json.dumps({"neighbour": other, "assigned_split": theirs})
        for other, theirs in weaker.select("neighbour", "theirs").iter_rows()
    ]
    named = weaker.select("id", drop_reason=pl.lit(CONFLICT), evidence=pl.Series(evidence, dtype=pl.String))
    return named.match_to_schema(DROP_SCHEMA)
