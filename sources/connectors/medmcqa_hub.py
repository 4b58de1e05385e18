"""MedMCQA (Pal et al. 2022) on the Hub: the full training set with explanations.

``cop`` is 0-based here and -1 in the test set, whose answers are hidden.
"""

from sources.connectors.medmcqa import ABOUT, OPTIONS
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, collected_card, repository_file
from sources.shapes.row_shapes import mcq, parquet
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; the explanation is its rationale, a hidden answer leaves ``gold`` empty."""
    row = raw.value
    gold = None if row["cop"] == -1 else row["cop"]
    meta = {name: row[name] for name in ABOUT}
    return mcq(row["id"], row["question"], [row[name] for name in OPTIONS], gold, rationale=row["exp"], meta=meta)


MEDMCQA_HUB = Source(
    name="medmcqa_hub",
    title="MedMCQA",
    home="hf://datasets/openlifescienceai/medmcqa",
    revision="91c6572c454088bf71b679ad90aa8dffcd0d5868",
    license="Apache-2.0",
    license_read="tag of openlifescienceai/medmcqa; its README leaves the licence section open",
    task="mcqa",
    lang="en",
    folder="medmcqa_hub",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "id": "text",
        "question": "text",
        "opa": "text",
        "opb": "text",
        "opc": "text",
        "opd": "text",
        "cop": "integer",
        "exp": "text?",
        "subject_name": "text?",
        "topic_name": "text?",
        "choice_type": "text?",
    },
    gold=GoldColumn(name="cop", base=0, options=4, hidden=-1),
    schema_read=(
        repository_file(
            "EleutherAI/lm-evaluation-harness", "lm_eval/tasks/medmcqa/utils_medmcqa.py", "columns", "gold"
        ),
        collected_card("openlifescienceai/medmcqa", "columns", "gold", "splits", "license"),
    ),
    rows=parquet,
    parse=parse,
    rank=40,  # holds the explanations that the sample lacks
    published_rows=182_822,
    chain_prompt="medmcqa",
    instruction_subject="medical entrance examinations",
)

MEDMCQA_HUB_HELD_OUT = held_out(
    MEDMCQA_HUB,
    "medmcqa_hub_held_out",
    {"validation": ("data/validation-*.parquet",), "test": ("data/test-*.parquet",)},
    title="MedMCQA, validation and hidden test",
    published_rows=10_333,
    evaluated_as="medmcqa",
    evaluated_split="validation",
    subset_field="subject_name",
    likelihood_prompt="listed_choice",
    multimedqa=True,
)
