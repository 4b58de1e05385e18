"""XSTest (Röttger et al. 2024): 250 safe prompts that look harmful and 200 unsafe ones, to measure over-refusal."""

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, table
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one prompt into a draft; ``label`` is whether a model should answer it."""
    row = raw.value
    if row["label"] not in ("safe", "unsafe"):
        raise ValueError(f"label is {row['label']!r}, expected safe or unsafe")
    meta = {name: row[name] or None for name in ("type", "label", "focus", "note")}
    return qa(row["id"], row["prompt"], None, meta=meta)


XSTEST = Benchmark(
    name="xstest",
    title="XSTest",
    home="https://github.com/paul-rottger/exaggerated-safety",
    license="CC-BY-4.0",
    license_read="LICENSE of paul-rottger/exaggerated-safety",
    task="safety",
    lang="en",
    files={"test": ("xstest_prompts.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=450,
)
