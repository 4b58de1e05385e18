"""RQE (Ben Abacha and Demner-Fushman 2016): does one health question entail another?

A question entails a second one if every answer to the second answers the first too, in whole or in part.
"""

from collections.abc import Iterator
from dataclasses import replace

from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import mcq, task_and_question, whole_text, xml
from sources.source import Broken, Raw, Source, held_out

ASK = "Does every answer to the second question also answer the first, at least in part?"
ANSWERS = {"true": 0, "false": 1}


def pairs(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the pairs of a file, attributes and questions in one dict; line breaks around a question are layout."""
    for raw in xml("pair")(file):
        assert isinstance(raw, Raw), "an XML file is read whole or not at all"
        yield Raw(raw.line, {**raw.value.attrib, **{part.tag: (whole_text(part) or "").strip() for part in raw.value}})


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a question with the options yes and no."""
    row = raw.value
    if row["value"] not in ANSWERS:
        raise ValueError(f"value is {row['value']!r}, expected true or false")
    if not (row["chq"] and row["faq"]):
        raise ValueError(f"pair {row['pid']} has an empty side, expected two questions")
    asked = f"First question: {row['chq']}\n\nSecond question: {row['faq']}"
    draft = mcq(f"{file.split}-{row['pid']}", asked, ("yes", "no"), ANSWERS[row["value"]], meta={"type": row["type"]})
    return replace(draft, messages=task_and_question(ASK, asked))


RQE = Source(
    name="rqe",
    title="RQE",
    home="https://github.com/abachaa/RQE_Data_AMIA2016",
    license="CC-BY-4.0",
    license_read="Readme.txt of abachaa/RQE_Data_AMIA2016",
    task="text-classification",
    lang="en",
    folder="rqe",
    files={"train": ("RQE_Train_8588_AMIA2016.xml",)},
    schema_read=(PUBLISHED_FILES,),
    rows=pairs,
    parse=parse,
    published_rows=8_588,
)

RQE_TEST = held_out(
    RQE,
    "rqe_test",
    {"test": ("RQE_Test_302_pairs_AMIA2016.xml",)},
    title="RQE, test",
    published_rows=302,
    evaluated_as="rqe",
)
