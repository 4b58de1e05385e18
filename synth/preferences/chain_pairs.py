"""Preference pairs of right and wrong chains of thought of one model."""

from __future__ import annotations

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import Outcome
from synth.cot.chain_settings import Chains, Cot
from synth.cot.chosen_chains import in_row_order
from synth.cot.sample_chains import CHAINS
from synth.preferences.pair_rows import pair_rows
from synth.preferences.pair_rules import PairRules, decide
from synth.preferences.propose_pairs import right_against_wrong
from synth.teachers.stage import DerivedStage


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ChainPairs:
    """How chains are generated, and the rules for a pair."""

    chains: Cot
    rules: PairRules = Field(default_factory=PairRules)


def pair_chains(rows: pl.DataFrame, generated: Outcome, config: ChainPairs) -> Outcome:
    """Return the rows with a right chain as response and a wrong one as rejected; rows without a pair are dropped.

    ``pairs`` holds every proposed pair with the rule that excluded it, if any.
    """
    written, candidates = generated.rows, generated.tables["candidates"]
    kept = written.filter(pl.col("drop_reason").is_null()).drop("drop_reason", "evidence")
    proposed = right_against_wrong(in_row_order(kept, candidates, config.chains), seed=config.chains.seed)
    known = proposed.filter(pl.col("id").is_in(kept["id"].implode()))
    decided = decide(known, kept, config.rules)
    paired = pair_rows(kept, decided, licenses=(config.chains.license,))
    dropped = written.filter(pl.col("drop_reason").is_not_null())
    rank = {id: number for number, id in enumerate(written["id"])}
    rank_of_row = pl.col("id").str.replace(r"/pair-\d+$", "").replace_strict(rank)
    rows_out = pl.concat([paired.select(dropped.columns), dropped]).sort(rank_of_row, "id")
    return Outcome(rows=rows_out, tables={"pairs": decided})


CHAIN_PAIRS = DerivedStage(
    stage=CHAINS, derive=lambda rows, config: (rows, Chains(generators=(config.chains,))), finish=pair_chains
)
