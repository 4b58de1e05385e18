"""MedQuAD (Ben Abacha and Demner-Fushman 2019): questions and answers from NIH web sites, XML files in tar archives.

``qid`` repeats across and within collections, so file and ``qid`` are the id of a pair. Answers removed for copyright
are empty. Four NINDS files use ``doc`` and ``pair`` in place of ``Document`` and ``QAPair``; readers that look for
the latter only miss 16 pairs.
"""

from collections import defaultdict
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, fromstring

from sources.files import RawFile
from sources.formats.archives import members
from sources.record import Draft
from sources.schema.columns import PUBLISHED_FILES
from sources.shapes.row_shapes import qa, whole_text
from sources.source import Broken, Raw, Source

ABOUT = {"focus": "focus", "synonyms": "synonym", "cuis": "cui", "semantic_types": "semantictype"}
ABOUT |= {"semantic_group": "semanticgroup", "category": "category"}
OTHER_TAGS = {"pair": "qapair", "doctitle-focus": "focus"}


def pairs(file: RawFile) -> Iterator[Raw | Broken]:
    """Yield the pairs of all XML files in an archive, numbered from 1, each with the attributes of its document."""
    number = 0
    for path, content, problem in members(file, ".xml"):
        try:
            if problem:
                raise ValueError(problem)
            rows = _rows("/".join(path.split("/")[-2:]).removesuffix(".xml"), fromstring(content))
        except (ParseError, ValueError, LookupError) as error:
            number += 1
            why = problem or f"{path} is not XML: {error}"
            yield Broken(number, why, content.decode(errors="backslashreplace"))
            continue
        yield from (Raw(number + i, row) for i, row in enumerate(rows, 1))
        number += len(rows)


def _rows(name: str, document: Element) -> list[dict[str, object]]:
    found: dict[str, list[Element]] = defaultdict(list)
    for element in document.iter():
        tag = element.tag.lower()
        found[OTHER_TAGS.get(tag, tag)].append(element)
    about = {name: [text for element in found[tag] if (text := whole_text(element))] for name, tag in ABOUT.items()}
    origin = {"source": document.get("source") or document.get("corpus"), "url": document.get("url")}
    asked = ({part.tag.lower(): (whole_text(part), dict(part.attrib)) for part in pair} for pair in found["qapair"])
    return [{"name": name, "about": {**origin, **about}, **parts} for parts in asked]


def parse(raw: Raw, file: RawFile) -> Draft:
    """Turn one pair into a draft; a blank answer counts as missing."""
    (question, named), (answer, _) = raw.value["question"], raw.value["answer"]
    meta = {"qtype": named["qtype"], **raw.value["about"]}
    return qa(f"{raw.value['name']}:{named['qid']}", question, answer if (answer or "").strip() else None, meta=meta)


MEDQUAD = Source(
    name="medquad",
    title="MedQuAD",
    home="https://github.com/abachaa/MedQuAD",
    license="CC-BY-4.0",
    license_read="LICENSE.txt and readme.txt of abachaa/MedQuAD",
    task="qa",
    lang="en",
    files={"train": ("medquad_xml_collection*.tar",)},
    schema_read=(PUBLISHED_FILES,),
    rows=pairs,
    parse=parse,
    repairs=frozenset({"flattened_lists", "spaced_punctuation"}),
    published_rows=17_220,
    instruction_subject="consumer health",
)
