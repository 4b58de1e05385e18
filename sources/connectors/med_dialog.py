"""MedDialog (Zeng et al. 2020) for summaries: a consultation as ``src`` and a one-line summary as ``tgt``.

One configuration per site, iCliniq and HealthCareMagic, whose terms forbid reuse.
"""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import hub_page, repository_file
from sources.shapes.row_shapes import parquet, placed, qa
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one dialogue into a draft whose answer is its summary."""
    row = raw.value
    return qa(placed(raw, file), row["src"], row["tgt"])


MED_DIALOG = Source(
    name="med_dialog",
    title="MedDialog, summaries of consultations",
    home="hf://datasets/lighteval/med_dialog",
    license="LicenseRef-unknown",
    license_read="Hub card: UNKNOWN",
    task="summarization",
    lang="en",
    folder="med_dialog",
    files={"train": ("*/train-*.parquet",)},
    columns={"src": "text", "tgt": "text"},
    schema_read=(
        repository_file("huggingface/lighteval", "src/lighteval/tasks/tasks/med_dialog.py", "columns", "splits"),
        hub_page(
            "lighteval/med_dialog",
            "tree/main/icliniq",
            "splits",
            "license",
            result="agrees since ce8a234, before which the files were train.json and valid.json; no licence",
        ),
    ),
    rows=parquet,
    parse=parse,
    instruction_subject="online consultations",
    instruction_subtask="conversation_summary",
)

MED_DIALOG_HELD_OUT = held_out(
    MED_DIALOG,
    "med_dialog_held_out",
    {"validation": ("*/validation-*.parquet",), "test": ("*/test-*.parquet",)},
    title="MedDialog, summaries, validation and test sets",
    evaluated_as="med_dialog",
)
