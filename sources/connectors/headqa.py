"""HEAD-QA (Vilares and Gomez-Rodriguez 2019): Spanish exams for health workers, and their machine translation.

``ra`` is a 1-based string that refers to an integer ``aid``; ``qid`` is unique within an exam only. Questions that
depend on a picture have its path in ``meta["image"]``; the pictures are not published.
"""

from collections.abc import Iterator

from sources.fields.dates import parse_date
from sources.files import FileError, RawFile
from sources.record import ChainPrompt, Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import json_object, letter, mcq
from sources.source import Benchmark, Broken, Raw, Source, held_out


def questions(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the questions of all exams in a file, each with its exam's name, category and year."""
    content = json_object(file)
    try:
        exams = [(name, exam["category"], exam["year"], exam["data"]) for name, exam in content["exams"].items()]
        rows = [{"name": name, "category": c, "year": y, **question} for name, c, y, data in exams for question in data]
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{file.path} is not a HEAD-QA file (exams, data): {error!r}") from error
    return (Raw(number, row) for number, row in enumerate(rows, 1))


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; exam and number are its id."""
    row = raw.value
    answers = row["answers"]
    gold = letter(str(row["ra"]), [str(answer["aid"]) for answer in answers])
    meta = {"exam": row["name"], "category": row["category"], "year": int(row["year"]), "image": row["image"] or None}
    options = [answer["atext"] for answer in answers]
    return mcq(f"{row['name']}-{row['qid']}", row["qtext"], options, gold, meta=meta, date=parse_date(row["year"]))


def _headqa(lang: str, title: str, path: str, chain_prompt: ChainPrompt | None = None) -> tuple[Source, Benchmark]:
    source = Source(
        name=f"headqa_{lang}",
        title=title,
        home="https://github.com/aghie/head-qa",
        license="MIT",
        license_read="LICENSE of aghie/head-qa",
        task="mcqa",
        lang=lang,
        folder="headqa",
        files={"train": (path.format("train"),)},
        schema_read=(PUBLISHED_FILES,),
        rows=questions,
        parse=parse,
        published_rows=2_657,
        chain_prompt=chain_prompt,
        instruction_subject="specialist training in health care",
    )
    files = {"validation": (path.format("dev"),), "test": (path.format("test"),)}
    title = f"{title}, development and test"
    held = held_out(
        source,
        f"headqa_{lang}_held_out",
        files,
        title=title,
        published_rows=4_108,
        evaluated_as=f"headqa_{lang}",
        subset_field="category",
    )
    return source, held


HEADQA_EN, HEADQA_EN_HELD_OUT = _headqa("en", "HEAD-QA, English", "HEAD_EN/{}_HEAD_EN.json", "headqa")
HEADQA_ES, HEADQA_ES_HELD_OUT = _headqa("es", "HEAD-QA, Spanish", "HEAD/{}_HEAD.json")
