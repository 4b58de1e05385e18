"""Medical Meadow (Han et al. 2023): WikiDoc pages turned into questions, and flashcards of medical students.

According to its card, a third of the WikiDoc questions is poor. Patient information is
``wikidoc_patient_information``.
"""

from sources.schema.columns import ALPACA, collected_card, repository_file
from sources.shapes.row_shapes import json_rows, same_task
from sources.source import Source

MEDICAL_MEADOW_WIKIDOC = Source(
    name="medical_meadow_wikidoc",
    title="Medical Meadow, WikiDoc",
    home="hf://datasets/medalpaca/medical_meadow_wikidoc",
    license="LicenseRef-unknown",
    license_read="tag cc of the Hub card, which names no variant",
    task="qa",
    lang="en",
    files={"train": ("medical_meadow_wikidoc.json",)},
    columns=ALPACA,
    schema_read=(
        collected_card(
            "medalpaca/medical_meadow_wikidoc",
            "columns",
            "splits",
            "license",
            result="agrees; one JSON file, 10,000 rows, tag cc",
        ),
    ),
    rows=json_rows,
    parse=same_task,
    published_rows=10_000,
)

MEDICAL_MEADOW_FLASHCARDS = Source(
    name="medical_meadow_flashcards",
    title="Medical Meadow, flashcards",
    home="hf://datasets/medalpaca/medical_meadow_medical_flashcards",
    license="LicenseRef-unknown",
    license_read="tag cc of the Hub card, which names no variant",
    task="qa",
    lang="en",
    files={"train": ("medical_meadow_wikidoc_medical_flashcards.json",)},
    columns=ALPACA,
    schema_read=(
        collected_card(
            "medalpaca/medical_meadow_medical_flashcards",
            "splits",
            "license",
            result="agrees; 33,955 rows, tag cc",
        ),
        repository_file("rui-ye/OpenFedLLM", "utils/process_dataset.py", "columns"),
    ),
    rows=json_rows,
    parse=same_task,
)
