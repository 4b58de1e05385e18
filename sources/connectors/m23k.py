"""m23k (Huang et al. 2025, m1): questions of medical exams with DeepSeek-R1's reasoning, chosen for difficulty.

The prompt has the options; ``answer_string`` is the right answer, the reply of the model the one trained on.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
from sources.shapes.row_shapes import numbered, parquet, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft: the reasoning is the rationale, the distilled reply the answer."""
    row = raw.value
    meta = {"origin": row.get("source"), "reference": row.get("answer_string")}
    return qa(numbered(raw, file), row["prompt"], row["distilled_answer_string"], rationale=row["reasoning"], meta=meta)


M23K = Source(
    name="m23k",
    title="m23k",
    home="hf://datasets/UCSC-VLAA/m23k-tokenized",
    license="LicenseRef-none-stated",
    license_read="public lists of data sets, which found none stated on the Hub",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "prompt": "text",
        "reasoning": "text?",
        "distilled_answer_string": "text",
        "source": "text*",
        "answer_string": "text*",
    },
    schema_read=(
        public_code(
            'load_dataset("UCSC-VLAA/m23k-tokenized", split="train")',
            "columns",
            "license",
            result="agrees; 23,493 rows; names of files not seen",
        ),
    ),
    rows=parquet,
    parse=parse,
    published_rows=23_493,
    by_name_only=True,
)
