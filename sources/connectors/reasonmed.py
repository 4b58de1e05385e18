"""ReasonMed (Sun et al. 2025): questions of MedQA, MedMCQA, PubMedQA and MMLU with reasoning by three models.

MMLU has no training part, so that some questions are a benchmark's: decontamination drops them.
"""

from sources.schema.columns import ALPACA, public_code
from sources.shapes.row_shapes import alpaca, json_rows
from sources.source import Source

REASONMED = Source(
    name="reasonmed",
    title="ReasonMed, reasoning and summary",
    home="hf://datasets/lingshu-medical-mllm/ReasonMed",
    license="Apache-2.0",
    license_read="stated in surveys of the field; the Hub card was not read",
    task="qa",
    lang="en",
    files={"train": ("ReasonMed.json",)},
    columns=ALPACA,
    schema_read=(
        public_code(
            '("lingshu-medical-mllm/ReasonMed", "ReasonMed.json")',
            "columns",
            "splits",
            result="agrees; some 370,000 rows of instruction, input and output",
        ),
    ),
    rows=json_rows,
    parse=alpaca,
    by_name_only=True,
)
