"""MedMCQA (Pal et al. 2022) from the Aloe group's prompt engine: 10,000 training rows and the validation set.

The files' names are misleading: ``medmcqa_val`` has training rows, ``medmcqa_test`` the official validation.
Answers are letters.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_dict, letter, mcq
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the dict of questions into a draft."""
    row = raw.value
    options = row["options"]
    return mcq(row["id"], row["question"], list(options.values()), letter(row["correct_answer"], options))


MEDMCQA_SAMPLE = Source(
    name="medmcqa_sample",
    title="MedMCQA, 10,000 training rows",
    home="https://github.com/HPAI-BSC/prompt_engine",
    license="Apache-2.0",
    license_read="LICENSE of HPAI-BSC/prompt_engine; tag of openlifescienceai/medmcqa",
    task="mcqa",
    lang="en",
    folder="hpai_prompt_engine",
    files={"train": ("medmcqa/medmcqa_val.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_dict,
    parse=parse,
    published_rows=10_000,
    chain_prompt="medmcqa",
    instruction_subject="medical entrance examinations",
)

MEDMCQA_VALIDATION = held_out(
    MEDMCQA_SAMPLE,
    "medmcqa_validation",
    {"validation": ("medmcqa/medmcqa_test.json",)},
    title="MedMCQA, official validation",
    published_rows=4_183,
    evaluated_split="validation",
)
