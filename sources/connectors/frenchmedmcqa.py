"""FrenchMedMCQA (Labrak et al. 2022): French pharmacy exams with one or several right answers, as lower-case letters.

The test set does not mark which of its questions have several.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_list, letter, mcq
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one entry of the list of questions into a draft."""
    row = raw.value
    options = row["answers"]
    gold = [letter(right, options) for right in row["correct_answers"]]
    meta = {name: row.get(name) for name in ("subject_name", "type")}
    return mcq(row["id"], row["question"], list(options.values()), gold, meta=meta)


FRENCHMEDMCQA = Source(
    name="frenchmedmcqa",
    title="FrenchMedMCQA",
    home="https://github.com/qanastek/FrenchMedMCQA",
    license="Apache-2.0",
    license_read="badge in the README of qanastek/FrenchMedMCQA",
    task="mcqa",
    lang="fr",
    folder="frenchmedmcqa",
    files={"train": ("corpus/train.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_list,
    parse=parse,
    published_rows=2_171,
)

FRENCHMEDMCQA_HELD_OUT = held_out(
    FRENCHMEDMCQA,
    "frenchmedmcqa_held_out",
    {"validation": ("corpus/dev.json",), "test": ("corpus/test.json",)},
    title="FrenchMedMCQA, development and test",
    published_rows=934,
    evaluated_as="frenchmedmcqa",
)
