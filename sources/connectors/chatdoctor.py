"""Questions of patients from iCliniq and HealthCareMagic with doctors' replies, collected for ChatDoctor (Li 2023)."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import ALPACA, collected_card, hub_page, public_code
from sources.shapes.row_shapes import numbered, parquet, qa, same_task
from sources.source import Raw, Source

OTHERS = ("answer_chatgpt", "answer_chatdoctor")


def parse_icliniq(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft with the doctor's answer; those of the two models stay in ``meta``."""
    row = raw.value
    return qa(numbered(raw, file), row["input"], row["answer_icliniq"], meta={name: row[name] for name in OTHERS})


CHATDOCTOR_ICLINIQ = Source(
    name="chatdoctor_icliniq",
    title="iCliniq",
    home="hf://datasets/lavita/ChatDoctor-iCliniq",
    license="LicenseRef-none-stated",
    license_read="Hub card, which states none",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns={"input": "text", "answer_icliniq": "text", "answer_chatgpt": "text?", "answer_chatdoctor": "text?"},
    schema_read=(
        public_code('load_dataset("lavita/ChatDoctor-iCliniq")', "columns", "splits", result="agrees; 7,321 rows"),
        hub_page(
            "lavita/ChatDoctor-iCliniq",
            "discussions",
            "license",
            result="agrees; no tag. The paper of Aloe Beta gives Llama 2, which is freer",
        ),
    ),
    rows=parquet,
    parse=parse_icliniq,
    published_rows=7_321,
)

CHATDOCTOR_HEALTHCAREMAGIC = Source(
    name="chatdoctor_healthcaremagic",
    title="HealthCareMagic-100k",
    home="hf://datasets/lavita/ChatDoctor-HealthCareMagic-100k",
    revision="505443eac4e99ccedeffbb6f640061223d1d4bb3",
    license="LicenseRef-none-stated",
    license_read="Hub card, which states none",
    task="qa",
    lang="en",
    files={"train": ("data/train-*.parquet",)},
    columns=ALPACA,
    schema_read=(
        collected_card(
            "lavita/ChatDoctor-HealthCareMagic-100k",
            "columns",
            "splits",
            "license",
            result="agrees; 112,165 rows; no licence is stated",
        ),
    ),
    rows=parquet,
    parse=same_task,
    published_rows=112_165,
)
