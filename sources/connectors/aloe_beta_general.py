"""The general training data of Aloe Beta (Garcia-Gasulla et al. 2025), one file per origin.

The card's tag is Apache-2.0; rows keep the licence of their origin. Turns should be by human, gpt and system; the
field names could not be verified.
"""

from pathlib import PurePosixPath

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page
from sources.shapes.row_shapes import json_rows, sft
from sources.source import Raw, Source

LICENSES = {
    "AgentInstruct": "LicenseRef-unknown",
    "FineTome-100k": "MIT",
    "LongAlign-10k": "Apache-2.0",
    "LongCite-45K_1": "Apache-2.0",
    "LongCite-45K_2": "Apache-2.0",
    "LongCite-45K_3": "Apache-2.0",
    "LongCite-45K_4": "Apache-2.0",
    "LongWriter-6k": "Apache-2.0",
    "Magpie-Llama-3.1-Pro-MT-300K-Filtered_120k": "LicenseRef-llama-3.1-community",
    "hermes-function-calling-v1": "Apache-2.0",
    "magpie-ultra-v0.1": "LicenseRef-llama-3.1-community",
    "xlam-function-calling-60k": "CC-BY-4.0",
}
"""The files, each named after its origin, and that origin's licence."""


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one general row into a draft under the licence of its origin."""
    draft = sft(raw, file)
    origin = PurePosixPath(file.name).name.removesuffix(".json")
    draft.license, draft.meta = LICENSES[origin], {"origin": origin}
    return draft


ALOE_BETA_GENERAL = Source(
    name="aloe_beta_general",
    title="Aloe Beta, general collection",
    home="hf://datasets/HPAI-BSC/Aloe-Beta-General-Collection",
    license="MIT",
    license_read="the freest of its files', whose rows keep their origin's as the paper's table gives it; Hub tag "
    "Apache-2.0",
    task="instruction",
    lang="en",
    kind="general",
    files={"train": tuple(f"{origin}.json" for origin in LICENSES)},
    columns={"conversations": "list*", "messages": "list*", "instruction": "text*"},
    schema_read=(
        hub_page(
            "HPAI-BSC/Aloe-Beta-General-Collection",
            "tree/b45d5ab",
            "splits",
            "license",
            result="agrees; eleven of the twelve names were seen; tag apache-2.0, which the origins do not share",
        ),
    ),
    rows=json_rows,
    parse=parse,
    mix_part="instruction",
)
