"""Fully Open Meditron (EPFL LiGHT 2026): public question sets, and questions, guideline answers and cases by a model.

``curated_qa`` has training rows of MedQA, MedMCQA, PubMedQA and others, the other folders rows by gpt-oss-120b. The
copy ``npario/fully-open-meditron`` states a freer licence than its original, which gives nobody that right.
"""

from pathlib import PurePosixPath

from sources.files import RawFile
from sources.license import StatedLicense
from sources.record import Draft
from sources.schema.columns import hub_page
from sources.shapes.row_shapes import chat, conversation, parquet, placed
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft with the name of its component, the folder of its file."""
    component = PurePosixPath(file.name).parent.name
    return conversation(placed(raw, file), chat(raw.value), meta={"component": component})


FULLY_OPEN_MEDITRON = Source(
    name="fully_open_meditron",
    title="Fully Open Meditron",
    home="hf://datasets/EPFLiGHT/fully-open-meditron",
    license="CC-BY-NC-4.0",
    license_read="card of EPFLiGHT/fully-open-meditron; the copy npario/fully-open-meditron states Apache-2.0, which "
    "its original does not grant: the stricter holds",
    stated_licenses=(
        StatedLicense(license="CC-BY-NC-4.0", where="card of EPFLiGHT/fully-open-meditron, the original"),
        StatedLicense(
            license="Apache-2.0",
            where="card of npario/fully-open-meditron, a duplicate",
            copy="npario/fully-open-meditron",
        ),
        StatedLicense(
            license="CC-BY-NC-4.0",
            where="card of meditron-fo-anon/fully-open-meditron, its anonymous submission",
            copy="meditron-fo-anon/fully-open-meditron",
        ),
    ),
    task="qa",
    lang="en",
    files={"train": ("data/*/train-*.parquet",)},
    columns={"conversations": "list*", "messages": "list*"},
    schema_read=(
        hub_page(
            "EPFLiGHT/fully-open-meditron",
            "blob/main/README.md",
            "license",
            result="agrees; turns by system, user and assistant, whose column was not seen",
        ),
        hub_page(
            "EPFLiGHT/fully-open-meditron",
            "commit/dce5944",
            "splits",
            result="agrees; one folder a component, 601,346 rows",
        ),
        hub_page(
            "npario/fully-open-meditron",
            "discussions",
            "license",
            result="in conflict: a duplicate of the original, tagged apache-2.0",
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=601_346,
    by_name_only=True,
)
