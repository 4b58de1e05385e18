"""Decontamination with models: an embedder finds items in other words and languages, a judge decides doubtful ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.decontamination.find_leaks import Decontaminate, Judge
from quality.decontamination.leaking_rows import drop_leaks
from quality.outcome import Outcome
from sources.fields.names import portable_model
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


def drop_leaks_with_models(rows: pl.DataFrame, config: ModelLeaks, benchmarks: tuple[Path, ...]) -> Outcome:
    """Drop leaking rows as ``leaking_rows.drop_leaks`` does, with the help of the models."""
    embed = loaded_embedder(config.embedder) if config.embedder else None
    judge = leak_judge(teacher(config.judge)) if config.judge else None
    return drop_leaks(rows, config.layers, benchmarks, embed=embed, judge=judge)


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
