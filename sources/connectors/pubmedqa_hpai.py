"""PubMedQA (Jin et al. 2019), expert-labelled, split as in the Aloe group's prompt engine; letters, no conclusion."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_dict, lettered
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the dict of questions into a draft."""
    row = raw.value
    context = "\n\n".join(row["context"])
    return lettered(row["id"], row["question"], row["options"], row["correct_answer"], context=context)


PUBMEDQA_HPAI = Source(
    name="pubmedqa_hpai",
    title="PubMedQA, 450 training rows",
    home="https://github.com/HPAI-BSC/prompt_engine",
    license="Apache-2.0",
    license_read="LICENSE of HPAI-BSC/prompt_engine; PubMedQA itself is MIT",
    task="mcqa",
    lang="en",
    folder="hpai_prompt_engine",
    files={"train": ("pubmedqa/pubmedqa_train.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_dict,
    parse=parse,
    rank=60,
    published_rows=450,
    chain_prompt="pubmedqa",
    instruction_subject="biomedical research",
)

PUBMEDQA_HPAI_HELD_OUT = held_out(
    PUBMEDQA_HPAI,
    "pubmedqa_hpai_held_out",
    {"validation": ("pubmedqa/pubmedqa_val.json",), "test": ("pubmedqa/pubmedqa_test.json",)},
    title="PubMedQA, prompt engine, validation and test",
    published_rows=550,
    evaluated_as="pubmedqa",
    likelihood_prompt="abstract",
    multimedqa=True,
)
