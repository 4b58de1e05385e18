"""MedReason (Wu et al. 2025): medical questions of seven sets with reasoning along paths of a knowledge graph.

``dataset_name`` names the set. MMLU, MedXpertQA and the medical part of HLE are among them, which are benchmarks:
decontamination drops their rows. ``options`` is one text, and part of the question.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import public_code
from sources.shapes.row_shapes import jsonl, numbered, qa
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft: the reasoning is the rationale."""
    row = raw.value
    options = (row.get("options") or "").strip()
    question = f"{row['question']}\n\n{options}" if options else row["question"]
    meta = {"origin": row["dataset_name"], "id": row["id_in_dataset"]}
    return qa(numbered(raw, file), question, row["answer"], rationale=row["reasoning"], meta=meta)


MEDREASON = Source(
    name="medreason",
    title="MedReason",
    home="hf://datasets/UCSC-VLAA/MedReason",
    license="Apache-2.0",
    license_read="tag of the Hub card, as public lists of data sets cite it",
    task="qa",
    lang="en",
    files={"train": ("ours_quality_33000.jsonl",)},
    columns={
        "dataset_name": "text",
        "id_in_dataset": "any",
        "question": "text",
        "answer": "text",
        "reasoning": "text",
        "options": "text*",
    },
    schema_read=(
        public_code(
            'hf_hub_download("UCSC-VLAA/MedReason", "ours_quality_33000.jsonl")',
            "columns",
            "splits",
            "license",
            result="agrees; some 32,700 rows",
        ),
    ),
    rows=jsonl,
    parse=parse,
    by_name_only=True,
)
