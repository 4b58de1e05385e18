"""LiveQA TREC 2017, medical task (Ben Abacha et al. 2017): the test questions, as XML, with reference answers."""

from xml.etree.ElementTree import Element

from sources.connectors.liveqa import questions_of
from sources.files import RawFile
from sources.record import Draft
from sources.schema.columns import repository_file
from sources.shapes.row_shapes import qa, whole_text, xml
from sources.source import Benchmark, Raw


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one question into a draft; reference answers are joined, their addresses in ``meta``."""
    question: Element = raw.value
    subject, message, summary = (
        whole_text(question.find(path))
        for path in ("Original-Question/SUBJECT", "Original-Question/MESSAGE", "NLM-Summary")
    )
    prompt = questions_of(subject, message)
    meta = {"summary": summary, "urls": _texts(question, "AnswerURL")}
    return qa(question.attrib["qid"], prompt, "\n\n".join(_texts(question, "ANSWER")), meta=meta)


def _texts(element: Element, tag: str) -> list[str]:
    return [text for found in element.iter(tag) if (text := (whole_text(found) or "").strip())]


LIVEQA_TEST = Benchmark(
    name="liveqa_test",
    title="LiveQA TREC 2017 medical, test questions",
    home="https://github.com/abachaa/LiveQA_MedicalTask_TREC2017",
    license="LicenseRef-none-stated",
    license_read="README of abachaa/LiveQA_MedicalTask_TREC2017, which states none",
    task="qa",
    lang="en",
    files={"test": ("TestDataset/TREC-2017-LiveQA-Medical-Test-Questions-w-summaries.xml",)},
    schema_read=(
        repository_file(
            "abachaa/LiveQA_MedicalTask_TREC2017",
            "TestDataset/TREC-2017-LiveQA-Medical-Test-Questions-w-summaries.xml",
            "columns",
            "splits",
            result="agrees; its first questions",
        ),
        repository_file(
            "abachaa/LiveQA_MedicalTask_TREC2017",
            "Readme.md",
            "columns",
            "splits",
            "license",
            result="agrees; it states no licence",
        ),
    ),
    rows=xml("NLM-QUESTION"),
    parse=parse,
    published_rows=104,
)
