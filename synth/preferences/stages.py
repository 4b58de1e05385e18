"""The stages of synthesis as recipes use them: rows, a config and something to ask with in, an outcome out."""

from __future__ import annotations

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from synth.cot import sample_chains as cot
from synth.cot.chain_settings import Cot
from synth.cot.chosen_chains import in_row_order
from synth.preferences.pair_rows import pair_rows
from synth.preferences.pair_rules import PairRules, decide
from synth.preferences.propose_pairs import from_records, right_against_wrong
from synth.teachers.teacher import Ask, Request


def write_chains(rows: pl.DataFrame, config: Cot, ask: Ask) -> Outcome:
    """Return the rows with verified chains of thought as responses, and every completion as ``candidates``."""
    written, candidates = cot.write(rows, ask, config)
    return Outcome(rows=written, tables={"candidates": candidates})


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ChainPairs:
    """Right chains against wrong ones of the same model: how chains are written, and what a pair must be."""

    chains: Cot
    rules: PairRules = Field(default_factory=PairRules)


def pair_requests(rows: pl.DataFrame, config: ChainPairs) -> list[Request]:
    """Return the first round of what pairs ask: the chains."""
    return cot.requests(rows, config.chains)


def write_chain_pairs(rows: pl.DataFrame, config: ChainPairs, ask: Ask) -> Outcome:
    """Return the rows with a right chain as response and a wrong one as rejected; rows without a pair are dropped.

    ``candidates`` holds every completion, ``pairs`` every proposed pair with the rule that kept it out, if any.
    """
    written, candidates = cot.write(rows, ask, config.chains)
    kept = written.filter(pl.col("drop").is_null()).drop("drop", "evidence")
    proposed = right_against_wrong(in_row_order(kept, candidates, config.chains), seed=config.chains.seed)
    known = proposed.filter(pl.col("id").is_in(kept["id"].implode()))
    decided = decide(known, kept, config.rules)
    paired = pair_rows(kept, decided, licenses=(config.chains.license,))
    gone = written.filter(pl.col("drop").is_not_null())
    order = {id: place for place, id in enumerate(written["id"])}
    place = pl.col("id").str.replace(r"/pair-\d+$", "").replace_strict(order)
    rows_out = pl.concat([paired.select(gone.columns), gone]).sort(place, "id")
    return Outcome(rows=rows_out, tables={"candidates": candidates, "pairs": decided})


def keep_source_pairs(rows: pl.DataFrame, config: PairRules) -> Outcome:
    """Return the rows of preference corpora whose pair fits the rules; ``pairs`` holds all with their reasons."""
    decided = decide(from_records(rows), rows, config)
    return Outcome(rows=pair_rows(rows, decided), tables={"pairs": decided})
