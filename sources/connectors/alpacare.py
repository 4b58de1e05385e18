"""MedInstruct-52k (Zhang et al. 2023, AlpaCare): medical instructions written by GPT-4; a third has ``<noinput>``."""

from sources.schema.columns import ALPACA, collected_card
from sources.shapes.row_shapes import alpaca, parquet
from sources.source import Source

ALPACARE_MEDINSTRUCT = Source(
    name="alpacare_medinstruct",
    title="MedInstruct-52k",
    home="hf://datasets/lavita/AlpaCare-MedInstruct-52k",
    license="CC-BY-NC-4.0",
    license_read="card of its origin xz97/MedInstruct; this copy states none, the paper of Aloe Beta says Apache-2.0",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns=ALPACA,
    schema_read=(
        collected_card(
            "lavita/AlpaCare-MedInstruct-52k",
            "columns",
            "splits",
            "license",
            result="mended: this copy states no licence, its origin xz97/MedInstruct CC-BY-NC-4.0",
        ),
    ),
    rows=parquet,
    parse=alpaca,
    published_rows=52_002,
)
