"""HarmBench (Mazeika et al. 2024) and StrongREJECT (Souly et al. 2024): requests that a safe model refuses."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import numbered, qa, table
from sources.source import Benchmark, Raw

FOLDER = "data/behavior_datasets"


def parse_harmbench(raw: Raw, file: RawFile) -> Draft:
    """Turn one behaviour into a draft; a contextual one has the text it refers to as context."""
    row = raw.value
    meta = {"kind": row["FunctionalCategory"], "category": row["SemanticCategory"], "tags": row["Tags"]}
    return qa(row["BehaviorID"], row["Behavior"], None, context=row["ContextString"] or None, meta=meta)


def parse_strongreject(raw: Raw, file: RawFile) -> Draft:
    """Turn one forbidden prompt into a draft with its category and its original set."""
    row = raw.value
    return qa(numbered(raw, file), row["forbidden_prompt"], None, meta={k: row[k] for k in ("category", "source")})


HARMBENCH = Benchmark(
    name="harmbench",
    title="HarmBench, text behaviours",
    home="https://github.com/centerforaisafety/HarmBench",
    license="MIT",
    license_read="LICENSE of centerforaisafety/HarmBench",
    task="safety",
    lang="en",
    folder="harm_behaviors",
    files={"test": (f"{FOLDER}/harmbench_behaviors_text_all.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse_harmbench,
    published_rows=400,
)

STRONGREJECT = Benchmark(
    name="strongreject",
    title="StrongREJECT, forbidden prompts",
    home="https://github.com/alexandrasouly/strongreject",
    license="MIT",
    license_read="LICENSE of alexandrasouly/strongreject",
    task="safety",
    lang="en",
    folder="harm_behaviors",
    files={"test": (f"{FOLDER}/strongreject_dataset.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse_strongreject,
    published_rows=313,
)
