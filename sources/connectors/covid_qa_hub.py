"""COVID-QA (Moeller et al. 2020) on the Hub, a later and larger edition, one row per question."""

from sources.connectors.covid_qa import draft
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import repository_file
from sources.shapes.row_shapes import parquet
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; its answers are a column of texts and one of positions."""
    answers = raw.value["answers"]
    return draft(raw.value, answers["text"][0], answers["answer_start"][0])


COVID_QA_HUB = Source(
    name="covid_qa_hub",
    title="COVID-QA, later edition",
    home="hf://datasets/deepset/covid_qa_deepset",
    license="Apache-2.0",
    license_read="tag of deepset/covid_qa_deepset",
    task="qa",
    lang="en",
    files={"train": ("covid_qa_deepset/train-*.parquet",)},
    columns={
        "id": "any",
        "question": "text",
        "context": "text",
        "document_id": "any",
        "answers": "object",
        "answers.text": "list",
        "answers.answer_start": "list",
    },
    schema_read=(
        repository_file(
            "tensorflow/datasets",
            "docs/community_catalog/huggingface/covid_qa_deepset.md",
            "columns",
            "splits",
            "license",
            result="agrees; 2,019 rows; names of files not seen",
        ),
    ),
    rows=parquet,
    parse=parse,
    rank=60,
    published_rows=2_019,
    instruction_subject="research on COVID-19",
)
