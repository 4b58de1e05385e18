"""MedQA (Jin et al. 2020), English USMLE questions, development and test sets with five and with four options.

Answers are letters, and the letter of a question changes between the two.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import jsonl, lettered, numbered
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one line into a draft; it has no id, so split and line are used."""
    row = raw.value
    meta = {"meta_info": row["meta_info"]}
    return lettered(numbered(raw, file), row["question"], row["options"], row["answer_idx"], meta=meta)


def _medqa(name: str, title: str, path: str, evaluated_as: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        home="https://github.com/jind11/MedQA",
        license="MIT",
        license_read="LICENSE of jind11/MedQA; copies on the Hub say CC-BY-4.0 (GBaker) and UNKNOWN (bigbio)",
        task="mcqa",
        lang="en",
        folder="medqa",
        files={"validation": (path.format("dev"),), "test": (path.format("test"),)},
        schema_read=(PUBLISHED_FILES,),
        rows=jsonl,
        parse=parse,
        published_rows=2_545,
        evaluated_as=evaluated_as,
        subset_field="meta_info",
        multimedqa=evaluated_as == "medqa",
    )


MEDQA = _medqa("medqa", "MedQA-USMLE, five options", "data_clean/questions/US/{}.jsonl", "medqa_5_options")
MEDQA_4_OPTIONS = _medqa(
    "medqa_4_options",
    "MedQA-USMLE, four options",
    "data_clean/questions/US/4_options/phrases_no_exclude_{}.jsonl",
    "medqa",
)
