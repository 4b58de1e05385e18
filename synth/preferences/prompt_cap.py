"""A cap on the pairs of one prompt over a whole set, near-duplicate prompts counted as one."""

from __future__ import annotations

import json
from typing import Annotated

import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.duplicates.near_settings import NearRules
from quality.outcome import DROP_SCHEMA, Decision, Shards
from sources.table import question_text

_FACTS = pl.Schema({"id": pl.String, "margin": pl.Float64})


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PromptCap:
    """Prompts similar under ``near`` give ``max_per_prompt`` pairs together; ``seed`` orders those of equal margins."""

    near: NearRules = Field(default_factory=NearRules)
    max_per_prompt: Annotated[int, Field(ge=1)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0


def prompt_cap(shards: Shards, config: PromptCap) -> Decision:
    """Return the pairs beyond the cap to drop (``prompt_cap``), and the clusters of prompts as a table.

    Larger margins (``meta`` of ``pair_rows``) are kept first, pairs without one last, equals by a hash of seed and id.
    ``pair_rules.decide`` has the same order within one shard.
    """
    from quality.duplicates.near_duplicates import near_duplicates

    batches = (rows.select("id", text=question_text()) for rows in shards())
    clusters = near_duplicates(batches, config.near).clusters
    margin = pl.col("meta").str.json_path_match("$.pair.margin").cast(pl.Float64, strict=False)
    facts = pl.concat([pl.DataFrame(schema=_FACTS), *(rows.select("id", margin=margin) for rows in shards())])
    order = [xxhash.xxh64_intdigest(id.encode(), config.seed) for id in facts["id"]]
    placed = facts.with_columns(order=pl.Series(order, dtype=pl.UInt64)).join(
        clusters.select("id", "representative"), on="id", how="left"
    )
    ordered = placed.sort("margin", "order", "id", descending=[True, False, False], nulls_last=True)
    group = pl.coalesce("representative", "id")
    beyond = ordered.with_columns(group=group, turn=pl.int_range(pl.len()).over(group)).filter(
        pl.col("turn") >= config.max_per_prompt
    )
    evidence = [json.dumps({"group": name, "max_per_prompt": config.max_per_prompt}) for name in beyond["group"]]
    named = beyond.select("id", drop_reason=pl.lit("prompt_cap"), evidence=pl.Series(evidence, dtype=pl.String))
    return Decision(drops=named.match_to_schema(DROP_SCHEMA), tables={"prompts": clusters})
