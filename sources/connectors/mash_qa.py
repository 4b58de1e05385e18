"""MASH-QA (Zhu et al. 2020): consumer health questions answered by sentences of one WebMD page, often far apart.

The files are SQuAD-like. Whether an answer's spans share one ``text`` could not be verified: several are joined.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.shapes.row_shapes import numbered, qa, squad
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; one without an answer on the page has none."""
    row = raw.value
    answer = " ".join(span["text"].strip() for span in row["answers"])
    return qa(numbered(raw, file), row["question"], answer, context=row["context"])


MASH_QA = Source(
    name="mash_qa",
    title="MASH-QA, training set",
    home="https://github.com/mingzhu0527/MASHQA",
    license="Apache-2.0",
    license_read="LICENSE of mingzhu0527/MASHQA",
    task="qa",
    lang="en",
    folder="mash_qa",
    files={"train": ("mashqa_data/train_webmd_squad_v2_full.json",)},
    rows=squad,
    parse=parse,
    instruction_subject="consumer health",
)

MASH_QA_HELD_OUT = held_out(
    MASH_QA,
    "mash_qa_held_out",
    {
        "validation": ("mashqa_data/val_webmd_squad_v2_full.json",),
        "test": ("mashqa_data/test_webmd_squad_v2_full.json",),
    },
    title="MASH-QA, validation and test sets",
    evaluated_as="mash_qa",
)
