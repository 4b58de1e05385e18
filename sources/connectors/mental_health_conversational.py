"""Questions on mental health and their answers, as one text ``<HUMAN>: … <ASSISTANT>: …``."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, public_code
from sources.shapes.row_shapes import conversation, numbered, parquet, transcript
from sources.source import Raw, Source

MARKS = {"<HUMAN>:": "user", "<ASSISTANT>:": "assistant"}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one text into a draft."""
    return conversation(numbered(raw, file), transcript(raw.value["text"], MARKS))


MENTAL_HEALTH_CONVERSATIONAL = Source(
    name="mental_health_conversational",
    title="Mental health conversational dataset",
    home="hf://datasets/ZahrizhalAli/mental_health_conversational_dataset",
    license="MIT",
    license_read="tag of the Hub card",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={"text": "text"},
    schema_read=(
        public_code(
            'load_dataset("ZahrizhalAli/mental_health_conversational_dataset")["train"]["text"]',
            "columns",
            result="agrees; split at <HUMAN>: and <ASSISTANT>: ",
        ),
        hub_page(
            "ZahrizhalAli/mental_health_conversational_dataset",
            "tree/main/data",
            "splits",
            "license",
            result="agrees; one shard of 175 rows, tag mit",
        ),
    ),
    rows=parquet,
    parse=parse,
    instruction_subject="mental health",
    instruction_subtask="conversation",
)
