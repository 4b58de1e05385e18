"""Hermes function calling v1 (Nous Research 2024): conversations with calls of tools, and structured output as JSON.

A tool's reply is a turn of its own with the role ``tool``; records have no such role, so it becomes a user turn and
keeps its ``<tool_response>`` tag. The system turn lists the tools.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import SHAREGPT, collected_card, public_code
from sources.shapes.row_shapes import SPEAKERS, chat, conversation, json_rows, placed
from sources.source import Raw, Source


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft with its category."""
    row = raw.value
    meta = {name: row.get(name) for name in ("id", "category", "task")}
    return conversation(placed(raw, file), chat(row, {**SPEAKERS, "tool": "user"}), meta=meta)


HERMES_FUNCTION_CALLING = Source(
    name="hermes_function_calling",
    title="hermes-function-calling-v1",
    home="hf://datasets/NousResearch/hermes-function-calling-v1",
    license="Apache-2.0",
    license_read="paper of Aloe Beta, table of general data",
    task="function-calling",
    lang="en",
    kind="general",
    files={
        "train": (
            "func-calling-singleturn.json",
            "func-calling.json",
            "glaive-function-calling-5k.json",
            "json-mode-agentic.json",
            "json-mode-singleturn.json",
        )
    },
    columns={**SHAREGPT, "id": "text*", "category": "text*", "task": "text*"},
    schema_read=(
        public_code(
            "huggingface.co/datasets/NousResearch/hermes-function-calling-v1/resolve/main/func-calling-singleturn.json",
            "columns",
            "splits",
            result="agrees; five JSON files",
        ),
        collected_card("NousResearch/hermes-function-calling-v1", "license"),
    ),
    rows=json_rows,
    parse=parse,
)
