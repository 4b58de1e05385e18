"""Decontamination with models: an embedder finds items in other words and languages, a judge decides later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.decontamination.cleaned_items import with_cleaned
from quality.decontamination.find_leaks import Decontaminate, distinctive_questions, drop_table
from quality.decontamination.inputs import items_of
from quality.decontamination.item_index import build_index
from quality.decontamination.leaking_rows import drop_leaks, leaking_pairs
from quality.decontamination.lexical_layers import SUSPECTED
from quality.decontamination.neighbors import Embed, unit_vectors
from quality.embeddings import VECTORS, VectorError, as_column, as_matrix
from quality.outcome import Outcome, without_passed
from sources.fields.names import portable_model
from sources.formats.literal import read_parquet
from synth.judges.leak_judge import leave_to_judge
from synth.teachers.embedders import loaded_embedder, model_and_threshold, revision_of

VECTOR_SCHEMA = pl.Schema({"text": pl.String(), "vector": VECTORS})
"""The kept vectors of questions of a benchmark."""

THRESHOLD = 0.9
"""Least cosine of a row's question and an item's that makes a leak, unless the spec names another."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ModelLeaks:
    """The text layers and, if there is one, the embedding model with the hash of its files.

    ``judged`` rows are left in the set with their pairs (``leak_judge``), but for those that are equal to an item.
    """

    layers: Decontaminate = Field(default_factory=Decontaminate)
    embedder: str | None = None
    embedder_revision: str = ""
    judged: bool = False

    def portable(self) -> ModelLeaks:
        """Return the settings with the model named as on any machine."""
        return replace(self, embedder=self.embedder and portable_model(self.embedder))


def model_leaks(spec: str | None, *, judged: bool) -> ModelLeaks:
    """Return the settings of ``MODEL`` or ``MODEL@THRESHOLD``; ``ValueError`` for an invalid threshold."""
    if spec is None:
        return ModelLeaks(judged=judged)
    model, least = model_and_threshold("leak_embedder", spec, THRESHOLD)
    layers = Decontaminate(similarity=least)
    return ModelLeaks(layers=layers, embedder=model, embedder_revision=revision_of(model), judged=judged)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ItemVectors:
    """The embedding model with the hash of its files, and the least bits of a question that is embedded."""

    embedder: str
    revision: str
    least_bits: float

    def portable(self) -> ItemVectors:
        """Return the settings with the model named as on any machine."""
        return replace(self, embedder=portable_model(self.embedder))


def item_vectors(config: ModelLeaks) -> ItemVectors | None:
    """Return the settings of ``embed_items``, which thresholds do not change; None without an embedding model."""
    if config.embedder is None:
        return None
    least_bits = config.layers.thresholds.question_bits
    return ItemVectors(embedder=config.embedder, revision=config.embedder_revision, least_bits=least_bits)


def embed_items(rows: pl.DataFrame, config: ItemVectors) -> pl.DataFrame:
    """Return ``text`` and ``vector`` of the questions of one benchmark that are compared by embedding."""
    index = build_index(with_cleaned(items_of(rows)))
    texts = distinctive_questions(index, config.least_bits)[1].unique(maintain_order=True).rename("text")
    if texts.is_empty():
        return pl.DataFrame(schema=VECTOR_SCHEMA)
    vectors = unit_vectors(texts.to_list(), loaded_embedder(config.embedder))
    return pl.DataFrame({"text": texts, "vector": as_column(vectors)})


def drop_leaks_with_models(rows: pl.DataFrame, config: ModelLeaks, files: tuple[Path, ...]) -> Outcome:
    """Drop leaking rows as ``leaking_rows.drop_leaks`` does, with the help of an embedding model, or for a judge.

    ``files`` are those of benchmarks, which those of ``embed_items`` follow where there is an embedding model.
    """
    benchmarks, embed = files, None
    if config.embedder is not None:
        benchmarks, vectors = files[: len(files) // 2], files[len(files) // 2 :]
        embed = _with_vectors(config.embedder, vectors)
    if not config.judged:
        return drop_leaks(rows, config.layers, benchmarks, embed=embed)
    found = leaking_pairs(rows, config.layers, benchmarks, embed=embed, suspects=True)
    pairs = without_passed(found, rows, "leak:" + pl.col("layer"))
    certain = pl.col("id").is_in(pairs.filter(pl.col("layer") == "exact")["id"].implode())
    sure = pairs.filter(certain, pl.col("layer") != SUSPECTED)
    marked = leave_to_judge(rows, pairs.filter(~certain))
    return Outcome(
        rows=marked.join(drop_table(sure), on="id", how="left", maintain_order="left"),
        tables={"leaks": found.filter(certain, pl.col("layer") != SUSPECTED)},
    )


@lru_cache(maxsize=1)
def _with_vectors(spec: str, files: tuple[Path, ...]) -> Embed:
    """Return the embedding model, which embeds only texts whose vectors are not in the files."""
    kept = pl.concat([pl.DataFrame(schema=VECTOR_SCHEMA), *map(read_parquet, files)])
    places = {text: at for at, text in enumerate(kept["text"])}
    vectors = as_matrix(kept["vector"])

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in places]
        if not new:
            return vectors[[places[text] for text in texts]]
        added = np.asarray(loaded_embedder(spec)(new), np.float32)
        if len(new) == len(texts):
            return added
        if vectors.shape[1] != added.shape[1]:
            raise VectorError(
                f"{spec} gave vectors of {added.shape[1]:,} numbers, and of {vectors.shape[1]:,} when it embedded the "
                "benchmarks, expected one width: name one model, whose server does not change it"
            )
        numbers = places | {text: len(vectors) + at for at, text in enumerate(new)}
        together: NDArray[np.float32] = np.concatenate([vectors, added])[[numbers[text] for text in texts]]
        return together

    return embed
