"""UltraFeedback, binarised (Cui et al. 2024; Tunstall et al. 2023): pairs ranked by GPT-4's scores.

Both scores are in ``meta``; where they are equal, the order means nothing.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import MESSAGE_PAIR, collected_card
from sources.shapes.row_shapes import numbered, parquet, preference
from sources.source import Raw, Source, held_out

KEPT = ("prompt_id", "score_chosen", "score_rejected")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft with both scores."""
    row = raw.value
    return preference(numbered(raw, file), row, meta={name: row[name] for name in KEPT})


ULTRAFEEDBACK = Source(
    name="ultrafeedback",
    title="UltraFeedback binarised, training pairs",
    home="hf://datasets/HuggingFaceH4/ultrafeedback_binarized",
    revision="3949bf5f8c17c394422ccfab0c31ea9c20bdeb85",
    license="MIT",
    license_read="tag of the Hub card",
    task="preference",
    lang="en",
    kind="preference",
    folder="ultrafeedback",
    files={"train": ("data/train_prefs-*.parquet",)},
    columns={**MESSAGE_PAIR, "prompt_id": "text?", "score_chosen": "number?", "score_rejected": "number?"},
    schema_read=(collected_card("HuggingFaceH4/ultrafeedback_binarized", "columns", "splits", "license"),),
    rows=parquet,
    parse=parse,
    published_rows=61_135,
)

ULTRAFEEDBACK_TEST = held_out(
    ULTRAFEEDBACK,
    "ultrafeedback_test",
    {"test": ("data/test_prefs-*.parquet",)},
    title="UltraFeedback binarised, test pairs",
    published_rows=2_000,
)
