"""Magpie (Xu et al. 2024): instructions that Llama-3.1 wrote from an empty prompt, with its replies.

magpie-ultra is by the 405B model, single-turn; Pro-MT by the 70B model, in several turns, of which Aloe took 120,000.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SHAREGPT, hub_page, public_code
from sources.shapes.row_shapes import chat, conversation, parquet, placed, qa
from sources.source import Raw, Source


def parse_ultra(raw: Raw, file: RawFile) -> Draft:
    """Turn one instruction into a draft."""
    row = raw.value
    return qa(placed(raw, file), row["instruction"], row["response"])


def parse_turns(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft."""
    return conversation(placed(raw, file), chat(raw.value))


MAGPIE_ULTRA = Source(
    name="magpie_ultra",
    title="magpie-ultra-v0.1",
    home="hf://datasets/argilla/magpie-ultra-v0.1",
    license="LicenseRef-llama-3.1-community",
    license_read="tag of the Hub card",
    task="instruction",
    lang="en",
    kind="general",
    files={"train": ("data/train-*.parquet",)},
    columns={"instruction": "text", "response": "text"},
    schema_read=(
        public_code('load_dataset("argilla/magpie-ultra-v0.1", split="train")', "columns", "splits"),
        hub_page(
            "argilla/magpie-ultra-v0.1",
            "tree/c822353/data",
            "splits",
            "license",
            result="agrees; two shards, tag llama3.1",
        ),
    ),
    rows=parquet,
    parse=parse_ultra,
    mix_part="instruction",
)

MAGPIE_PRO_MT = Source(
    name="magpie_pro_mt",
    title="Magpie-Llama-3.1-Pro-MT-300K-Filtered",
    home="hf://datasets/Magpie-Align/Magpie-Llama-3.1-Pro-MT-300K-Filtered",
    license="LicenseRef-llama-3.1-community",
    license_read="tag of the Hub card",
    task="instruction",
    lang="en",
    kind="general",
    files={"train": ("data/train-*.parquet",)},
    columns=SHAREGPT,
    schema_read=(
        public_code(
            'load_dataset("Magpie-Align/Magpie-Llama-3.1-Pro-MT-300K-Filtered", split="train")', "columns", "splits"
        ),
        hub_page(
            "Magpie-Align/Magpie-Llama-3.1-Pro-MT-300K-Filtered",
            "tree/main/data",
            "splits",
            "license",
            result="agrees; six shards, tag llama3.1",
        ),
    ),
    rows=parquet,
    parse=parse_turns,
    mix_part="instruction",
)
