"""Medbullets (Chen et al. 2024): questions in the style of USMLE step 2 and 3, with five options or four of them.

``answer`` is a letter; with four options E is null.
"""

from dataclasses import replace

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.row_shapes import lettered, numbered, parquet
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft."""
    row = raw.value
    options = {name: text or None for name, text in sorted(row["options"].items())}
    rationale = row.get("explanation") or None
    return lettered(numbered(raw, file), row["question"], options, row["answer"].strip(), rationale=rationale)


MEDBULLETS = Benchmark(
    name="medbullets",
    title="Medbullets, five options",
    home="hf://datasets/mkieffer/Medbullets",
    license="LicenseRef-none-stated",
    license_read="none in the card of mkieffer/Medbullets",
    task="mcqa",
    lang="en",
    folder="medbullets",
    files={"test": ("data/op5_test-*.parquet",)},
    columns={"question": "text", "options": "object", "answer": "letter", "explanation": "text*"},
    rows=parquet,
    parse=parse,
    published_rows=308,
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(
            checked=("columns", "gold", "splits"),
            where="MedARC-AI/med-lm-envs: environments/medbullets/medbullets.py",
            result="agrees; the files' names and the explanation were not read",
        ),
    ),
)

MEDBULLETS_4 = replace(
    MEDBULLETS,
    name="medbullets_4_options",
    title="Medbullets, four options",
    files={"test": ("data/op4_test-*.parquet",)},
    variant_of="medbullets",
)
