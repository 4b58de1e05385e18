"""MMLU's six medical subjects (Hendrycks et al. 2021) from the Aloe group's prompt engine; letters.

The edition in use: 272 test items of ``professional_medicine``, without the ten that depend on an exhibit.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_dict, lettered
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the dict of questions into a draft; its id begins with its subject."""
    row = raw.value
    meta = {"subject": row["id"].rsplit("_", 2)[0]}
    return lettered(row["id"], row["question"], row["options"], row["correct_answer"], meta=meta)


MMLU_MEDICAL = Benchmark(
    name="mmlu_medical",
    title="MMLU, six medical subjects",
    home="https://github.com/HPAI-BSC/prompt_engine",
    license="Apache-2.0",
    license_read="LICENSE of HPAI-BSC/prompt_engine; MMLU itself is MIT",
    task="mcqa",
    lang="en",
    folder="hpai_prompt_engine",
    files={"validation": ("mmlu/mmlu_*_val.json",), "test": ("mmlu/mmlu_*_test.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_dict,
    parse=parse,
    published_rows=1_212,
    subset_field="subject",
    likelihood_prompt="subject_choice",
    multimedqa=True,
)
