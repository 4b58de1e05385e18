"""CareQA (Garcia-Gasulla et al. 2025), English, from the Aloe group's prompt engine. Answers are letters.

Made for evaluation: all of it is a benchmark.
"""

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_dict, lettered
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the dict of questions into a draft; its key is its id."""
    row = raw.value
    meta = {"category": row["category"], "year": row["year"], "exam_id": row["exam_id"]}
    more = {"meta": meta, "date": parse_date(row["year"])}
    return lettered(row["key"], row["question"], row["options"], row["correct_answer"], **more)


CAREQA = Benchmark(
    name="careqa",
    title="CareQA, English",
    home="https://github.com/HPAI-BSC/prompt_engine",
    license="Apache-2.0",
    license_read="LICENSE of HPAI-BSC/prompt_engine; tag of HPAI-BSC/CareQA",
    task="mcqa",
    lang="en",
    folder="hpai_prompt_engine",
    files={"test": ("careqa/careqa_test.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_dict,
    parse=parse,
    published_rows=5_621,
    subset_field="category",
    likelihood_prompt="listed_choice",
)
