"""FrenchMedMCQA (Labrak et al. 2022) on the Hub: one zip archive with a file per split, in the original layout.

The repository's loading script, which recent libraries refuse to run, would turn each option into a column and each
letter into a 0-based label; the archive is read instead.
"""

from collections.abc import Iterator

from sources.connectors.frenchmedmcqa import parse
from sources.files import FileError, RawFile
from sources.formats.archives import zip_member
from sources.formats.json_values import JsonError, parse_json
from sources.schema.columns import public_code
from sources.source import Broken, Raw, Source, held_out

MEMBERS = {"train": "train.json", "validation": "dev.json", "test": "test.json"}


def zipped(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the questions of the archive's member for the file's split, numbered from 1."""
    name = MEMBERS[file.split]
    try:
        rows = parse_json(zip_member(file, name))
    except JsonError as error:
        raise FileError(f"{file.path}: {name} is {error}; fetch it again") from error
    if not isinstance(rows, list):
        raise FileError(f"{file.path}: {name} holds a {type(rows).__name__}, expected a list; fetch it again")
    return (Raw(number, row) for number, row in enumerate(rows, 1))


FRENCHMEDMCQA_HUB = Source(
    name="frenchmedmcqa_hub",
    title="FrenchMedMCQA, Hub",
    home="hf://datasets/qanastek/frenchmedmcqa",
    license="Apache-2.0",
    license_read="tag of qanastek/frenchmedmcqa",
    task="mcqa",
    lang="fr",
    folder="frenchmedmcqa_hub",
    files={"train": ("DEFT-2023-FULL.zip",)},
    columns={
        "id": "text",
        "question": "text",
        "answers": "object",
        "correct_answers": "list",
        "subject_name": "text*",
        "type": "text*",
    },
    schema_read=(
        public_code(
            'hf_hub_download("qanastek/frenchmedmcqa", "DEFT-2023-FULL.zip")',
            "columns",
            "gold",
            "splits",
            result="agrees; the files are at the root of the archive",
        ),
        public_code('_LICENSE = "Apache License 2.0" of the loading script', "license"),
    ),
    rows=zipped,
    parse=parse,
    rank=60,
    published_rows=2_171,
)

FRENCHMEDMCQA_HUB_HELD_OUT = held_out(
    FRENCHMEDMCQA_HUB,
    "frenchmedmcqa_hub_held_out",
    {"validation": ("DEFT-2023-FULL.zip",), "test": ("DEFT-2023-FULL.zip",)},
    title="FrenchMedMCQA, Hub, development and test",
    published_rows=934,
    evaluated_as="frenchmedmcqa",
)
