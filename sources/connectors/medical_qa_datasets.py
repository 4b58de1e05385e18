"""The processed configuration of lavita's collection of medical question sets, 239,357 rows of many origins.

Its other 26 configurations are its parts, which have connectors of their own.
"""

from sources.schema.columns import ALPACA, hub_page, public_code
from sources.shapes.row_shapes import alpaca, parquet
from sources.source import Source

MEDICAL_QA_DATASETS = Source(
    name="medical_qa_datasets",
    title="Medical QA datasets, all processed",
    home="hf://datasets/lavita/medical-qa-datasets",
    license="LicenseRef-none-stated",
    license_read="Hub card, which states none",
    task="qa",
    lang="en",
    files={"train": ("all-processed/train-*.parquet",)},
    columns=ALPACA,
    schema_read=(
        public_code('load_dataset("lavita/medical-qa-datasets", "all-processed", split="train")', "columns", "splits"),
        hub_page(
            "lavita/medical-qa-datasets",
            "tree/main/all-processed",
            "splits",
            "license",
            result="agrees; one shard, no tag of a licence",
        ),
    ),
    rows=parquet,
    parse=alpaca,
    published_rows=239_357,
)
