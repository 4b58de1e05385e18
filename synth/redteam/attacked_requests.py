"""Removal of the red team's requests from other corpora, so that held-out requests are not trained on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from quality.decontamination.find_leaks import Decontaminate, drop_table, find_leaks
from quality.decontamination.inputs import items_of, rows_of
from quality.decontamination.item_index import LeakIndex, build_index
from quality.kept_values import kept
from quality.outcome import Outcome, without_passed
from sources.formats.literal import read_parquet
from sources.table import SCHEMA, frame
from synth.redteam.red_team_steps import plain_requests

REASON = "red_team"


def drop_attacked(rows: pl.DataFrame, config: Decontaminate, reference_inputs: tuple[Path, ...]) -> Outcome:
    """Return the rows, those dropped (``red_team:<layer>``) that contain a request or jailbreak of the red team.

    ``reference_inputs`` are the files of the safety corpora. All of their requests count, so that held-out styles,
    topics and requests are unseen for every seed; the layers are those of benchmark leaks.
    """
    pairs = find_leaks(rows_of(rows), _index(reference_inputs), config, workers=1)
    drops = drop_table(without_passed(pairs, rows, f"{REASON}:" + pl.col("layer")))
    renamed = drops.with_columns(drop_reason=pl.col("drop_reason").str.replace("^leak", REASON))
    return Outcome(rows=rows.join(renamed, on="id", how="left", maintain_order="left"))


@lru_cache(maxsize=1)
def _index(reference_inputs: tuple[Path, ...]) -> LeakIndex:
    """Return the index, which all shards of a process share, and all processes of a step."""

    def make() -> LeakIndex:
        tables = [
            plain_requests(read_parquet(path), None).rows.filter(pl.col("drop_reason").is_null())
            for path in reference_inputs
        ]
        requests = [table.select(SCHEMA.names()) for table in tables if table.height]
        return build_index(items_of(pl.concat([frame([]), *requests])))

    return kept(LeakIndex, make)
