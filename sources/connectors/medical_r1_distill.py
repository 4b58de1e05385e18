"""Medical-R1-Distill-Data (Chen et al. 2025): DeepSeek-R1's reasoning and replies to HuatuoGPT-o1's problems."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
from sources.shapes.row_shapes import json_rows, numbered, qa
from sources.source import Raw, Source

REASONING, RESPONSE = "reasoning (reasoning_content)", "response (content)"


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one problem into a draft: the reasoning is the rationale, the reply the answer."""
    row = raw.value
    return qa(numbered(raw, file), row["question"], row[RESPONSE], rationale=row[REASONING])


MEDICAL_R1_DISTILL = Source(
    name="medical_r1_distill",
    title="Medical-R1-Distill-Data",
    home="hf://datasets/FreedomIntelligence/Medical-R1-Distill-Data",
    license="Apache-2.0",
    license_read="tag of the Hub card, as public lists of data sets cite it",
    task="qa",
    lang="en",
    files={"train": ("medical_r1_distill_sft.json",)},
    columns={"question": "text", REASONING: "text?", RESPONSE: "text"},
    schema_read=(
        public_code(
            'load_dataset("FreedomIntelligence/Medical-R1-Distill-Data", "en", split="train")',
            "columns",
            "license",
            result="agrees; the two long names are the file's, not reasoning and response",
        ),
        public_code("snapshots/3491dee/medical_r1_distill_sft.json", "splits", result="agrees; some 22,000 rows"),
    ),
    rows=json_rows,
    parse=parse,
    by_name_only=True,
)
