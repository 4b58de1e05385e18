"""COVID-19 questions with answers by health agencies, collected for COVID-QA in March 2020; ``meta`` keeps the HTML."""

from sources.fields.dates import parse_date
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import numbered, qa, table
from sources.source import Raw, Source

ABOUT = ("answer_html", "name", "source", "category", "country", "region", "city", "last_update")


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one row into a draft; every sixth link begins with a line break, which is dropped."""
    row = raw.value
    meta = {"link": row["link"].strip(), **{name: row[name] or None for name in ABOUT}}
    more = {"meta": meta, "lang": row["lang"], "date": parse_date(row["last_update"])}
    return qa(numbered(raw, file), row["question"], row["answer"], **more)


COVID_FAQ = Source(
    name="covid_faq",
    title="COVID-QA, agencies' answers",
    home="https://github.com/deepset-ai/COVID-QA",
    license="Apache-2.0",
    license_read="LICENSE of deepset-ai/COVID-QA",
    task="qa",
    lang="en",
    folder="covid_qa_deepset",
    files={"train": ("data/faqs/faq_covidbert.csv",)},
    schema_read=(PUBLISHED_FILES,),
    rows=table,
    parse=parse,
    published_rows=213,
    instruction_subject="public information on COVID-19",
)
