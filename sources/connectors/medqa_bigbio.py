"""MedQA (Jin et al. 2020) with five options in BigBio's repository: an archive in the original layout, and a script.

The script would turn options into keys and values; recent libraries refuse to run it, so the archive is read instead.
"""

from collections.abc import Iterator

from sources.connectors.medqa import parse
from sources.files import RawFile
from sources.formats.archives import zip_member
from sources.formats.json_values import JsonError, parse_json
from sources.schema.columns import collected_card, public_code, repository_file
from sources.source import Broken, Raw, Source, held_out

ARCHIVE = "data_clean.zip"
MEMBERS = {"train": "train.jsonl", "validation": "dev.jsonl", "test": "test.jsonl"}


def zipped(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the questions of the archive's English member for the file's split, one a line."""
    content = zip_member(file, f"data_clean/questions/US/{MEMBERS[file.split]}")
    for number, line in enumerate(content.splitlines(), 1):
        try:
            yield Raw(number, parse_json(line))
        except JsonError as error:
            yield Broken(number, str(error), line.decode(errors="backslashreplace"))


MEDQA_BIGBIO = Source(
    name="medqa_bigbio",
    title="MedQA-USMLE, five options",
    home="hf://datasets/bigbio/med_qa",
    license="LicenseRef-unknown",
    license_read="card of bigbio/med_qa says UNKNOWN; jind11/MedQA is MIT",
    task="mcqa",
    lang="en",
    folder="medqa_bigbio",
    files={"train": (ARCHIVE,)},
    columns={
        "question": "text",
        "options": "object",
        "options.A": "text",
        "answer_idx": "text",
        "meta_info": "text?",
    },
    schema_read=(
        repository_file(
            "bigscience-workshop/biomedical", "bigbio/hub/hub_repos/med_qa/med_qa.py", "columns", "gold", "license"
        ),
        public_code(
            'hf_hub_download("bigbio/med_qa", "data_clean.zip")',
            "splits",
            result="mended: the parquet files that were read are not there, only the archive and a script",
        ),
        collected_card("GBaker/MedQA-USMLE-4-options", "license", result="its neighbour: a script, licence unknown"),
    ),
    rows=zipped,
    parse=parse,
    rank=60,
    published_rows=10_178,
    chain_prompt="medqa",
    instruction_subject="the medical licensing examination",
)

MEDQA_BIGBIO_HELD_OUT = held_out(
    MEDQA_BIGBIO,
    "medqa_bigbio_held_out",
    {"validation": (ARCHIVE,), "test": (ARCHIVE,)},
    title="MedQA-USMLE, five options, validation and test",
    published_rows=2_545,
    evaluated_as="medqa_5_options",
)
