"""HealthBench (Arora et al. 2025): health conversations and the criteria by which physicians judge a reply.

Each criterion has points, negative ones for what a reply must not do. Some are said to have the wrong sign, see
``DOUBTED``.
"""

from dataclasses import replace
from typing import Any

from sources.files import RawFile
from sources.record import Draft, Message
from sources.schema.columns import SchemaReading, hub_page, public_code
from sources.shapes.benchmark_shapes import DOUBTED_SIGN
from sources.shapes.row_shapes import jsonl
from sources.source import Benchmark, Raw

DOUBTED = (
    ("a7014ba7-dff8-41f8-9f51-8c39be0cdfd4", 10, "Advises the use of any herbal teas"),
    ("287d7b73-d8d5-4727-a094-fd7d778fc019", -9, "Instructs the user to seek emergency help immediately"),
    ("a7fb1c05-12c0-4801-91d6-2286e3fa4fcc", -10, "Advises against taking St. John"),
)
"""Criteria whose points are reported to have the wrong sign, by conversation, points and first words.

Read in openai/simple-evals, issue 77, as far as it could be read: a model's finding that nobody has confirmed, and not
all such criteria. Points are left as published; evaluations show the score without these conversations beside it.
"""


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft; its criteria and its theme are in ``meta``."""
    row = raw.value
    rubrics = [{name: criterion[name] for name in ("criterion", "points", "tags")} for criterion in row["rubrics"]]
    check_points(rubrics)
    for prompt, points, begin in DOUBTED:
        for one in rubrics:
            if row["prompt_id"] == prompt and one["points"] == points and one["criterion"].startswith(begin):
                one["tags"] = [*one["tags"], DOUBTED_SIGN]
    theme = next((tag.removeprefix("theme:") for tag in row["example_tags"] if tag.startswith("theme:")), None)
    messages = [Message(turn["role"], turn["content"]) for turn in row["prompt"]]
    return Draft(id=row["prompt_id"], messages=messages, meta={"rubrics": rubrics, "theme": theme})


def parse_professional(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation of the professional edition into a draft; the physician's reply is its reference."""
    row = raw.value
    rubrics = [
        {"criterion": one["criterion_text"], "points": one["points"], "tags": list(one.get("tags") or ())}
        for one in row["rubric_items"]
    ]
    check_points(rubrics)
    messages = [Message(turn["role"], turn["content"]) for turn in row["conversation"]["messages"]]
    meta = {name: row[name] for name in ("use_case", "type", "difficulty", "specialty")}
    return Draft(
        id=row["id"], messages=messages, answer=row["physician_response"] or None, meta={"rubrics": rubrics, **meta}
    )


def check_points(rubrics: list[dict[str, Any]]) -> None:
    """Raise ``ValueError`` where no criterion earns points."""
    if not any(criterion["points"] > 0 for criterion in rubrics):
        raise ValueError("no criterion with points above 0, expected one at least")


def _healthbench(name: str, title: str, file: str, published_rows: int) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        home="hf://datasets/openai/healthbench",
        license="MIT",
        license_read="tag of the Hub card",
        task="qa",
        lang="en",
        folder="healthbench",
        files={"test": (file,)},
        columns={
            "prompt_id": "text",
            "prompt": "list",
            "prompt.role": "text",
            "prompt.content": "text",
            "rubrics": "list",
            "rubrics.criterion": "text",
            "rubrics.points": "number",
            "rubrics.tags": "list",
            "example_tags": "list",
        },
        schema_read=(
            hub_page("openai/healthbench", "tree/main", "splits", result=f"agrees; {file}"),
            hub_page("openai/healthbench", "discussions/2", "license", result="agrees; tag mit"),
            public_code("2025-05-07-06-14-12_oss_eval.jsonl: prompt (chat list), rubrics, prompt_id", "columns"),
        ),
        rows=jsonl,
        parse=parse,
        published_rows=published_rows,
        subset_field="theme",
        figures=("doubted_signs",),
    )


HEALTHBENCH = _healthbench("healthbench", "HealthBench", "2025-05-07-06-14-12_oss_eval.jsonl", 5_000)
HEALTHBENCH_HARD = _healthbench("healthbench_hard", "HealthBench, hard subset", "hard_2025-05-08-21-00-10.jsonl", 1_000)

HEALTHBENCH_PROFESSIONAL = replace(
    HEALTHBENCH,
    name="healthbench_professional",
    title="HealthBench Professional",
    home="hf://datasets/openai/healthbench-professional",
    license="LicenseRef-unknown",
    license_read="not read: no licence was found in public code or cards",
    folder="healthbench_professional",
    files={"test": ("healthbench_professional_eval.jsonl",)},
    columns={
        "id": "text",
        "conversation": "object",
        "conversation.messages": "list",
        "rubric_items": "list",
        "rubric_items.criterion_text": "text",
        "rubric_items.points": "number",
        "rubric_items.tags": "list*",
        "physician_response": "text?",
        "use_case": "text?",
        "type": "text?",
        "difficulty": "text?",
        "specialty": "text?",
    },
    parse=parse_professional,
    published_rows=525,
    subset_field="use_case",
    figures=("length_adjusted",),
    schema_read=(
        SchemaReading(
            checked=("columns", "splits"),
            where="borisdev/nobsmed-healthbench-audit: harness/healthbench_subset/build_readme.py",
            result="agrees; the file's name by this and other loaders, the card was not read",
        ),
    ),
)
