"""medical-o1-reasoning-SFT (Chen et al. 2024, HuatuoGPT-o1): verifiable medical problems with GPT-4o's reasoning."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import json_rows, numbered, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one problem into a draft: the chain of thought is the rationale, the final reply the answer."""
    row = raw.value
    return qa(numbered(raw, file), row["Question"], row["Response"], rationale=row["Complex_CoT"])


MEDICAL_O1 = Source(
    name="medical_o1",
    title="medical-o1-reasoning-SFT, English",
    home="hf://datasets/FreedomIntelligence/medical-o1-reasoning-SFT",
    license="Apache-2.0",
    license_read="tag of the Hub card",
    task="qa",
    lang="en",
    files={"train": ("medical_o1_sft.json",)},
    columns={"Question": "text", "Complex_CoT": "text?", "Response": "text"},
    schema_read=(
        hub_page(
            "FreedomIntelligence/medical-o1-reasoning-SFT",
            "tree/main",
            "splits",
            "license",
            result="agrees; medical_o1_sft.json, tag apache-2.0",
        ),
        public_code('x["Complex_CoT"] and x["Response"] of FreedomIntelligence/medical-o1-reasoning-SFT', "columns"),
    ),
    rows=json_rows,
    parse=parse,
    published_rows=19_704,
)
