"""PubMedQA (Jin et al. 2019) on the Hub: abstracts labelled by machine, and abstracts without a decision."""

from dataclasses import replace

from sources.connectors.pubmedqa import DECISIONS, labelled
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import collected_card, repository_file
from sources.shapes.row_shapes import letter, mcq, parquet
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one labelled row into a draft; its PubMed id is its id."""
    return draft(raw, letter(raw.value["final_decision"], DECISIONS))


def parse_unlabelled(raw: Raw, file: RawFile) -> Draft:
    """Turn one row without a decision into a draft without gold."""
    return draft(raw, None)


def draft(raw: Raw, gold: int | None) -> Draft:
    """Return the draft of a row in the Hub's layout, whose abstract is a column of labels and one of paragraphs."""
    row = raw.value
    abstract = row["context"]
    context = labelled(abstract["labels"], abstract["contexts"])
    more = {"rationale": row["long_answer"], "meta": {"meshes": abstract["meshes"]}, "split": row.get("split")}
    return mcq(str(row["pubid"]), row["question"], DECISIONS, gold, context=context, **more)


PUBMEDQA_ARTIFICIAL = Source(
    name="pubmedqa_artificial",
    title="PubMedQA, labelled by machine",
    home="hf://datasets/qiaojin/PubMedQA",
    license="MIT",
    license_read="tag of qiaojin/PubMedQA",
    task="mcqa",
    lang="en",
    folder="pubmedqa_hub",
    files={"train": ("pqa_artificial/train-*.parquet",)},
    columns={
        "pubid": "integer",
        "question": "text",
        "context": "object",
        "context.labels": "list",
        "context.contexts": "list",
        "context.meshes": "list?",
        "long_answer": "text?",
        "final_decision": "text",
    },
    schema_read=(
        repository_file(
            "EleutherAI/lm-evaluation-harness",
            "lm_eval/tasks/pubmedqa/preprocess_pubmedqa.py",
            "columns",
            "gold",
            result="agrees; yes, no and maybe",
        ),
        collected_card("qiaojin/PubMedQA", "splits", "license", result="agrees; 273,518 rows in three configurations"),
    ),
    rows=parquet,
    parse=parse,
    published_rows=211_269,
    chain_prompt="pubmedqa",
    instruction_subject="biomedical research",
)

PUBMEDQA_UNLABELLED = replace(
    PUBMEDQA_ARTIFICIAL,
    name="pubmedqa_unlabelled",
    title="PubMedQA, without decisions",
    files={"train": ("pqa_unlabeled/train-*.parquet",)},
    columns={name: kind for name, kind in PUBMEDQA_ARTIFICIAL.columns.items() if name != "final_decision"},
    parse=parse_unlabelled,
    published_rows=61_249,
    chain_prompt=None,
    instruction_subject=None,
)
