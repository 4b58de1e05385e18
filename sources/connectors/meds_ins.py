"""MedS-Ins (Wu et al. 2025): 122 tasks, one file per task in the form of Super-NaturalInstructions.

The authors' own scripts write these fields; the list of outputs mentioned in the Aloe Beta paper is read too.
"""

from typing import Any

from sources.files import RawFile
from sources.record import TASKS, Draft
from sources.schema.columns import hub_page, public_code, repository_file
from sources.shapes.row_shapes import instructed, placed, under
from sources.source import Raw, Source

ALIASES = {"named-entity-recognition": "ner", "natural-language-inference": "nli", "question-answering": "qa"}
ALIASES |= {"text-summarization": "summarization", "dialogue-generation": "dialogue"}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one instance into a draft: the definition is the instruction, the first category the task."""
    row = raw.value
    output = row["output"] if isinstance(row["output"], str) else row["output"][0]
    meta = {"categories": row["Categories"], "origin": row.get("Source")}
    task = _task(row["Categories"])
    return instructed(placed(raw, file), _first(row["Definition"]), row["input"], output, task=task, meta=meta)


def _task(categories: str | list[str]) -> str:
    """Return Aloe's label for the first category that has one, ``instruction`` where none has."""
    named = [categories] if isinstance(categories, str) else categories
    labels = [name.strip().lower().replace(" ", "-") for name in named]
    labels = [ALIASES.get(label, label) for label in labels]
    return next((label for label in labels if label in TASKS), "instruction")


def _first(value: str | list[str]) -> Any:
    return value if isinstance(value, str) else value[0]


MEDS_INS = Source(
    name="meds_ins",
    title="MedS-Ins",
    home="hf://datasets/Henrychur/MedS-Ins",
    license="CC-BY-SA-4.0",
    license_read="LICENSE of MAGIC-AI4Med/MedS-Ins: CC BY-SA, without a version; the Hub has no tag",
    task="instruction",
    lang="en",
    files={"train": ("task*.json",)},
    columns={"input": "text?", "output": "any", "Categories": "any", "Definition": "any", "Source": "text*"},
    schema_read=(
        public_code(
            'output_data["Instances"] of task62_liveqa_medical_filtered_conversation.json',
            "columns",
        ),
        hub_page(
            "Henrychur/MedS-Ins",
            "blob/main/task25_head_qa_classification.json",
            "splits",
            result="agrees; a file a task, no tag of a licence",
        ),
        repository_file("MAGIC-AI4Med/MedS-Ins", "LICENSE", "license", result="agrees; CC BY-SA, no version"),
    ),
    rows=under("Instances"),
    parse=parse,
)
