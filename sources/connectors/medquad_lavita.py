"""MedQuAD (Ben Abacha and Demner-Fushman 2019) on the Hub, all collections; two thirds of the answers are removed."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import collected_card
from sources.shapes.row_shapes import numbered, parquet, qa
from sources.source import Raw, Source

ABOUT = {
    "qtype": "question_type",
    "source": "document_source",
    "url": "document_url",
    "focus": "question_focus",
    "semantic_group": "umls_semantic_group",
    "synonyms": "synonyms",
    "cuis": "umls_cui",
    "semantic_types": "umls_semantic_types",
    "category": "category",
    "document": "document_id",
    "question": "question_id",
}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; ids of documents and questions repeat, so split and row number are used."""
    row = raw.value
    answer = row["answer"] if (row["answer"] or "").strip() else None
    return qa(numbered(raw, file), row["question"], answer, meta={name: row[field] for name, field in ABOUT.items()})


MEDQUAD_LAVITA = Source(
    name="medquad_lavita",
    title="MedQuAD, all collections",
    home="hf://datasets/lavita/MedQuAD",
    revision="84ea67f83cec9692ad254eaa02c9731b24ecfe4c",
    license="CC-BY-4.0",
    license_read="LICENSE.txt of abachaa/MedQuAD; lavita/MedQuAD states none",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={
        "question": "text",
        "answer": "text?",
        "question_type": "text?",
        "document_source": "text?",
        "document_url": "text?",
        "question_focus": "text?",
        "umls_semantic_group": "text?",
        "synonyms": "text?",
        "umls_cui": "text?",
        "umls_semantic_types": "text?",
        "category": "text?",
        "document_id": "text?",
        "question_id": "text?",
    },
    schema_read=(
        collected_card(
            "lavita/MedQuAD", "columns", "splits", "license", result="agrees; 47,441 rows; no licence is stated"
        ),
    ),
    rows=parquet,
    parse=parse,
    repairs=frozenset({"flattened_lists", "spaced_punctuation"}),
    rank=60,
    published_rows=47_441,
    instruction_subject="consumer health",
)
