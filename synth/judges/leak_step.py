"""Decontamination with models: an embedder finds items in other words and languages, a judge decides doubtful ones."""

from __future__ import annotations

import re
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
from quality.decontamination.find_leaks import Decontaminate, Judge, distinctive_questions
from quality.decontamination.inputs import items_of
from quality.decontamination.item_index import build_index
from quality.decontamination.leaking_rows import drop_leaks
from quality.decontamination.neighbors import Embed, unit_vectors
from quality.embeddings import VECTORS, VectorError, as_column, as_matrix
from quality.outcome import Outcome
from sources.fields.names import portable_model
from sources.formats.literal import read_parquet
from sources.record import Message
from synth.teachers.embedders import loaded_embedder, model_and_threshold, revision_of
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Request, Sampling, Teacher

PROMPT = (
    "Text A comes from a training set, text B is an examination question.\n\nText A:\n{mine}\n\nText B:\n{theirs}\n\n"
    "Is the question of B contained in A, be it in other words or another language, with the same facts and the same "
    "right answer? Answer with one word, yes or no."
)
MOST_CHARS = 6000

VECTOR_SCHEMA = pl.Schema({"text": pl.String(), "vector": VECTORS})
"""The kept vectors of questions of a benchmark."""

THRESHOLD = 0.9
"""Least cosine of a row's question and an item's that makes a leak, unless the spec names another."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ModelLeaks:
    """The text layers, the embedding model with the hash of its files, and the judge; both models are optional."""

    layers: Decontaminate = Field(default_factory=Decontaminate)
    embedder: str | None = None
    embedder_revision: str = ""
    judge: str | None = None

    def portable(self) -> ModelLeaks:
        """Return the settings with the models named as on any machine."""
        embedder, judge = (spec and portable_model(spec) for spec in (self.embedder, self.judge))
        return replace(self, embedder=embedder, judge=judge)


def model_leaks(spec: str | None, judge: str | None) -> ModelLeaks:
    """Return the settings of ``MODEL`` or ``MODEL@THRESHOLD``; ``ValueError`` for an invalid threshold."""
    if spec is None:
        return ModelLeaks(judge=judge)
    model, least = model_and_threshold("leak_embedder", spec, THRESHOLD)
    layers = Decontaminate(similarity=least)
    return ModelLeaks(layers=layers, embedder=model, embedder_revision=revision_of(model), judge=judge)


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
    """Drop leaking rows as ``leaking_rows.drop_leaks`` does, with the help of the models.

    ``files`` are those of benchmarks, which those of ``embed_items`` follow where there is an embedding model.
    """
    judge = leak_judge(teacher(config.judge)) if config.judge else None
    if config.embedder is None:
        return drop_leaks(rows, config.layers, files, judge=judge)
    benchmarks, vectors = files[: len(files) // 2], files[len(files) // 2 :]
    return drop_leaks(rows, config.layers, benchmarks, embed=_with_vectors(config.embedder, vectors), judge=judge)


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


def leak_judge(model: Teacher) -> Judge:
    """Return a judge that sends requests to ``model``; its verdict is None for a reply without a plain yes or no."""

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        requests = []
        for at, (mine, theirs) in enumerate(pairs):
            prompt = Message("user", PROMPT.format(mine=mine[:MOST_CHARS], theirs=theirs[:MOST_CHARS]))
            requests.append(Request(row=str(at), stage="leaks", messages=(prompt,), sampling=Sampling(temperature=0.0)))
        verdicts: list[bool | None] = [None] * len(pairs)
        for request, reply in model.complete(requests):
            if isinstance(reply, Completion):
                verdicts[int(request.row)] = read_verdict(reply.text)
        return verdicts

    return judge


def read_verdict(text: str) -> bool | None:
    """Return True for yes, False for no, None where the reply has neither word or both."""
    words = {word.lower() for word in re.findall(r"(?i)\b(yes|no)\b", text)}
    return None if len(words) != 1 else words == {"yes"}
