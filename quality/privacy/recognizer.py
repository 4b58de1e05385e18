"""People's names found by a token-classification model, for names without a cue (extra ``local``)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from quality.model_weights import load_complete
from quality.privacy.name_confidence import cited
from quality.privacy.name_form import Person, eponym, plain
from quality.privacy.not_names import EPONYMS, NOT_NAMES

BATCH = 32
OVERLAP = 32
"""Tokens that two windows of a long text share."""


@dataclass(frozen=True, kw_only=True)
class Recogniser:
    """A model that marks people's names: the hash of its files, the labels that mean a person, a least score.

    ``folder``, its location on this machine, is not part of the fingerprint.
    """

    revision: str
    labels: tuple[str, ...] = ("PER", "PERSON", "NAME", "PATIENT", "DOCTOR", "HCW", "STAFF")
    least_score: float = 0.8
    folder: InitVar[str] = ""

    def __post_init__(self, folder: str) -> None:
        object.__setattr__(self, "_folder", folder)

    def spans(self, texts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Yield position of the text, start and end of every name in ``texts`` that is no eponym or author."""
        predictions = _model(vars(self)["_folder"])(list(texts), batch_size=BATCH)
        for place, (text, entities) in enumerate(zip(texts, predictions, strict=True)):
            for entity in entities:
                start, end = _trimmed(text, int(entity["start"]), int(entity["end"]))
                sure = entity["score"] >= self.least_score and entity["entity_group"].upper() in self.labels
                if sure and _is_person(text, start, end):
                    yield place, start, end


def recogniser(folder: str) -> Recogniser:
    """Return the recogniser in a folder saved by transformers; ``ValueError`` where there is none."""
    place = Path(folder)
    if not (place / "config.json").is_file():
        raise ValueError(
            f"name_model: {folder} has no config.json, expected the folder of a token-classification model as "
            "transformers saves it"
        )
    digest = hashlib.sha256()
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        digest.update(path.relative_to(place).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return Recogniser(revision=digest.hexdigest(), folder=str(place.absolute()))


@lru_cache(maxsize=1)
def _model(folder: str) -> Any:
    try:
        from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline
    except ImportError as error:
        raise ValueError(f"name_model: {error}; install the extra: pip install 'sabila[local]'") from error
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    # In 32 bits whatever the weights are saved in: many CPUs emulate 16-bit floats, and spans would differ by machine.
    model = load_complete(AutoModelForTokenClassification, folder, local_files_only=True, dtype="float32")
    longest = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512))
    tokenizer.model_max_length = longest
    stride = min(OVERLAP, longest // 4)
    return pipeline(
        "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", stride=stride
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span without spaces and marks at its ends."""
    inner = text[start:end]
    start += len(inner) - len(inner.lstrip(" \t\n.,;:'\"()-"))
    return start, start + len(text[start:end].rstrip(" \t\n.,;:'\"()-"))


def _is_person(text: str, start: int, end: int) -> bool:
    """Return whether a span is whole words and no placeholder, medical term, eponym or author."""
    words = tuple(filter(None, map(plain, text[start:end].split())))
    cut = text[max(0, start - 1) : start].isalnum() or text[end : end + 1].isalnum()
    if not words or cut or "[" in text[max(0, start - 1) : end] or all(word in NOT_NAMES for word in words):
        return False
    person = Person(text, start, start, end, words)
    return not eponym(person) and not cited(person) and not all(word in EPONYMS for word in words)
