"""MMLU (Hendrycks et al. 2021), 57 subjects, csv without a header; answers are letters.

``dev`` is the five examples per subject used in prompts, so it is kept separate from ``validation``. Ten items of the
test of ``professional_medicine`` depend on an exhibit that is not in the text.
"""

from pathlib import PurePosixPath

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import bare_table, letter, mcq
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row (question, four options, letter) into a draft; file and line are its id."""
    if len(raw.value) != 6:
        raise ValueError(f"{len(raw.value)} cells, expected 6: question, A, B, C, D, answer")
    question, *options, right = raw.value
    stem = PurePosixPath(file.name).stem
    return mcq(
        f"{stem}-{raw.line}", question, options, letter(right, "ABCD"), meta={"subject": stem.rpartition("_")[0]}
    )


MEDICAL_SUBJECTS = (
    "anatomy",
    "clinical_knowledge",
    "college_biology",
    "college_medicine",
    "medical_genetics",
    "professional_medicine",
)
"""The subjects of MMLU that MultiMedQA contains."""

MMLU = Benchmark(
    name="mmlu",
    title="MMLU, 57 subjects",
    home="https://github.com/hendrycks/test",
    license="MIT",
    license_read="LICENSE of hendrycks/test",
    task="mcqa",
    lang="en",
    folder="mmlu",
    files={"dev": ("data/dev/*.csv",), "validation": ("data/val/*.csv",), "test": ("data/test/*.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=bare_table,
    parse=parse,
    published_rows=15_906,
    subset_field="subject",
    likelihood_prompt="subject_choice",
    parts_evaluated_as={"mmlu_medical": MEDICAL_SUBJECTS},
)
