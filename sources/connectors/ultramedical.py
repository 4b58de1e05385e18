"""UltraMedical (Zhang et al. 2024): exam, literature and open questions with long answers written by GPT-4.

``score`` is prose that rates the question's difficulty from 1 to 10. ``answer`` is the letter of an exam question, the
reply of the corpus it came from, or null; the long answer is the conversation's last turn.
"""

import re

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES, hub_page
from sources.shapes.row_shapes import chat, conversation, json_list, parquet, placed
from sources.source import Raw, Source

RATING = re.compile(r"(?:\brat(?:e|ed|ing)\b|\bscore\b)\D{0,60}?\b(10|[1-9])\b", re.IGNORECASE)


def rating(score: str) -> int | None:
    """Return the first rating in the prose of ``score``; None where there is none."""
    found = RATING.search(score)
    return int(found[1]) if found else None


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; the ids of the full set may repeat, so the row number is used."""
    row = raw.value
    meta = {"id": row["id"], "type": row["type"], "reference": row["answer"], "rating": rating(row["score"])}
    return conversation(placed(raw, file), chat(row), meta=meta)


ULTRAMEDICAL_EXAMPLES = Source(
    name="ultramedical_examples",
    title="UltraMedical, 50 examples",
    home="https://github.com/TsinghuaC3I/UltraMedical",
    license="MIT",
    license_read="Hub card of TsinghuaC3I/UltraMedical; the repository has no LICENSE file",
    task="qa",
    lang="en",
    files={"train": ("data/examples.json",)},
    schema_read=(PUBLISHED_FILES,),
    rows=json_list,
    parse=parse,
    published_rows=50,
)

ULTRAMEDICAL = Source(
    name="ultramedical",
    title="UltraMedical",
    home="hf://datasets/TsinghuaC3I/UltraMedical",
    license="MIT",
    license_read="tag of the Hub card",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "id": "text",
        "type": "text?",
        "answer": "text?",
        "score": "text",
        "conversations": "list",
        "conversations.from": "text",
        "conversations.value": "text",
    },
    schema_read=(
        hub_page(
            "TsinghuaC3I/UltraMedical",
            "tree/8930b34/data",
            "splits",
            "license",
            result="agrees; three shards, 410,000 rows, tag mit",
        ),
        hub_page(
            "TsinghuaC3I/UltraMedical", "blob/main/README.md", "columns", "license", result="agrees; 409,593 rows"
        ),
    ),
    rows=parquet,
    parse=parse,
)
