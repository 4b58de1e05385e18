"""Medical-Reasoning-SFT-Mega (OpenMed 2026): conversations with the reasoning of seven models to medical questions.

The assistant's turn has its reasoning in a field of its own. The licence was read nowhere.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import CHAT, public_code
from sources.shapes.row_shapes import chat, conversation, parquet, placed
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft: the reasoning of its last turn is the rationale."""
    row = raw.value
    reasoning = row["messages"][-1].get("reasoning_content") if row["messages"] else None
    return conversation(placed(raw, file), chat(row), rationale=reasoning or None)


OPENMED_REASONING = Source(
    name="openmed_reasoning",
    title="Medical-Reasoning-SFT-Mega",
    home="hf://datasets/OpenMed/Medical-Reasoning-SFT-Mega",
    license="LicenseRef-unknown",
    license_read="not read",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={**CHAT, "messages.reasoning_content": "text*"},
    schema_read=(
        public_code(
            'load_dataset("OpenMed/Medical-Reasoning-SFT-Mega", split="train")',
            "columns",
            result="agrees; messages; names of files not seen",
        ),
    ),
    rows=parquet,
    parse=parse,
    by_name_only=True,
)
