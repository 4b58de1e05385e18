"""MedDialog (Zeng et al. 2020): consultations from iCliniq and HealthCareMagic, whose terms forbid reuse.

``bigbio/meddialog`` is a loading script without rows: its rows are read as JSON Lines that were written from it, or
from the authors' files. There a turn is one text (``patient: …``), which the loader cuts into a speaker and the rest.
"""

from typing import Any

from sources.files import RawFile
from sources.record import Draft, Message
from sources.schema.columns import repository_file
from sources.shapes.row_shapes import conversation, json_rows, placed
from sources.source import Raw, Source

MARKS = {"patient:": "user", "doctor:": "assistant"}
SPEAKERS = {0: "user", 1: "assistant", "patient": "user", "doctor": "assistant"}
"""The loader's numbers of the speakers, and their names."""


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one consultation into a draft that ends with the doctor's last reply."""
    row = raw.value
    messages = _turns(row["utterances"])
    return conversation(placed(raw, file), messages, meta={"description": row["description"]})


def _turns(utterances: Any) -> list[Message]:
    """Return the turns of a list of marked texts, or of an object with a list of speakers and one of texts."""
    if isinstance(utterances, list):
        return [_speaker_turn(utterance) for utterance in utterances]
    pairs = list(zip(utterances["speaker"], utterances["utterance"], strict=True))
    if strange := [speaker for speaker, _ in pairs if speaker not in SPEAKERS]:
        raise ValueError(f"speaker is {strange[0]!r}, expected one of {', '.join(map(str, SPEAKERS))}")
    return [Message(SPEAKERS[speaker], text.strip()) for speaker, text in pairs]


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
    schema_read=(
        repository_file(
            "bigscience-workshop/biomedical",
            "bigbio/hub/hub_repos/meddialog/meddialog.py",
            "columns",
            "splits",
            result="mended: utterances of speaker (0 or 1) and utterance are read too; train, validation and test",
        ),
        repository_file(
            "bigscience-workshop/biomedical",
            "bigbio/hub/hub_repos/meddialog/README.md",
            "license",
            result="agrees; unknown",
        ),
    ),
    rows=json_rows,
    parse=parse,
    instruction_subject="online consultations",
)
