"""Skywork-Reward-Preference-80K-v0.1 (Liu et al. 2024): pairs chosen from public preference sets.

Its magpie-ultra part overlaps with RewardBench, which is why the authors replaced it by v0.2.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import MESSAGE_PAIR, hub_page, public_code
from sources.shapes.row_shapes import numbered, parquet, preference
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft; ``source`` names its original set."""
    row = raw.value
    return preference(numbered(raw, file), row, meta={"origin": row["source"]})


SKYWORK_PREFERENCE = Source(
    name="skywork_preference",
    title="Skywork-Reward-Preference-80K-v0.1",
    home="hf://datasets/Skywork/Skywork-Reward-Preference-80K-v0.1",
    license="LicenseRef-unknown",
    license_read="paper of Aloe Beta, which could not tell",
    task="preference",
    lang="en",
    kind="preference",
    files={"train": ("data/train-*.parquet",)},
    columns={**MESSAGE_PAIR, "source": "text?"},
    schema_read=(
        public_code(
            'load_dataset("Skywork/Skywork-Reward-Preference-80K-v0.1", split="train")',
            "splits",
            result="agrees; chosen and rejected; source not seen",
        ),
        hub_page(
            "Skywork/Skywork-Reward-Preference-80K-v0.1",
            "tree/main/data",
            "splits",
            "license",
            result="agrees; one shard, no tag of a licence",
        ),
    ),
    rows=parquet,
    parse=parse,
)
