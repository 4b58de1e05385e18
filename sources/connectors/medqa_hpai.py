"""MedQA-USMLE with four options (Jin et al. 2020) from the Aloe group's prompt engine. Answers are letters."""

from sources.connectors.medmcqa_sample import parse
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_dict
from sources.source import Benchmark

MEDQA_HPAI = Benchmark(
    name="medqa_hpai",
    title="MedQA-USMLE, four options, prompt engine",
    home="https://github.com/HPAI-BSC/prompt_engine",
    license="Apache-2.0",
    license_read="LICENSE of HPAI-BSC/prompt_engine; MedQA itself is MIT",
    task="mcqa",
    lang="en",
    folder="hpai_prompt_engine",
    files={"validation": ("medqa_4opt/medqa_4opt_val.json",), "test": ("medqa_4opt/medqa_4opt_test.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_dict,
    parse=parse,
    published_rows=2_545,
    evaluated_as="medqa",
    multimedqa=True,
)
