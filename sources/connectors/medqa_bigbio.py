"""MedQA (Jin et al. 2020) with five options in BigBio's source schema; options are key and value, answers keys."""

from sources.files import RawFile
from sources.record import Draft
from sources.shapes.row_shapes import lettered, numbered, parquet
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; it has no id, so split and row number are used."""
    row = raw.value
    options = {option["key"]: option["value"] for option in row["options"]}
    meta = {"meta_info": row["meta_info"]}
    return lettered(numbered(raw, file), row["question"], options, row["answer_idx"], meta=meta)


MEDQA_BIGBIO = Source(
    name="medqa_bigbio",
    title="MedQA-USMLE, five options",
    home="hf://datasets/bigbio/med_qa",
    license="LicenseRef-unknown",
    license_read="card of bigbio/med_qa says UNKNOWN; jind11/MedQA is MIT",
    task="mcqa",
    lang="en",
    folder="medqa_bigbio",
    files={"train": ("med_qa_en_source/train-*.parquet",)},
    rows=parquet,
    parse=parse,
    rank=60,
    published_rows=10_178,
    chain_prompt="medqa",
    instruction_subject="the medical licensing examination",
)

MEDQA_BIGBIO_HELD_OUT = held_out(
    MEDQA_BIGBIO,
    "medqa_bigbio_held_out",
    {"validation": ("med_qa_en_source/validation-*.parquet",), "test": ("med_qa_en_source/test-*.parquet",)},
    title="MedQA-USMLE, five options, validation and test",
    published_rows=2_545,
    evaluated_as="medqa_5_options",
)
