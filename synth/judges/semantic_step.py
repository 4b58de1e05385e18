"""The semantic step of a recipe: rewrites and translations of rows, found by an embedding model.

Word shingles miss rewrites and back-translations. On 72 labelled pairs of such edits all-MiniLM-L6-v2 has a cosine of
0.77 and more, but so have many rows that only share a topic: of drops of dialogues at 0.85 to 0.90, 5 of 20 read were
right, hence the default of 0.95, which finds less.
"""

from __future__ import annotations

import polars as pl

from quality.duplicates.near_records import compared_columns
from quality.duplicates.semantic import Semantic, drops
from quality.duplicates.semantic_guard import guarded_duplicates
from quality.duplicates.signatures import TEXT_COLUMNS
from quality.embeddings import VECTORS, as_column, as_matrix, check_one_width, one_vector_each
from quality.keep import keep_columns
from quality.outcome import Decision, Shards
from synth.teachers.embedders import loaded_embedder, model_and_threshold, revision_of

THRESHOLD = 0.95
"""Least cosine of rows with the same meaning, for all-MiniLM-L6-v2; it differs from model to model."""


def semantic_config(spec: str, source_ranks: tuple[tuple[str, int], ...]) -> Semantic:
    """Return the settings that ``MODEL`` or ``MODEL@THRESHOLD`` names; ``ValueError`` where the threshold is none."""
    model, least = model_and_threshold("semantic", spec, THRESHOLD)
    return Semantic(model=model, threshold=least, source_ranks=source_ranks, revision=revision_of(model))


def row_vectors(rows: pl.DataFrame, config: Semantic) -> pl.DataFrame:
    """Return what ``semantic_duplicate_records`` compares of one shard: texts, columns of the keep policy, vectors.

    Rows are compared by the text, question and answer that the step for near-duplicates compares.
    """
    columns = keep_columns(dict(config.source_ranks))
    compared = rows.select(*compared_columns(), *columns).with_columns(pl.col(TEXT_COLUMNS).fill_null(""))
    if compared.is_empty():
        return compared.with_columns(vector=pl.lit(None, VECTORS))
    embedded = loaded_embedder(config.model)(compared["text"].to_list())
    vectors = one_vector_each(embedded, len(compared), config.model)
    return compared.with_columns(vector=as_column(vectors))


def semantic_duplicate_records(
    shards: Shards, config: Semantic, known: dict[str, pl.DataFrame] | None = None
) -> Decision:
    """Return the rows that restate another row in other words to drop, and the clusters as a table.

    ``shards`` are the ``row_vectors`` of new rows, ``known`` those of earlier ones; the result is that of one run over
    all. All texts and their vectors are in memory.
    """
    parts = [*(known or {}).values(), *shards()]
    if not sum(map(len, parts)):
        return Decision(drops=drops(EMPTY, config))
    rows = pl.concat(parts).sort("id")  # sums in another order would differ in their last digits
    check_one_width(rows["vector"], config.model)
    vectors = as_matrix(rows["vector"])
    duplicates = guarded_duplicates(rows, vectors, config)
    return Decision(
        drops=drops(duplicates.clusters, config), tables={"clusters": duplicates.clusters}, memory={"vectors": rows}
    )


EMPTY = pl.DataFrame(schema={"id": pl.String, "representative": pl.String, "similarity": pl.Float64})
