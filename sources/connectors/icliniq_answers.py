"""1,000 patients' questions from iCliniq, AlpaCare's evaluation (Zhang et al. 2023), with the answers of four models.

Each model has a file with the same questions in the same order. That of claude-2 wraps the question in a prompt.
"""

from collections.abc import Iterator
from itertools import zip_longest

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import jsonl, numbered, qa
from sources.source import Benchmark, Broken, Raw

MODELS = ("gpt-4", "claude-2", "gpt-3.5-turbo", "text-davinci-003")
FILES = {model: f"data/reference_outputs/{model}/iCliniq_output.jsonl" for model in MODELS}


def aligned(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield one dict per question, from each model to its row, or to None where its file is shorter or broken."""
    others = [jsonl(file.companion(FILES[model])) for model in MODELS[1:]]
    for number, found in enumerate(zip_longest(jsonl(file), *others), 1):
        rows = (raw.value if isinstance(raw, Raw) else None for raw in found)
        yield Raw(number, dict(zip(MODELS, rows, strict=True)))


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft without an answer of its own; ``meta`` keeps the models' answers."""
    rows = raw.value
    if missing := [model for model in MODELS if rows[model] is None]:
        raise ValueError(f"no row of {', '.join(missing)}, expected one of each model")
    question = rows["gpt-4"]["input"]
    for model in MODELS:
        if question not in (rows[model].get("input") or rows[model]["prompt"]):
            raise ValueError(f"{model} answers another question, expected the files in the same order")
    answers = {model: rows[model].get("output") or rows[model]["response"] for model in MODELS}
    return qa(numbered(raw, file), question, None, meta={"answers": answers})


ICLINIQ_ANSWERS = Benchmark(
    name="icliniq_answers",
    title="iCliniq questions, answers of four models",
    home="https://github.com/XZhang97666/AlpaCare",
    license="CC-BY-NC-4.0",
    license_read="DATA_LICENSE of XZhang97666/AlpaCare",
    task="qa",
    lang="en",
    folder="medinstruct",
    files={"test": (FILES["gpt-4"],)},
    companions=tuple(FILES[model] for model in MODELS[1:]),
    schema_read=(PUBLISHED_FILES,),
    rows=aligned,
    parse=parse,
    published_rows=1_000,
)
