"""II-Medical-Reasoning-SFT (Intelligent Internet 2025): replies with reasoning, several a question.

It contains m23k and Medical-R1-Distill-Data, and answers to questions of MedMCQA, MedQA and PubMedQA; ``model`` names
who answered.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import CHAT, hub_page
from sources.shapes.row_shapes import chat, conversation, parquet, placed
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft with the model that answered."""
    row = raw.value
    return conversation(placed(raw, file), chat(row), meta={"model": row["model"]})


II_MEDICAL = Source(
    name="ii_medical",
    title="II-Medical-Reasoning-SFT",
    home="hf://datasets/Intelligent-Internet/II-Medical-Reasoning-SFT",
    license="LicenseRef-none-stated",
    license_read="Hub card, which states none",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={**CHAT, "model": "text?"},
    schema_read=(
        hub_page(
            "Intelligent-Internet/II-Medical-Reasoning-SFT",
            "blob/main/README.md",
            "columns",
            "splits",
            "license",
            result="agrees; 2,197,741 rows; no licence is stated",
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=2_197_741,
    by_name_only=True,
)
