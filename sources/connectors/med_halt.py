"""Med-HALT, the reasoning tests (Pal et al. 2023): false confidence, none of the above, fake questions.

``options`` is a Python dict as text; in the false-confidence test it has a further key ``correct answer`` with the
proposed answer. ``correct_index`` is 0-based. The items were made from MedMCQA, MedQA, HEAD-QA and others, and
``split_type`` names the split there: items made from training rows are passed over, or nobody could train on those
sets. A fake question has no right option, so that "I do not know" is added as one where it is not there.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sources.files import RawFile
from sources.formats.csv_rows import table
from sources.formats.python_values import parse_python
from sources.record import Draft
from sources.schema.columns import GoldColumn, SchemaReading
from sources.shapes.benchmark_shapes import ABSTAIN, PROPOSED, rows_where
from sources.shapes.row_shapes import mcq
from sources.source import Benchmark, Raw, is_training

FAKE = "reasoning_fake"
PROPOSED_KEY = "correct answer"
UNKNOWN = "I do not know"


def is_held_out_item(row: Mapping[str, Any]) -> bool:
    """Return whether an item was not made from a training row; an unknown split is held out."""
    return not is_training(str(row.get("split_type") or ""))


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; the test and the row's id name it."""
    row = raw.value
    test = PurePosixPath(file.name).stem
    choices = _choices(row["options"])
    options = _options(choices)
    abstain = [place for place, text in enumerate(options) if text.strip(" .").lower() == UNKNOWN.lower()]
    meta = {
        "test": test,
        "dataset": row.get("dataset"),
        "subject": row.get("subject_name"),
        "split_type": row.get("split_type"),
        PROPOSED: choices.get(PROPOSED_KEY),
    }
    if test == FAKE:
        if not abstain:
            options, abstain = [*options, UNKNOWN], [len(options)]
        gold = abstain[0]
    else:
        gold = int(float(row["correct_index"]))
    return mcq(f"{test}-{row['id']}", row["question"], options, gold, meta={**meta, ABSTAIN: abstain})


def _choices(text: str) -> dict[Any, Any]:
    choices = parse_python(text)
    if not isinstance(choices, dict):
        raise TypeError(f"options is {choices!r}, expected a dict")
    return choices


def _options(choices: Mapping[Any, Any]) -> list[str]:
    """Return the numbered choices in their order; others say what the question proposes."""
    numbered = {int(key): str(text) for key, text in choices.items() if str(key).isdigit()}
    return [numbered[key] for key in sorted(numbered)]


def option_count(row: Mapping[str, Any]) -> int:
    """Return how many options a row has; 0 where they cannot be read."""
    try:
        return len(_options(_choices(row["options"])))
    except (KeyError, ValueError, TypeError):
        return 0


MED_HALT = Benchmark(
    name="med_halt",
    title="Med-HALT, reasoning tests, not from training rows",
    home="hf://datasets/openlifescienceai/Med-HALT",
    license="Apache-2.0",
    license_read="tag of openlifescienceai/Med-HALT",
    task="mcqa",
    lang="en",
    files={
        "test": (
            "reasoning_FCT/reasoning_FCT.csv",
            "reasoning_nota/reasoning_nota.csv",
            "reasoning_fake/reasoning_fake.csv",
        )
    },
    columns={
        "id": "text",
        "question": "text",
        "options": "text",
        "correct_index": "numeral?",
        "dataset": "text?",
        "subject_name": "text?",
        "split_type": "text?",
    },
    gold=GoldColumn(name="correct_index", base=0, options=option_count),
    rows=rows_where(table, is_held_out_item),
    parse=parse,
    published_rows=22_152,
    subset_field="test",
    likelihood_prompt="listed_choice",
    figures=("pointwise", "abstention"),
    schema_read=(
        SchemaReading(
            checked=("columns", "gold"),
            where="MedARC-AI/med-lm-envs: environments/medhalt/medhalt.py",
            result="agrees for false confidence and none of the above; fake questions were not read",
        ),
        SchemaReading(checked=("splits", "license"), where="card of openlifescienceai/Med-HALT"),
    ),
)
