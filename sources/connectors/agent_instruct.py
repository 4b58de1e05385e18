"""AgentInstruct (Zeng et al. 2023): trajectories of an agent in six environments, each a split of its own."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SHAREGPT, collected_card, hub_page
from sources.shapes.row_shapes import chat, conversation, parquet, placed
from sources.source import Raw, Source

ENVIRONMENTS = ("os", "db", "alfworld", "webshop", "kg", "mind2web")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one trajectory into a draft; ``loss`` of each turn is left out."""
    row = raw.value
    return conversation(placed(raw, file), chat(row), meta={"id": row["id"]})


AGENT_INSTRUCT = Source(
    name="agent_instruct",
    title="AgentInstruct",
    home="hf://datasets/THUDM/AgentInstruct",
    license="LicenseRef-unknown",
    license_read="paper of Aloe Beta, which could not tell",
    task="function-calling",
    lang="en",
    kind="general",
    files={name: (f"data/{name}-*.parquet",) for name in ENVIRONMENTS},
    columns={**SHAREGPT, "id": "text?"},
    schema_read=(
        collected_card("THUDM/AgentInstruct", "license", "splits", result="agrees; 1,866 rows, no licence is stated"),
        hub_page(
            "dim/thudn_agent_instruct",
            "blob/main/README.md",
            "columns",
            result="agrees; a copy of its 1,866 rows in one split",
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=1_866,
)
