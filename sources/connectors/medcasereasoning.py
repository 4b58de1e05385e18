"""MedCaseReasoning (Wu et al. 2025): case reports up to the diagnosis; the reply must name it.

The dataset is CC BY 4.0 by its authors and tagged MIT: the stricter one binds.
"""

from sources.files import RawFile
from sources.license import StatedLicense
from sources.record import Draft
from sources.schema.columns import SchemaReading
from sources.shapes.row_shapes import parquet, qa
from sources.source import Raw, Source, held_out

ASKED = "What is the most likely diagnosis?"


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one case into an open question; PubMed Central's number is its id."""
    row = raw.value
    rationale = row["diagnostic_reasoning"] or None
    return qa(
        f"{file.split}-{row['pmcid']}", f"{row['case_prompt']}\n\n{ASKED}", row["final_diagnosis"], rationale=rationale
    )


MEDCASEREASONING_TRAIN = Source(
    name="medcasereasoning_train",
    title="MedCaseReasoning, training part",
    home="hf://datasets/zou-lab/MedCaseReasoning",
    license="CC-BY-4.0",
    license_read="README of kevinwu23/Stanford-MedCaseReasoning; the Hub's tag is MIT: the stricter holds",
    stated_licenses=(
        StatedLicense(license="CC-BY-4.0", where="README of kevinwu23/Stanford-MedCaseReasoning"),
        StatedLicense(license="MIT", where="tag of zou-lab/MedCaseReasoning"),
    ),
    task="diagnosis",
    lang="en",
    folder="medcasereasoning",
    files={"train": ("data/train-*.parquet",)},
    columns={"pmcid": "any", "case_prompt": "text", "diagnostic_reasoning": "text?", "final_diagnosis": "text"},
    rows=parquet,
    parse=parse,
    published_rows=13_092,
    by_name_only=True,
    schema_read=(
        SchemaReading(
            checked=("columns",), where="MedARC-AI/med-lm-envs: environments/medcasereasoning/medcasereasoning.py"
        ),
        SchemaReading(
            checked=("splits", "license"),
            where="kevinwu23/Stanford-MedCaseReasoning: README.md",
            result="13,092, 500 and 897 cases by split; MIT and CC BY 4.0 are both claimed: the stricter",
        ),
    ),
)

MEDCASEREASONING = held_out(
    MEDCASEREASONING_TRAIN,
    "medcasereasoning",
    {"validation": ("data/val-*.parquet",), "test": ("data/test-*.parquet",)},
    title="MedCaseReasoning, validation and test",
    published_rows=1_397,
)
