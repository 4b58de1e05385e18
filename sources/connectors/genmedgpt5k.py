"""GenMedGPT-5k (Li et al. 2023, ChatDoctor): patients' questions and doctors' answers, both written by ChatGPT."""

from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_list, same_task
from sources.source import Source

GENMEDGPT5K = Source(
    name="genmedgpt5k",
    title="GenMedGPT-5k",
    home="https://github.com/Kent0n-Li/ChatDoctor",
    license="LicenseRef-research-only",
    license_read="README of Kent0n-Li/ChatDoctor (academic research only); its LICENSE is Apache-2.0",
    task="qa",
    lang="en",
    folder="genmedgpt5k",
    files={"train": ("chatdoctor5k.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_list,
    parse=same_task,
    published_rows=5_452,
)
