"""The instructions of PMC-LLaMA (Wu et al. 2024): exam questions, abstracts and relations of the UMLS.

``source`` names the part; those from MedQA, MedMCQA and PubMedQA are training rows of these benchmarks.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import ALPACA, collected_card
from sources.shapes.row_shapes import instructed, json_rows, numbered
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one Alpaca row into a draft with the name of its part."""
    row = raw.value
    meta = {"origin": row["source"], "sample_id": row["sample_id"]}
    return instructed(numbered(raw, file), row["instruction"], row["input"], row["output"], meta=meta)


PMC_LLAMA_INSTRUCTIONS = Source(
    name="pmc_llama_instructions",
    title="PMC-LLaMA instructions",
    home="hf://datasets/axiong/pmc_llama_instructions",
    revision="5142689a3888786db7d376e60c16c5c1e7201191",
    license="LicenseRef-openrail",
    license_read="tag openrail of the Hub card",
    task="qa",
    lang="en",
    files={"train": ("release.json",)},
    columns={**ALPACA, "source": "text?", "sample_id": "any?"},
    schema_read=(
        collected_card(
            "axiong/pmc_llama_instructions", "columns", "splits", "license", result="agrees; 513,999 rows, tag openrail"
        ),
    ),
    rows=json_rows,
    parse=parse,
    published_rows=513_999,
)
