"""MTS-Dialog (Ben Abacha et al. 2023): doctor–patient dialogues, each with one section of its clinical note.

``ID`` starts from 0 in every file. Dialogues of the training file break lines with CRLF, the others with LF.
"""

from pathlib import PurePosixPath

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, table
from sources.source import Raw, Source, held_out


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one dialogue into a draft whose answer is the section of the note."""
    row = raw.value
    id = f"{PurePosixPath(file.name).stem}-{row['ID']}"
    return qa(id, row["dialogue"], row["section_text"], meta={"section": row["section_header"]})


MTS_DIALOG = Source(
    name="mts_dialog",
    title="MTS-Dialog, training set",
    home="https://github.com/abachaa/MTS-Dialog",
    license="CC-BY-4.0",
    license_read="LICENSE.txt and README of abachaa/MTS-Dialog",
    task="summarization",
    lang="en",
    folder="mts_dialog",
    files={"train": ("Main-Dataset/MTS-Dialog-TrainingSet.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=1_201,
    instruction_subject="outpatient care",
    instruction_subtask="conversation_summary",
)

MTS_DIALOG_HELD_OUT = held_out(
    MTS_DIALOG,
    "mts_dialog_held_out",
    {
        "validation": ("Main-Dataset/MTS-Dialog-ValidationSet.csv",),
        "test": (
            "Main-Dataset/MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv",
            "Main-Dataset/MTS-Dialog-TestSet-2-MEDIQA-Sum-2023.csv",
        ),
    },
    title="MTS-Dialog, validation and both test sets",
    published_rows=500,
    evaluated_as="mts_dialog",
    subset_field="section",
)
