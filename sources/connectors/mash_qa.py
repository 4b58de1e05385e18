"""MASH-QA (Zhu et al. 2020): consumer health questions answered by sentences of one WebMD page, often far apart.

The files are SQuAD-like: a question has one answer, whose ``answer_span`` numbers its sentences; several are joined.
The repository's licence is of its code; the archive of questions and WebMD's pages lies elsewhere, without one.
"""

from sources.files import RawFile
from sources.license import StatedLicense
from sources.record import Draft
from sources.schema.columns import SchemaReading, public_code, repository_file
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
    license="LicenseRef-none-stated",
    license_read="none stated for the archive of WebMD's pages, which the repository links; Apache-2.0 is of its code, "
    "and in the paper of Aloe Beta: the stricter holds",
    stated_licenses=(
        StatedLicense(license="Apache-2.0", where="LICENSE of mingzhu0527/MASHQA, of its code, as users cite it"),
        StatedLicense(license="Apache-2.0", where="paper of Aloe Beta, table of medical data"),
        StatedLicense(license="LicenseRef-none-stated", where="README of mingzhu0527/MASHQA, which links the archive"),
    ),
    task="qa",
    lang="en",
    folder="mash_qa",
    files={"train": ("mashqa_data/train_webmd_squad_v2_full.json",)},
    schema_read=(
        public_code(
            'FILE_PATH = "mashqa_data/train_webmd_squad_v2_full.json"',
            "columns",
            "splits",
            result="agrees; one answer a question, asserted for the whole training file",
        ),
        public_code('open("test_webmd_squad_v2_full.json"): answer["text"]', "columns", "splits"),
        public_code('MASH_NAMES: train, val and test "_webmd_squad_v2_full.json"', "splits"),
        repository_file(
            "mingzhu0527/MASHQA",
            "README.md",
            "license",
            result="mended: none is stated for the archive, which it links; was Apache-2.0",
        ),
        public_code(
            "notes on external rationale data from CoQA, MASH-QA and SIMORD",
            "license",
            result="Apache-2.0 is the code's; the data's own terms are not stated",
        ),
        SchemaReading(
            checked=("license",),
            where="paper of Aloe Beta (arXiv 2505.04388), table A1",
            result="in conflict: Apache-2.0",
        ),
    ),
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
