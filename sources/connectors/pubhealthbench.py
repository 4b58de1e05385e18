"""PubHealthBench (Harris et al. 2025): questions on guidance of the UK Health Security Agency.

``answer_index`` is 0-based. 760 of the questions were reviewed by people and are the ones that reports use.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, SchemaReading, public_code
from sources.shapes.row_shapes import mcq, numbered, parquet
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft."""
    row = raw.value
    meta = {"category": row.get("category")}
    return mcq(numbered(raw, file), row["question"], row["options"], row["answer_index"], meta=meta)


PUBHEALTHBENCH = Benchmark(
    name="pubhealthbench",
    title="PubHealthBench",
    home="hf://datasets/Joshua-Harris/PubHealthBench",
    license="CC-BY-4.0",
    license_read="the card, as its users cite it; passages of the guidance are under the Open Government Licence",
    task="mcqa",
    lang="en",
    files={
        "validation": ("data/validation-*.parquet",),
        "test": ("data/test-*.parquet",),
        "reviewed": ("data/reviewed-*.parquet",),
    },
    columns={"question": "text", "options": "list", "answer_index": "integer", "category": "text*"},
    gold=GoldColumn(name="answer_index", base=0, options="options"),
    rows=parquet,
    parse=parse,
    published_rows=8_850,
    evaluated_split="reviewed",
    subset_field="category",
    likelihood_prompt="listed_choice",
    schema_read=(
        SchemaReading(
            checked=("columns", "gold", "splits"),
            where="MedARC-AI/med-lm-envs: environments/pubhealthbench/pubhealthbench/pubhealthbench.py",
            result="agrees: 760 reviewed, 7,929 test, 161 validation; the files' names were not read",
        ),
        public_code(
            "notes on pinned rows of Joshua-Harris/PubHealthBench",
            "license",
            result="agrees; CC BY 4.0 by its card, source_chunk_text, which is not read, under OGL v3",
        ),
    ),
)
