"""Medprompt's worked examples: chains that reached gold, checked for leaks, the nearest ones for each question.

After Nori et al. 2023 (arXiv 2311.16452) and prompt_engine. The pool is a table of records whose ``response`` is a
chain in the source's order of options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from quality.decontamination.find_leaks import Decontaminate, decontaminate
from quality.decontamination.inputs import items_of, rows_of
from quality.embeddings import F32, Embed
from quality.outcome import DROP_SCHEMA
from sources.table import SCHEMA, question_text, records
from synth.answers.extractor import extract
from synth.prompting.generators import allows_several
from synth.strategies.strategy_stage import question_turns, text_of

SLICE = 1000
"""Questions compared with the pool at a time."""

EXAMPLES = pl.List(pl.Struct({"prompt": pl.String, "chain": pl.String}))

WRONG, UNSOLVED, SEVERAL_CHAINS = "wrong_chain", "no_chain", "further_chain"


@dataclass(frozen=True, kw_only=True)
class ExamplePool:
    """Records with a verified chain, and the dropped ones (``DROP_SCHEMA``) with reason and evidence."""

    rows: pl.DataFrame
    drops: pl.DataFrame


def verified_pool(solved: pl.DataFrame, test: pl.DataFrame) -> ExamplePool:
    """Return the solved records that may be shown before the questions of ``test``; both have ``SCHEMA``.

    Dropped are records without a chain, chains that do not end in gold, and records that leak an item of ``test``
    (``leak:<layer>``), in their question or in their chain.
    """
    reasons: list[tuple[str, str, str | None]] = []
    for record in records(solved.select(SCHEMA.names())):
        if not record.response or not record.gold or len(record.options) < 2:
            reasons.append((record.id, UNSOLVED, None))
            continue
        answer = extract(record.response, record.options, record.lang, several=allows_several(record))
        if answer.outcome != "parsed" or tuple(sorted(answer.positions)) != tuple(sorted(record.gold)):
            reasons.append((record.id, WRONG, answer.how))
    wrong = pl.DataFrame(reasons, DROP_SCHEMA, orient="row")
    right = solved.join(wrong, on="id", how="anti", maintain_order="left")
    leaks = wrong.clear()
    if right.height and test.height:
        leaks = decontaminate(rows_of(right), items_of(test), Decontaminate(), workers=1).drops
    kept = right.join(leaks, on="id", how="anti", maintain_order="left")
    return ExamplePool(rows=kept, drops=pl.concat([wrong, leaks.select(DROP_SCHEMA.names())]))


def with_examples(rows: pl.DataFrame, pool: pl.DataFrame, embed: Embed, k: int = 5) -> pl.DataFrame:
    """Return the rows with the column ``examples``: the ``k`` nearest of the pool, the nearest one last.

    Questions alone are compared, by cosine and without their options. A row is no example of itself.
    """
    if pool.is_empty():
        raise ValueError("the pool has no solved example; solve more of it, or use self-consistency")
    shown = [
        {
            "prompt": text_of(question_turns(record, tuple(range(len(record.options))), reason=True)),
            "chain": record.response,
        }
        for record in records(pool.select(SCHEMA.names()))
    ]
    ids = pool["id"].to_list()
    vectors = _unit(embed(pool.select(question_text()).to_series().to_list()))
    chosen = []
    for part in rows.iter_slices(SLICE):
        query = _unit(embed(part.select(question_text()).to_series().to_list()))
        for id, similar in zip(part["id"], query @ vectors.T, strict=True):
            order = [int(place) for place in np.argsort(-similar, kind="stable") if ids[place] != id][:k]
            chosen.append([shown[place] for place in reversed(order)])
    return rows.with_columns(pl.Series("examples", chosen, EXAMPLES))


def _unit(vectors: F32) -> F32:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    scaled: F32 = vectors / np.maximum(lengths, np.float32(1e-12))[:, None]
    return scaled


def solved_rows(rows: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the text of their first candidate as ``response``: the pool that a strategy has solved."""
    texts = candidates.sort("id", "sample").unique("id", keep="first").select("id", chain="text")
    joined = rows.join(texts, on="id", how="left", maintain_order="left")
    return joined.with_columns(response=pl.col("chain")).select(SCHEMA.names())
