"""MedInstruct's test of 216 instructions by clinicians (Zhang et al. 2023, AlpaCare); answers are by four models."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import jsonl, qa
from sources.source import Benchmark, Raw

ANSWERS = {
    "gpt-4": "gpt-4-answer",
    "claude-2": "claude-2",
    "gpt-3.5-turbo": "gpt-3.5-turbo-answer",
    "text-davinci-003": "text-davinci-003-answer",
}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one line into a draft without an answer of its own; ``meta`` keeps the models' answers."""
    row = raw.value
    answers = {model: row[field] for model, field in ANSWERS.items()}
    return qa(str(row["id"]), row["instruction"], None, meta={"difficulty": row["difficulty"], "answers": answers})


MEDINSTRUCT_TEST = Benchmark(
    name="medinstruct_test",
    title="MedInstruct, test",
    home="https://github.com/XZhang97666/AlpaCare",
    license="CC-BY-NC-4.0",
    license_read="DATA_LICENSE of XZhang97666/AlpaCare",
    task="qa",
    lang="en",
    folder="medinstruct",
    files={"test": ("data/MedInstruct-test.jsonl",)},
    schema_read=(PUBLISHED_FILES,),
    rows=jsonl,
    parse=parse,
    published_rows=216,
)
