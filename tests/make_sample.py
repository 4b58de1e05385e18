"""Writes the embedded sample, ``sources/sample``, from the texts in ``tests/sample``: ``python tests/make_sample.py``.

The texts were written for this project. Patients, studies and their figures are invented, and so are all ids: pmids,
MedMCQA numbers, exam names and archive members are none that the real corpora use. A text file holds blocks::

    === section                            the exam or the archive member that the next blocks belong to
    @label words kind of=x like=y | what   a row; kind, of and what only where a defect is planted
    !gone: text                            what cleaning must remove from the row
    !kept: text                            what must survive it
    body                                   up to the next block; one line ``raw: …`` is a row as it stands

``+`` marks the right option and ``-`` a wrong one; they are put in an order that depends on nothing but the label (or
on the label given by ``like``). Lines that start with ``#`` are comments.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

TEXTS = Path(__file__).parent / "sample"
SAMPLE = Path(__file__).parents[1] / "sources" / "sample"

FATES = {
    "exact_duplicate": "dropped",
    "shuffled_duplicate": "dropped",
    "near_duplicate": "dropped",
    "licence_conflict": "dropped",
    "leak_exact": "dropped",
    "leak_shuffled": "dropped",
    "leak_reworded": "dropped",
    "held_out": "dropped",
    "junk_question": "dropped",
    "junk_answer": "dropped",
    "empty_answer": "dropped",
    "empty_shell": "dropped",
    "repeated_option": "dropped",
    "too_short": "dropped",
    "repetitive": "dropped",
    "wrong_language": "dropped",
    "absent_image": "dropped",
    "broken": "quarantined",
    "empty_rationale": "repaired",
    "personal_data": "repaired",
    "mojibake": "repaired",
    "html": "repaired",
    "url_or_email": "repaired",
    "boilerplate": "repaired",
    "lookalike": "kept",
}
"""The planted kinds, and what should become of such a row; ``repaired`` rows stay without what ``gone`` lists."""

EXAM_LETTERS = dict(biology="B", nursery="E", pharmacology="F", medicine="M", psychology="P", chemistry="Q")
INSTRUCTION = "Answer the patient's question as a careful physician would."


@dataclass(frozen=True, kw_only=True)
class Block:
    """One row as written; ``of`` is what it copies, ``like`` the label that gives the order of its options."""

    label: str
    section: str
    words: tuple[str, ...]
    kind: str
    of: str
    like: str
    image: str
    what: str
    gone: tuple[str, ...]
    kept: tuple[str, ...]
    body: tuple[str, ...]

    @property
    def raw(self) -> str | None:
        """The row as it stands, for rows that are broken on purpose."""
        return self.body[0].removeprefix("raw: ") if self.body[0].startswith("raw: ") else None

    def part(self, mark: str) -> str:
        """Return the line that starts with ``mark``, without it."""
        return next(line.removeprefix(mark) for line in self.body if line.startswith(mark))


@dataclass(frozen=True)
class Sample:
    """What a run writes: ``files`` by path, and ``truth``, the planted rows by kind."""

    files: dict[str, bytes] = field(default_factory=dict)
    truth: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def plant(self, block: Block, source: str, file: str, line: int) -> None:
        """Note what is wrong with a row, and where it stands: the place in the file that its connector will count."""
        if not block.kind:
            return
        of = block.of if ":" in block.of else f"{source}:{block.of}"
        entry = {"id": native_id(f"{source}:{block.label}"), "file": file, "line": line, "fate": FATES[block.kind]}
        entry |= {"what": block.what} | ({"of": native_id(of)} if block.of else {})
        entry |= {name: list(getattr(block, name)) for name in ("gone", "kept") if getattr(block, name)}
        self.truth.setdefault(block.kind, []).append(entry)


# --- reading the texts ---------------------------------------------------------------------------------------------


def blocks(name: str) -> Iterator[Block]:
    """Yield the blocks of ``tests/sample/<name>.txt`` in their order."""
    text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    section = ""
    for chunk in re.split(r"^(?==== |@)", re.sub(r"^#.*\n", "", text, flags=re.M), flags=re.M):
        if chunk.startswith("=== "):
            section = chunk[4:].strip()
        elif chunk:
            yield _block(chunk.rstrip("\n").split("\n"), section)


def _block(lines: list[str], section: str) -> Block:
    head, _, what = lines[0][1:].partition(" | ")
    label, *words = re.findall(r"\[.*?\]|\S+", head)
    given = dict(word.split("=", 1) for word in words if "=" in word)
    kind = next((word for word in words if word in FATES), "")
    notes = [line for line in lines[1:] if line.startswith("!")]
    gone = tuple(note.removeprefix("!gone: ") for note in notes if note.startswith("!gone: "))
    kept = tuple(note.removeprefix("!kept: ") for note in notes if note.startswith("!kept: "))
    body = tuple(lines[1 + len(notes) :])
    if kind == "mojibake":
        gone, body = tuple(map(garbled, kept)), tuple(map(garbled, body))
    copies_order = given.get("of", "") if kind == "exact_duplicate" else ""
    return Block(
        label="/".join([*section.split(" | ")[0].split(), label]),
        section=section,
        words=tuple(word.strip("[]") for word in words if word != kind and "=" not in word),
        kind=kind,
        of=given.get("of", ""),
        like=given.get("like") or copies_order,
        image=given.get("image", ""),
        what=what,
        gone=gone,
        kept=kept,
        body=body,
    )


def garbled(text: str) -> str:
    """Return ``text`` as it looks when its UTF-8 bytes are read as Windows-1252."""
    return text.encode().decode("cp1252")


def native_id(name: str) -> str:
    """Return the id that the connector of a source gives to the row with a label: both as ``source:label``."""
    source, label = name.split(":")
    return f"{source}:{NATIVE.get(source, str)(label)}"


def _exam_question(label: str) -> str:
    year, category, number = label.split("/")
    return f"{exam_name(year, category)}-{number}"


def _archive_pair(label: str) -> str:
    path, pair = label.rsplit("/", 1)
    return f"{path}:{path.rsplit('/')[-1]}-{pair}"


NATIVE: dict[str, Callable[[str], str]] = {
    "medmcqa_sample": "medmcqa_train_{}".format,
    "medmcqa_validation": "medmcqa_validation_{}".format,
    "headqa_en": _exam_question,
    "headqa_en_held_out": _exam_question,
    "medquad": _archive_pair,
    "genmedgpt5k": "train-{}".format,
    "mts_dialog": "MTS-Dialog-TrainingSet-{}".format,
    "mts_dialog_held_out": "MTS-Dialog-{}".format,
}
"""How connectors make an id from a row's label; PubMedQA takes the label, a pmid, as it is."""


def choices(block: Block) -> tuple[str, list[str], int]:
    """Return question, options and the position of the right one."""
    lines = [(line[0] == "+", line[2:]) for line in block.body if line[:2] in ("+ ", "- ")]
    seed = block.like or block.label
    shuffled = sorted(lines, key=lambda pair: hashlib.sha256(f"{seed} {_letters(pair[1])}".encode()).digest())
    question = "\n".join(block.body[: -len(lines)])
    return question, [text for _, text in shuffled], [right for right, _ in shuffled].index(True)


def _letters(option: str) -> str:
    return re.sub(r"[^\w ]", "", option.lower())


# --- writing the corpora -------------------------------------------------------------------------------------------


def write_json(value: Any) -> bytes:
    """Return ``value`` as indented JSON."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def medmcqa(sample: Sample) -> None:
    """Add the dict of training rows and that of the benchmark, keyed by uuid."""
    for name, source, file in (
        ("medmcqa", "medmcqa_sample", "medmcqa/medmcqa_val.json"),
        ("medmcqa_benchmark", "medmcqa_validation", "medmcqa/medmcqa_test.json"),
    ):
        rows = {}
        for number, block in enumerate(blocks(name), 1):
            id = native_id(f"{source}:{block.label}").split(":")[1]
            rows[str(uuid.uuid5(uuid.NAMESPACE_OID, id))] = (
                json.loads(block.raw) if block.raw else _letters_mcq(id, block)
            )
            sample.plant(block, source, file, number)
        sample.files[f"hpai_prompt_engine/{file}"] = write_json(rows)


def _letters_mcq(id: str, block: Block) -> dict[str, Any]:
    question, options, gold = choices(block)
    lettered = dict(zip("ABCDE", options, strict=False))
    return {"id": id, "question": question, "correct_answer": "ABCDE"[gold], "options": lettered}


def headqa(sample: Sample) -> None:
    """Add the exams of training, development and test."""
    for split in ("train", "dev", "test"):
        file, exams = f"HEAD_EN/{split}_HEAD_EN.json", {}
        for number, block in enumerate(blocks(f"headqa_{split}"), 1):
            year, category = block.section.split()
            name = exam_name(year, category)
            empty = {"name": name, "category": category, "year": year, "data": []}
            exams.setdefault(name, empty)["data"].append(json.loads(block.raw) if block.raw else _exam_mcq(block))
            sample.plant(block, "headqa_en" if split == "train" else "headqa_en_held_out", file, number)
        sample.files[f"headqa/{file}"] = write_json({"version": "1.0", "language": "en", "exams": exams})


def exam_name(year: str, category: str) -> str:
    """Return the name of an exam, in the pattern of HEAD-QA."""
    return f"Sample_{year}_1_{EXAM_LETTERS[category]}"


def _exam_mcq(block: Block) -> dict[str, Any]:
    question, options, gold = choices(block)
    answers = [{"aid": aid, "atext": text} for aid, text in enumerate(options, 1)]
    qid, image = block.label.rsplit("/", 1)[-1], f"./data/sample/{block.image}" if block.image else ""
    return {"qid": qid, "qtext": question, "ra": str(gold + 1), "answers": answers, "image": image}


def medquad(sample: Sample) -> None:
    """Add the two archives of XML files."""
    for name, archive, about in (
        ("medquad", "medquad_xml_collections_1-9.tar", UMLS),
        ("medquad_12", "medquad_xml_collection_12_emptied_answers.tar", "<Category>Drug</Category>"),
    ):
        documents: dict[str, list[Block]] = {}
        for number, block in enumerate(blocks(name), 1):
            documents.setdefault(block.section, []).append(block)
            sample.plant(block, "medquad", archive, number)
        assert list(documents) == sorted(documents), "the archive is read in the order of its names"
        members = {section.split(" | ")[0]: _document(section, rows, about) for section, rows in documents.items()}
        sample.files[f"medquad/{archive}.gz"] = tarball(members)


UMLS = """<UMLS>
\t\t<CUIs>
\t\t\t<CUI>{cui}</CUI>
\t\t</CUIs>
\t\t<SemanticTypes>
\t\t\t<SemanticType>T047</SemanticType>
\t\t</SemanticTypes>
\t\t<SemanticGroup>Disorders</SemanticGroup>
\t</UMLS>"""

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Document id="{id}" source="{source}" url="https://example.org/{source}/{id}">
<Focus>{focus}</Focus>
<FocusAnnotations>
\t{about}
</FocusAnnotations>
<QAPairs>
{pairs}</QAPairs>
</Document>
"""

PAIR = """\t<QAPair pid="{pid}">
\t\t<Question qid="{id}-{pid}" qtype="{qtype}">{question}</Question>
\t\t<Answer>{answer}</Answer>
\t</QAPair>
"""


def _document(section: str, rows: list[Block], about: str) -> bytes:
    path, focus, cui = (part.strip() for part in section.split("|"))
    folder, id = path.split("/")
    pairs = "".join(_pair(id, block) for block in rows)
    source = folder.split("_", 1)[1].removesuffix("_QA")
    return DOCUMENT.format(id=id, source=source, focus=focus, about=about.format(cui=cui), pairs=pairs).encode()


def _pair(id: str, block: Block) -> str:
    pid, qtype, answer = block.label.rsplit("/", 1)[-1], block.words[0], "\n".join(block.body[1:])
    return PAIR.format(id=id, pid=pid, qtype=qtype, question=escape(block.part("Q: ")), answer=escape(answer))


def tarball(members: dict[str, bytes]) -> bytes:
    """Return a gzipped tar archive of XML files, without times or owners, so that equal members make equal files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(members.items()):
            info = tarfile.TarInfo(f"medquad/{path}.xml")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)


def pubmedqa(sample: Sample) -> None:
    """Add the abstracts and the list of those that make the official test set."""
    file, rows, test = "data/ori_pqal.json", {}, {}
    for number, block in enumerate(blocks("pubmedqa"), 1):
        rows[block.label] = json.loads(block.raw) if block.raw else _abstract(block)
        if block.kind == "held_out":
            test[block.label] = block.words[0]
        sample.plant(block, "pubmedqa", file, number)
    sample.files[f"pubmedqa/{file}"] = write_json(rows)
    sample.files["pubmedqa/data/test_ground_truth.json"] = write_json(test)


def _abstract(block: Block) -> dict[str, Any]:
    decision, year = block.words
    sections = [line.split(": ", 1) for line in block.body if re.match(r"(?!MESH)[A-Z]{2,}: ", line)]
    return {
        "QUESTION": block.part("Q: "),
        "CONTEXTS": [text for _, text in sections],
        "LABELS": [label for label, _ in sections],
        "MESHES": block.part("MESH: ").split("; "),
        "YEAR": year,
        "reasoning_required_pred": decision,
        "reasoning_free_pred": decision,
        "final_decision": decision,
        "LONG_ANSWER": block.part("A: "),
    }


def genmedgpt(sample: Sample) -> None:
    """Add the list of questions and answers; the word ``bare`` leaves a row without the common instruction."""
    file, rows = "chatdoctor5k.json", []
    for number, block in enumerate(blocks("genmedgpt"), 1):
        assert block.label == str(number), f"row {number} is labelled {block.label}: its connector counts rows"
        rows.append(json.loads(block.raw) if block.raw else _exchange(block))
        sample.plant(block, "genmedgpt5k", file, number)
    sample.files[f"restricted/genmedgpt5k/{file}"] = write_json(rows)


def _exchange(block: Block) -> dict[str, str]:
    instruction = "" if "bare" in block.words else INSTRUCTION
    return {"instruction": instruction, "input": block.part("P: "), "output": block.part("D: ")}


def mts_dialog(sample: Sample) -> None:
    """Add the four csv files; dialogues of the training file break lines with CRLF, the others with LF."""
    for name, part, break_ in (
        ("mts_dialog", "TrainingSet", "\r\n"),
        ("mts_dialog_validation", "ValidationSet", "\n"),
        ("mts_dialog_test1", "TestSet-1-MEDIQA-Chat-2023", "\n"),
        ("mts_dialog_test2", "TestSet-2-MEDIQA-Sum-2023", "\n"),
    ):
        file, text = f"Main-Dataset/MTS-Dialog-{part}.csv", "ID,section_header,section_text,dialogue\r\n"
        for block in blocks(name):
            sample.plant(block, "mts_dialog", file, 1 + text.count("\n"))
            text += f"{block.raw}\r\n" if block.raw else _csv_row(block, break_)
        sample.files[f"mts_dialog/{file}"] = text.encode()


def _csv_row(block: Block, break_: str) -> str:
    stream = io.StringIO()
    dialogue = break_.join(block.body[1:])
    csv.writer(stream, lineterminator="\r\n").writerow([block.label, block.words[0], block.part("S: "), dialogue])
    return stream.getvalue()


def make() -> Sample:
    """Return all files of the sample, ``truth.json`` among them, by their path under ``sources/sample``."""
    sample = Sample()
    for corpus in (medmcqa, headqa, medquad, pubmedqa, genmedgpt, mts_dialog):
        corpus(sample)
    sample.files["truth.json"] = write_json({kind: sample.truth[kind] for kind in FATES})
    return sample


def main(folder: Path = SAMPLE) -> None:
    """Write the sample to ``folder``."""
    for path, content in make().files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


if __name__ == "__main__":
    main()
