"""Instructions for corpora that have none, as in step 7 of Aloe Beta (arXiv 2505.04388).

Each of 16 sub-tasks has a file of templates under ``prompts/instructions``, one a line. A new line may
change the template of other rows, since a row's template is a position in the list.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, NamedTuple

import polars as pl
import xxhash
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from quality.outcome import EDIT_SCHEMA, Outcome
from synth.formatting.render_prompts import last_content, with_last_content
from synth.prompting import prompt_files

FOLDER = "instructions"
SUBTASKS = prompt_files.names(FOLDER, ".txt")

TASK_SUBTASKS: dict[str, str] = {
    "mcqa": "mcq",
    "qa": "medical_qa",
    "summarization": "summarisation",
    "explanation": "term_definition",
    "dialogue": "conversation",
    "clinical-note-taking": "conversation_to_note",
    "ner": "note_entities",
    "word-relation-classification": "relations",
}
"""The sub-task of a row by its task; ``mcq`` becomes ``mcq_with_explanation`` where the row gives reasons."""


class Uninstructed(NamedTuple):
    """A corpus without instructions: its subject, and its sub-task where the row's task does not determine it."""

    source: str
    subject: str
    subtask: str | None = None


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Instructions:
    """The corpora that get instructions; ``templates`` is the hash of the files, so that a change renames the step.

    Rows in languages other than ``langs`` stay unchanged, since the templates are in English.
    """

    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    corpora: tuple[Uninstructed, ...] = ()
    langs: tuple[str, ...] = ("en",)
    templates: str = Field(default_factory=lambda: prompt_files.digest(FOLDER))

    def __post_init__(self) -> None:
        for corpus in self.corpora:
            if corpus.subtask not in (None, *SUBTASKS):
                expected = ", ".join(SUBTASKS)
                raise ValueError(f"{corpus.source}: subtask is {corpus.subtask!r}, expected one of {expected}")


def add_instructions(rows: pl.DataFrame, config: Instructions) -> Outcome:
    """Add an instruction before the question in the last message of rows of corpora that have none.

    Run it after ``render_prompts``, which adds context and options to that message. An edit of the row names the
    template, such as ``instruction mcq/3``.
    """
    instructions = draw_instruction(rows, config)
    instructed = with_last_content(pl.concat_str("_instruction", pl.lit("\n\n"), last_content()))
    text = pl.when(pl.col("_instruction").is_null()).then("messages").otherwise(instructed)
    written = (
        rows.with_columns(_instruction=instructions["instruction"]).with_columns(messages=text).drop("_instruction")
    )
    edits = instructions.drop_nulls("instruction").select(
        "id", field=pl.lit("messages"), rule="instruction " + pl.col("template"), removed=pl.lit(None, pl.String)
    )
    kept = written.with_columns(drop_reason=pl.lit(None, pl.String), evidence=pl.lit(None, pl.String))
    return Outcome(rows=kept, edits=edits.match_to_schema(EDIT_SCHEMA))


def draw_instruction(rows: pl.DataFrame, config: Instructions) -> pl.DataFrame:
    """Return (id, template, instruction) for every row, in order; null for a row that gets none."""
    corpora = {corpus.source: corpus for corpus in config.corpora}
    # A row gives reasons in a rationale, or in a response of more than one paragraph.
    paragraphs = pl.col("response").fill_null("").str.contains("\n\n", literal=True)
    explained = (pl.col("rationale").fill_null("") != "") | paragraphs
    facts = rows.select("id", "source", "task", "lang", explained=explained)
    instructions: list[tuple[str, str | None, str | None]] = []
    for id, source, task, lang, has_reasons in facts.iter_rows():
        corpus = corpora.get(source) if lang in config.langs else None
        subtask = corpus and (corpus.subtask or _subtask(task, has_reasons))
        if corpus is None or subtask is None:
            instructions.append((id, None, None))
            continue
        templates = prompt_files.lines(f"{FOLDER}/{subtask}.txt")
        place = xxhash.xxh64_intdigest(id.encode(), config.seed) % len(templates)
        instructions.append((id, f"{subtask}/{place}", _text(templates[place], corpus.subject)))
    return pl.DataFrame(instructions, {"id": pl.String, "template": pl.String, "instruction": pl.String}, orient="row")


@cache
def _text(template: str, subject: str) -> str:
    return prompt_files.template(template).render(subject=subject)


def _subtask(task: str, has_reasons: bool) -> str | None:
    subtask = TASK_SUBTASKS.get(task)
    return "mcq_with_explanation" if subtask == "mcq" and has_reasons else subtask
