"""LongAlign, LongCite and LongWriter (Bai et al. 2024; Zhang et al. 2024): long documents, citations, long replies.

A part of each is Chinese.
"""

from typing import Any

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import CHAT, ColumnTypes, hub_page, public_code
from sources.shapes.row_shapes import chat, conversation, jsonl, numbered, qa
from sources.source import Parse, Raw, Source


def parse_messages(raw: Raw, file: RawFile) -> Draft:
    """Turn one conversation into a draft."""
    return conversation(numbered(raw, file), chat(raw.value))


def parse_cited(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft: prompt and response include the document and the citations of its sentences."""
    row = raw.value
    return qa(numbered(raw, file), row["prompt"], row["response"])


def _source(repository: str, parse: Parse, columns: ColumnTypes, **more: Any) -> Source:
    return Source(
        name=repository.lower().replace("-", "_"),
        title=repository,
        home=f"hf://datasets/THUDM/{repository}",
        license="Apache-2.0",
        license_read="paper of Aloe Beta, table of general data; LongCite-45k and LongWriter-6k have the tag too, "
        "LongAlign-10k has none",
        task="long-context",
        lang="en",
        kind="general",
        files={"train": ("long.jsonl",)},
        columns=columns,
        rows=jsonl,
        parse=parse,
        **more,
    )


LONG_ALIGN = _source(
    "LongAlign-10k",
    parse_messages,
    CHAT,
    published_rows=9_888,
    schema_read=(
        hub_page(
            "THUDM/LongAlign-10k", "tree/main", "splits", "license", result="mended: long.jsonl; the card has no tag"
        ),
        public_code('"repo": "zai-org/LongAlign-10k", "columns": ["dataset", "id", "messages"]', "columns"),
    ),
)
LONG_CITE = _source(
    "LongCite-45k",
    parse_cited,
    {"prompt": "text", "response": "text"},
    published_rows=44_600,
    schema_read=(
        hub_page("THUDM/LongCite-45k", "tree/main", "splits", "license", result="agrees; long.jsonl, tag apache-2.0"),
        public_code('default="zai-org/LongCite-45k": ex["prompt"], ex["response"]', "columns"),
    ),
)
LONG_WRITER = _source(
    "LongWriter-6k",
    parse_messages,
    CHAT,
    published_rows=6_000,
    schema_read=(
        hub_page(
            "THUDM/LongWriter-6k", "tree/0db15c0", "splits", "license", result="agrees; long.jsonl, tag apache-2.0"
        ),
        public_code('load_dataset("THUDM/LongWriter-6k", split="train")', "columns"),
    ),
)
