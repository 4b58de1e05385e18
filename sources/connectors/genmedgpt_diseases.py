"""The table of 796 diseases behind GenMedGPT-5k (Li et al. 2023, ChatDoctor); its lists are written as in Python."""

from sources.files import RawFile
from sources.formats.python_values import parse_python
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, table
from sources.source import Raw, Source

ASK = "Describe {}: what it is, how it shows, how it is examined and which medications are common."
LISTS = {"Symptoms": "Symptom", "Tests and procedures": "TestsAndProcedures", "Medications": "commonMedications"}


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one disease into a question answered by its row; ``meta`` keeps the lists."""
    row = raw.value
    lists = {title: listed(row[column]) for title, column in LISTS.items()}
    told = [f"{title}: {', '.join(items)}." for title, items in lists.items() if items]
    # Every sixth reason is a scrap of a list of medications, told by the comma at its end.
    reason = row["reason"].strip()
    answer = "\n\n".join(told if reason.endswith(",") else [reason, *told])
    return qa(row["idx"], ASK.format(row["disease"]), answer, meta={"disease": row["disease"], **lists})


def listed(cell: str) -> list[str]:
    """Return the list written in Python in ``cell``; ``ValueError`` where it is none."""
    items = parse_python(cell)
    if not isinstance(items, list):
        raise ValueError(f"{cell!r} is not a Python list")
    return items


GENMEDGPT_DISEASES = Source(
    name="genmedgpt_diseases",
    title="GenMedGPT-5k, table of diseases",
    home="https://github.com/Kent0n-Li/ChatDoctor",
    license="LicenseRef-research-only",
    license_read="README of Kent0n-Li/ChatDoctor (academic research only); its LICENSE is Apache-2.0",
    task="explanation",
    lang="en",
    folder="genmedgpt5k",
    files={"train": ("format_dataset.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=796,
    instruction_subject="general practice",
)
