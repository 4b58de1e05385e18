"""Recall and precision of an embedding model on labelled pairs, threshold by threshold, and the threshold to use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from quality.decontamination.neighbors import unit_vectors
from quality.duplicates.near_duplicates import text_batches
from quality.duplicates.semantic_guard import allowed
from quality.duplicates.signatures import TEXT_COLUMNS
from quality.embeddings import Embed
from sources.errors import SabilaError

F64 = NDArray[np.float64]

SHIPPED = Path(__file__).parent / "embedding_pairs.jsonl"
"""Questions with answers of our own, each with a light edit, a rewrite, a translation, a like question about another
subject, and another question on its topic."""

SAME, OTHER = ("edit", "rewrite", "translation"), ("other_subject", "other_question")
THRESHOLDS = tuple(round(at / 100, 2) for at in range(20, 100))

Compared = Literal["rows", "questions"]
"""``rows``: question and answer, as semantic duplicates are found; ``questions``: as leaks of benchmarks are found."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """A question and its answer."""

    question: str
    answer: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two texts, whether they have the same meaning, and the kind of pair."""

    first: Text
    second: Text
    same: bool
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What a threshold finds: the share of the same pairs, and the share of the found pairs that are the same."""

    threshold: float
    recall: float
    precision: float | None
    found: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class KindFigures:
    """The pairs of one kind: how many, their cosines, and the share found at the advised threshold."""

    kind: str
    same: bool
    pairs: int
    least: float
    median: float
    greatest: float
    found: float | None


@dataclass(frozen=True, kw_only=True)
class EmbedderFigures:
    """A model on labelled pairs; ``advised`` is the lowest threshold of the wanted precision, None if none has it."""

    pairs: int
    same: int
    thresholds: tuple[Threshold, ...]
    advised: Threshold | None
    kinds: tuple[KindFigures, ...]


def shipped_pairs() -> list[Pair]:
    """Return the pairs that come with sabila."""
    pairs = []
    for line in SHIPPED.read_bytes().splitlines():
        group = {kind: Text(question=turns[0], answer=turns[1]) for kind, turns in orjson.loads(line).items()}
        for kind in (*SAME, *OTHER):
            pairs.append(Pair(first=group["text"], second=group[kind], same=kind in SAME, kind=kind))
    return pairs


def measure_embedder(
    pairs: Sequence[Pair], embed: Embed, compared: Compared = "rows", precision: float = 0.95
) -> EmbedderFigures:
    """Return the figures of a model; a pair that the words of both rows forbid counts as not found in ``rows``.

    Raises ``SabilaError`` where pairs of either label are missing.
    """
    if len({pair.same for pair in pairs}) < 2:
        raise SabilaError("the labelled pairs all have one label, expected some that are the same and some that differ")
    cosines = _cosines(pairs, embed, compared)
    labels = np.array([pair.same for pair in pairs])
    every = [_at(threshold, cosines, labels) for threshold in THRESHOLDS]
    advised = next((one for one in every if one.precision is not None and one.precision >= precision), None)
    return EmbedderFigures(
        pairs=len(pairs),
        same=int(labels.sum()),
        thresholds=tuple(every),
        advised=advised,
        kinds=tuple(_kinds(pairs, cosines, advised)),
    )


def _cosines(pairs: Sequence[Pair], embed: Embed, compared: Compared) -> F64:
    """Return the cosine of each pair, or -1 where the words of the rows forbid that they are duplicates."""
    texts = [text for pair in pairs for text in (pair.first, pair.second)]
    table = pl.DataFrame(
        {
            "id": [str(n) for n in range(len(texts))],
            "question": [text.question for text in texts],
            "answer": [text.answer for text in texts],
        }
    )
    rows = pl.concat(text_batches(table.lazy(), ["question", "answer"], "id"))
    absent = [pl.lit("").alias(column) for column in TEXT_COLUMNS if column not in rows.columns]
    rows = (
        rows.with_columns(absent)
        .with_columns(pl.col(TEXT_COLUMNS).fill_null(""))
        .with_columns(pl.col("id").cast(pl.String))
    )
    vectors = unit_vectors(table["question"].to_list() if compared == "questions" else rows["text"].to_list(), embed)
    cosines: F64 = np.einsum("ij,ij->i", vectors[::2], vectors[1::2]).astype(np.float64)
    if compared == "rows":
        couples = pl.DataFrame({"id": table["id"][::2], "representative": table["id"][1::2]})
        cosines[~allowed(rows, couples)] = -1.0
    return cosines


def _at(threshold: float, cosines: F64, labels: NDArray[np.bool_]) -> Threshold:
    predicted = cosines >= threshold
    count, right = int(predicted.sum()), int((predicted & labels).sum())
    return Threshold(
        threshold=threshold,
        recall=right / int(labels.sum()),
        precision=right / count if count else None,
        found=count,
        wrong=count - right,
    )


def _kinds(pairs: Sequence[Pair], cosines: F64, advised: Threshold | None) -> Iterator[KindFigures]:
    for kind, same in dict.fromkeys((pair.kind, pair.same) for pair in pairs):
        own = cosines[[pair.kind == kind and pair.same == same for pair in pairs]]
        yield KindFigures(
            kind=kind,
            same=same,
            pairs=len(own),
            least=float(own.min()),
            median=float(np.median(own)),
            greatest=float(own.max()),
            found=None if advised is None else float((own >= advised.threshold).mean()),
        )
