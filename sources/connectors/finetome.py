"""FineTome-100k (Labonne 2024): the best rows of an instruction mix by an educational score."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SHAREGPT, collected_card
from sources.shapes.row_shapes import chat, conversation, parquet, placed
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft with its origin and score."""
    row = raw.value
    return conversation(placed(raw, file), chat(row), meta={"origin": row["source"], "score": row["score"]})


FINETOME = Source(
    name="finetome",
    title="FineTome-100k",
    home="hf://datasets/mlabonne/FineTome-100k",
    license="MIT",
    license_read="paper of Aloe Beta, table of general data, and tag of arcee-ai/The-Tome; its own card states none",
    task="instruction",
    lang="en",
    kind="general",
    files={"train": ("data/train-*.parquet",)},
    columns={**SHAREGPT, "source": "text?", "score": "number?"},
    schema_read=(
        collected_card(
            "mlabonne/FineTome-100k",
            "columns",
            "splits",
            "license",
            result="mended: the card states no licence; arcee-ai/The-Tome, which it was filtered from, is tagged MIT",
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=100_000,
    mix_part="instruction",
)
