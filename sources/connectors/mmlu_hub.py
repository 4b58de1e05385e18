"""MMLU (Hendrycks et al. 2021) on the Hub: the benchmark, and the auxiliary training set of older exams.

``answer`` is 0-based. Rows of the auxiliary set, which is general knowledge and reading, are nested under ``train``.
"""

from sources.connectors.mmlu import MEDICAL_SUBJECTS
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import GoldColumn, collected_card, public_code, repository_file
from sources.shapes.row_shapes import mcq, numbered, parquet
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; it has no id, so split and row number are used."""
    row = raw.value
    meta = {"subject": row["subject"]}
    return mcq(numbered(raw, file), row["question"], row["choices"], row["answer"], meta=meta)


def parse_auxiliary(raw: Raw, file: RawFile) -> Draft:
    """Turn one row of the auxiliary set into a draft."""
    return parse(Raw(raw.line, raw.value["train"]), file)


MMLU_AUXILIARY = Source(
    name="mmlu_auxiliary",
    title="MMLU, auxiliary training set",
    home="hf://datasets/cais/mmlu",
    license="MIT",
    license_read="tag of cais/mmlu",
    task="mcqa",
    lang="en",
    kind="general",
    folder="mmlu_hub",
    files={"train": ("auxiliary_train/train-*.parquet",)},
    columns={
        "train": "object",
        "train.question": "text",
        "train.choices": "list",
        "train.answer": "integer",
        "train.subject": "text?",
    },
    gold=GoldColumn(name="train.answer", base=0, options="train.choices"),
    schema_read=(
        public_code(
            'load_dataset("cais/mmlu", "auxiliary_train", split="train")',
            "columns",
            "splits",
            result="agrees; rows are nested under train",
        ),
        repository_file(
            "EleutherAI/lm-evaluation-harness", "lm_eval/tasks/mmlu/default/_default_template_yaml", "columns", "gold"
        ),
        collected_card("cais/mmlu", "license"),
    ),
    rows=parquet,
    parse=parse_auxiliary,
    published_rows=99_842,
    chain_prompt="mmlu",
    mix_part="instruction",
)

MMLU_HUB = held_out(
    MMLU_AUXILIARY,
    "mmlu_hub",
    {"dev": ("all/dev-*.parquet",), "validation": ("all/validation-*.parquet",), "test": ("all/test-*.parquet",)},
    title="MMLU, 57 subjects, Hub",
    columns={"question": "text", "choices": "list", "answer": "integer", "subject": "text?"},
    gold=GoldColumn(name="answer", base=0, options="choices"),
    parse=parse,
    published_rows=15_858,
    evaluated_as="mmlu",
    subset_field="subject",
    likelihood_prompt="subject_choice",
    parts_evaluated_as={"mmlu_medical": MEDICAL_SUBJECTS},
)
