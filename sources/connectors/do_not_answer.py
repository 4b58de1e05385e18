"""Do-Not-Answer (Wang et al. 2024): questions that a model should not answer, with labelled replies of six models.

The paper of Aloe Beta says Apache-2.0; the data is CC BY-NC-SA 4.0.
"""

from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import table, user
from sources.source import Raw, Source

MODELS = ("GPT4", "ChatGPT", "Claude", "ChatGLM2", "llama2-7b-chat", "vicuna-7b")
"""The models in the order of the columns: the first harmless reply is chosen, the first harmful one rejected."""

HARMFUL = {"0": False, "1": True}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft: a harmless reply is ``response``, a harmful one ``rejected``, else None."""
    row = raw.value
    labels = {model: _labels(row, model) for model in MODELS}
    replies: dict[bool, str | None] = {True: None, False: None}
    for model in reversed(MODELS):
        replies[labels[model]["harmful"]] = row[f"{model}_response"]
    areas = {name: row[name] for name in ("risk_area", "types_of_harm", "specific_harms")}
    return Draft(
        id=row["id"],
        messages=user(row["question"]),
        response=replies[False],
        rejected=replies[True],
        meta={**areas, "labels": labels},
    )


def _labels(row: dict[str, str], model: str) -> dict[str, Any]:
    harmful = row[f"{model}_harmful"]
    if harmful not in HARMFUL:
        raise ValueError(f"{model}_harmful is {harmful!r}, expected 0 or 1")
    return {"harmful": HARMFUL[harmful], "action": int(row[f"{model}_action"])}


DO_NOT_ANSWER = Source(
    name="do_not_answer",
    title="Do-Not-Answer, pairs of replies",
    home="https://github.com/Libr-AI/do-not-answer",
    license="CC-BY-NC-SA-4.0",
    license_read="README of kunishou/do-not-answer-ja, which inherits the licence of the data",
    task="preference",
    lang="en",
    kind="preference",
    files={"train": ("datasets/data_en.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=939,
)
