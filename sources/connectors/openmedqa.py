"""OpenMedQA: the MedQA-USMLE test rewritten as open questions by the Aloe group; ids are those of the test items."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_dict, qa
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the dict of questions into a draft."""
    row = raw.value
    return qa(row["id"], row["question"], row["correct_answer"])


OPENMEDQA = Benchmark(
    name="openmedqa",
    title="OpenMedQA",
    home="https://github.com/HPAI-BSC/prompt_engine",
    license="Apache-2.0",
    license_read="LICENSE of HPAI-BSC/prompt_engine",
    task="qa",
    lang="en",
    folder="hpai_prompt_engine",
    files={"test": ("openmedqa/openmedqa_test.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_dict,
    parse=parse,
    published_rows=1_272,
)
