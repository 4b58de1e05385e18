"""Infinity-Preference (BAAI 2024): pairs by Gemma-2-9B-IT that a reward model ranked, in English and Chinese."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import MESSAGE_PAIR, collected_card
from sources.shapes.row_shapes import numbered, parquet, preference
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft."""
    row = raw.value
    return preference(numbered(raw, file), row, meta={"id": row["id"], "category": row["task_category"]})


INFINITY_PREFERENCE = Source(
    name="infinity_preference",
    title="Infinity-Preference, training pairs",
    home="hf://datasets/BAAI/Infinity-Preference",
    license="LicenseRef-research-only",
    license_read="Hub card, whose text limits use to academic research, against its tag Apache-2.0",
    task="preference",
    lang="en",
    kind="preference",
    folder="infinity_preference",
    files={"train": ("train-*.parquet",)},
    columns={**MESSAGE_PAIR, "id": "any", "task_category": "text?"},
    schema_read=(
        collected_card(
            "BAAI/Infinity-Preference",
            "columns",
            "splits",
            "license",
            result="agrees; the text of the card limits its tag apache-2.0 to academic research",
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=59_338,
)

INFINITY_PREFERENCE_TEST = held_out(
    INFINITY_PREFERENCE,
    "infinity_preference_test",
    {"test": ("test-*.parquet",)},
    title="Infinity-Preference, test pairs",
    published_rows=100,
)
