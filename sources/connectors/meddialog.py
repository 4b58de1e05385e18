"""MedDialog (Zeng et al. 2020): consultations from iCliniq and HealthCareMagic, whose terms forbid reuse.

``bigbio/meddialog`` is a loading script without rows: its rows are read as JSON Lines that were written from it.
"""

from sources.files import RawFile
from sources.record import Draft, Message
from sources.shapes.row_shapes import conversation, json_rows, placed
from sources.source import Raw, Source

MARKS = {"patient:": "user", "doctor:": "assistant"}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one consultation into a draft that ends with the doctor's last reply."""
    row = raw.value
    messages = [_speaker_turn(utterance) for utterance in row["utterances"]]
    return conversation(placed(raw, file), messages, meta={"description": row["description"]})


def _speaker_turn(utterance: str) -> Message:
    for mark, role in MARKS.items():
        if utterance.startswith(mark):
            return Message(role, utterance.removeprefix(mark).strip())
    raise ValueError(f"utterance starts with {utterance[:20]!r}, expected one of {', '.join(MARKS)}")


MEDDIALOG = Source(
    name="meddialog",
    title="MedDialog, English consultations",
    home="https://huggingface.co/datasets/bigbio/meddialog",
    license="LicenseRef-unknown",
    license_read="Hub card: UNKNOWN",
    task="dialogue",
    lang="en",
    files={"train": ("train*.jsonl",)},
    rows=json_rows,
    parse=parse,
    instruction_subject="online consultations",
)
