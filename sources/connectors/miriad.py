"""MIRIAD (Zheng et al. 2025): 4.4 million questions with answers that a model wrote from passages of medical papers.

The passage is the context, the year of the paper the date. Ids may repeat, so file and row number are used.
"""

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import parquet, placed, qa
from sources.source import Raw, Source

ABOUT = ("qa_id", "paper_id", "paper_title", "paper_url", "venue", "specialty")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft that cites its paper."""
    row = raw.value
    draft = qa(placed(raw, file), row["question"], row["answer"], context=row["passage_text"])
    draft.meta, draft.date = {name: row.get(name) for name in ABOUT}, parse_date(row["year"])
    return draft


MIRIAD = Source(
    name="miriad",
    title="MIRIAD 4.4M",
    home="hf://datasets/miriad/miriad-4.4M",
    license="ODC-By-1.0",
    license_read="README of the project, which names ODC-By; the Hub has no tag",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "qa_id": "text*",
        "paper_id": "text*",
        "question": "text",
        "answer": "text",
        "paper_title": "text*",
        "paper_url": "text*",
        "passage_text": "text",
        "year": "number?",
        "venue": "text*",
        "specialty": "text*",
    },
    schema_read=(
        hub_page(
            "miriad/miriad-4.4M",
            "blame/main/README.md",
            "columns",
            "splits",
            result="agrees; 4,487,542 rows, year a float",
        ),
        public_code(
            'load_dataset("miriad/miriad-4.4M", split="train")', "columns", "splits", result="agrees; 49 shards"
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=4_487_542,
    by_name_only=True,
)
