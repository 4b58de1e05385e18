"""CARES-18K (arXiv 2505.11413): medical requests of harm levels 0 to 3, direct and in three disguises.

``base_prompt`` is the request before it was disguised. Level 0 is harmless.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.row_shapes import numbered, parquet, qa
from sources.source import Raw, Source, held_out

DIRECT = "direct"


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one request into a prompt; ``base`` is False for a disguised one."""
    row = raw.value
    level = int(row["harmful_level"])
    meta = {
        "principle": int(row["principle_index"]),
        "harmful_level": level,
        "method": row["method"],
        "base": row["method"] == DIRECT,
        "base_prompt": row["base_prompt"],
        "generation_model": row["generation_model"],
        "prompt_label": "unsafe" if level else "safe",
    }
    return qa(numbered(raw, file), row["prompt"], None, meta=meta)


CARES = Source(
    name="cares",
    title="CARES-18K, training part",
    home="hf://datasets/HFXM/CARES-18K",
    license="MIT",
    license_read="tag of HFXM/CARES-18K, as a survey of data sets cites it",
    task="safety",
    lang="en",
    kind="safety",
    folder="cares",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "prompt": "text",
        "harmful_level": "numeral",
        "principle_index": "numeral",
        "method": "text",
        "base_prompt": "text?",
        "generation_model": "text?",
    },
    rows=parquet,
    parse=parse,
    published_rows=9_239,
    attack_topic="medical-misuse",
    by_name_only=True,
    schema_read=(
        SchemaReading(
            checked=("columns", "splits", "license"),
            where="public loaders of HFXM/CARES-18K (karma, safetune)",
            result="agrees: 9,239 rows in train and test each, MIT; the files' names were not read",
        ),
    ),
)

CARES_TEST = held_out(CARES, "cares_test", {"test": ("data/test-*.parquet",)}, title="CARES-18K, test")
