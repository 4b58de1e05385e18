"""Doctor–patient dialogues made from case reports, with notes by GPT-4: subjective, objective, assessment, plan."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import collected_card, hub_page, public_code
from sources.shapes.row_shapes import json_rows, numbered, qa
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one dialogue into a draft; the ready-made prompts in the row are left out."""
    row = raw.value
    return qa(numbered(raw, file), row["dialogue"], row["soap"])


SOAP_SUMMARY = Source(
    name="soap_summary",
    title="Medical dialogue to SOAP summary, training set",
    home="hf://datasets/omi-health/medical-dialogue-to-soap-summary",
    license="LicenseRef-none-stated",
    license_read="Hub card, which states none",
    task="clinical-note-taking",
    lang="en",
    folder="soap_summary",
    files={"train": ("train.json",)},
    columns={"dialogue": "text", "soap": "text"},
    schema_read=(
        public_code(
            'load_dataset("omi-health/medical-dialogue-to-soap-summary", split="test")',
            "columns",
        ),
        hub_page(
            "omi-health/medical-dialogue-to-soap-summary",
            "tree/main",
            "splits",
            "license",
            result="agrees; train.json, validation.json and test.json, no tag of a licence",
        ),
        collected_card(
            "omi-health/medical-dialogue-to-soap-summary", "license", result="agrees; no licence is stated; 10,000 rows"
        ),
    ),
    rows=json_rows,
    parse=parse,
    published_rows=9_250,
    instruction_subject="outpatient care",
)

SOAP_SUMMARY_HELD_OUT = held_out(
    SOAP_SUMMARY,
    "soap_summary_held_out",
    {"validation": ("validation.json",), "test": ("test.json",)},
    title="Medical dialogue to SOAP summary, validation and test sets",
    published_rows=750,
    evaluated_as="soap_summary",
)
