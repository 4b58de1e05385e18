"""Documents as passages: Markdown, HTML and PDF read and cut, each passage with its place; questions on folders."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cli.commands import main
from pipelines.own_files.document_table import are_documents
from pipelines.own_files.file_tables import TableError
from pipelines.recipes import aloe_sft
from sources.documents.document import Block, Document
from sources.documents.markdown import read_markdown
from sources.documents.passage_cuts import PassageSize, cut_passages, read_document
from sources.documents.passage_rows import COLUMNS, passage_rows
from sources.documents.web_page import read_web_page
from sources.files import FileError, RawFile
from synth.teachers.teacher import Completion

MIRROR = Path(__file__).parent / "fixtures" / "mirror"

MARKDOWN = """---
title: Croup in children
date: 2024-05
---
# Croup

A barking cough and hoarseness come on in the evening.

## Treatment

Every child gets one dose of dexamethasone.

- No steam.
- No cough syrup.

### Adrenaline

It acts within ten minutes.

<!-- draft: ask the ward -->

Follow-up
---------

The child is seen again the next day.
"""

PAGE = b"""<!doctype html><html><head><title>Gout | Clinic</title><meta name="date" content="2023-02-01">
<script>track()</script></head><body><nav>Home</nav><main><h1>Gout</h1><p>Acute <b>gout</b> hurts.<br>Rest helps.</p>
<h2>Drugs</h2><ul><li>Naproxen</li><li>Colchicine</li></ul>
<table><tr><th>Drug</th><th>Dose</th></tr><tr><td>Colchicine</td><td>0.5 mg</td></tr></table></main>
<footer>Printed copies are not valid.</footer></body></html>"""


def pieces(document, least=1, most=1_000):
    return [(one.headings, one.text) for one in cut_passages(document, PassageSize(least=least, most=most))]


def test_markdown_is_cut_at_headings_and_its_offsets_are_those_of_the_file():
    document = read_markdown(MARKDOWN, "croup")
    assert (document.title, document.date) == ("Croup in children", "2024-05")
    assert pieces(document) == [
        (("Croup",), "A barking cough and hoarseness come on in the evening."),
        (
            ("Croup", "Treatment"),
            "Every child gets one dose of dexamethasone.\n\n- No steam.\n- No cough syrup.",
        ),
        (("Croup", "Treatment", "Adrenaline"), "It acts within ten minutes."),
        (("Croup", "Follow-up"), "The child is seen again the next day."),
    ]
    for one in cut_passages(document, PassageSize(least=1)):
        assert MARKDOWN[one.start : one.end] == one.text


def test_short_sections_are_joined_under_the_heading_that_they_share():
    joined = pieces(read_markdown(MARKDOWN, "croup"), least=100)
    assert [headings for headings, _ in joined] == [("Croup",), ("Croup",)]
    assert "## Treatment" in joined[0][1]


DOSE = "The child is given a dose of 10 mg by mouth, and a nurse looks again after an hour. "


def test_a_section_just_above_the_greatest_length_is_cut_into_two_of_about_equal_length():
    text = "# Croup\n\n" + DOSE * 20
    parts = [one for _, one in pieces(read_markdown(text, "croup"), least=300, most=1_500)]
    assert [len(one) for one in parts] == [839, 839]
    assert all(one.endswith("an hour.") for one in parts)
    assert " ".join(parts) == (DOSE * 20).strip()


def test_what_is_left_of_a_section_takes_sentences_of_the_passage_before_it_and_none_of_the_next_section():
    text = f"# Croup\n\n{DOSE * 17}\n\nNo steam.\n\n# Asthma\n\n{DOSE * 17}\n"
    document = read_markdown(text, "ward")
    passages = list(cut_passages(document, PassageSize(least=300, most=1_430)))
    assert [(one.headings, len(one.text)) for one in passages] == [
        (("Croup",), 755),
        (("Croup",), 683),
        (("Asthma",), 1_427),
    ]
    assert passages[1].text.endswith("an hour. \n\nNo steam.")
    assert all(text[one.start : one.end] == one.text for one in passages)


def test_a_short_section_before_a_long_one_is_joined_with_the_one_before_it():
    text = f"# Ward\n\n## Croup\n\n{DOSE * 5}\n\n## Steam\n\nNo steam.\n\n## Asthma\n\n{DOSE * 17}\n"
    parts = pieces(read_markdown(text, "ward"), least=300, most=1_430)
    assert [(headings, one[-9:]) for headings, one in parts] == [
        (("Ward",), "No steam."),
        (("Ward", "Asthma"), " an hour."),
    ]


def test_a_web_page_is_read_without_navigation_scripts_and_footer():
    document = read_web_page(PAGE, "gout")
    assert (document.title, document.date) == ("Gout", "2023-02-01")
    assert pieces(document) == [
        (("Gout",), "Acute gout hurts. Rest helps."),
        (("Gout", "Drugs"), "- Naproxen\n\n- Colchicine\n\nDrug | Dose\n\nColchicine | 0.5 mg"),
    ]


def test_a_page_without_a_main_part_or_heading_has_the_title_of_its_head():
    document = read_web_page(b"<title>Fever</title><div>Drink <i>enough</i>.</div>", "x")
    assert (document.title, document.text) == ("Fever", "Drink enough.")
    assert read_web_page(b"", "x").title == "x"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<article><p>One.</p></article><article><p>Two.</p></article>", "One.\n\nTwo."),  # none is the main one
        ("<main></main><div>Written beside it.</div>", "Written beside it."),
        ("<form action=x><p>Rest.</p><select><option>a</option></select></form>", "Rest."),  # whole pages are forms
        ("<main><p>Colchicine.</p><aside>Never with alcohol.</aside></main>", "Colchicine.\n\nNever with alcohol."),
        ("<article><p>Rest.</p><aside>Note.</aside></article><aside>Menu</aside>", "Rest.\n\nNote."),
        ("<p>Rest.</p><aside>Menu</aside>", "Rest."),
    ],
)
def test_no_content_of_a_web_page_is_lost(page, text):
    assert read_web_page(page.encode(), "x").text == text


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "latin1"])
def test_a_web_page_is_read_in_the_encoding_that_it_names(charset):
    page = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}"><p>Fi\u00e8vre \u2013 repos.'
    assert read_web_page(page.encode("cp1252"), "x").text == "Fi\u00e8vre \u2013 repos."
    assert read_web_page(page.encode(), "x").text == "Fi\u00e8vre \u2013 repos."  # as many pages that name another


@pytest.mark.parametrize(("tag", "lang"), [("de", "de"), ("es-MX", "es"), ("Deutsch", None), ("", None)])
def test_a_document_is_in_the_language_that_it_states(tag, lang, tmp_path):
    for name, content in (
        ("a.md", f"---\nlang: '{tag}'\n---\n# Asthma\n\nSauerstoff wird gegeben.\n"),
        ("a.html", f"<html lang='{tag}'><body><h1>Asthma</h1><p>Sauerstoff wird gegeben.</p></body></html>"),
    ):
        (tmp_path / name).write_text(content)
        (raw,) = passage_rows(RawFile(name, tmp_path / name), least=1, most=99)
        assert raw.value[COLUMNS["language"]] == lang


def test_text_behind_a_comment_is_read_and_a_comment_is_not():
    text = "<!-- p. 1 --> Dose: 5 mg.\n\n<!-- a -->\n\n<!-- b\n\nc -->\n\nEnd.\n\n<!-- open\n\nLast.\n"
    document = read_markdown(text, "x")
    assert [text[one.start : one.end] for one in document.blocks] == [
        "<!-- p. 1 --> Dose: 5 mg.",
        "End.",
        "<!-- open\n\nLast.",
    ]


def test_form_feeds_of_a_text_end_its_pages():
    text = "ASTHMA\n\nThe child sits up.\n\fOxygen is given.\n\f\fReferences\n"
    passages = list(cut_passages(read_markdown(text, "asthma"), PassageSize(least=1, most=40)))
    assert [(one.page, one.last_page, one.text) for one in passages] == [
        (1, 1, "ASTHMA\n\nThe child sits up."),
        (2, 4, "Oxygen is given.\n\n\nReferences"),
    ]
    assert all(text[one.start : one.end].replace("\f", "\n") == one.text for one in passages)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.text("ab. \n", min_size=1, max_size=80)), max_size=12),
    st.integers(1, 30),
    st.integers(30, 60),
)
def test_every_character_of_a_paragraph_is_in_one_passage_of_bounded_size(blocks, least, most):
    text, placed = "", []
    for level, content in blocks:
        placed.append(Block(start=len(text), end=len(text) + len(content), level=level))
        text += content + "\n\n"
    passages = list(
        cut_passages(Document(title="t", text=text, blocks=tuple(placed)), PassageSize(least=least, most=most))
    )
    for one, following in pairwise(passages):
        assert one.end <= following.start
        if min(len(one.text), len(following.text)) < least:
            assert following.end - one.start > most
    assert all(one.text == text[one.start : one.end] and len(one.text) <= most for one in passages)
    covered = {at for one in passages for at in range(one.start, one.end)}
    for block in placed:
        if not block.level:
            assert all(at in covered or text[at].isspace() for at in range(block.start, block.end))


def test_a_pdf_has_pages_headings_and_no_running_titles(tmp_path):
    pytest.importorskip("pypdf", reason="needs pypdf: install the extra 'documents'")
    path = tmp_path / "sepsis.pdf"
    path.write_bytes(two_pages())
    document = read_document(RawFile("sepsis.pdf", path))
    passages = list(cut_passages(document, PassageSize(least=1, most=60)))
    assert [(one.headings, one.page, one.text) for one in passages] == [
        (("Sepsis",), 1, "Blood cultures are taken before antibiotics."),
        (("Sepsis",), 2, "Fluid is given in the first three hours."),
    ]
    assert passages[1].citation("sepsis.pdf").startswith("sepsis.pdf, p. 2, Sepsis, characters ")
    (whole,) = cut_passages(document, PassageSize())
    assert whole.citation("sepsis.pdf") == "sepsis.pdf, p. 1–2, Sepsis, characters 8–94"


@pytest.mark.parametrize(("picture", "pages"), [(b"", ()), (b"/XObject << /P 3 0 R >>", (2,))])
def test_a_scanned_page_among_others_is_named(tmp_path, picture, pages):
    pytest.importorskip("pypdf", reason="needs pypdf: install the extra 'documents'")
    first, second = two_pages().split(b"6 0 obj")
    second = second.replace(b"/Font << /F 3 0 R >>", picture).replace(b" Tj", b" pop")
    (tmp_path / "sepsis.pdf").write_bytes(first + b"6 0 obj" + second)
    assert read_document(RawFile("sepsis.pdf", tmp_path / "sepsis.pdf")).scanned_pages == pages


def two_pages():
    """Return a PDF of two pages written by hand: a running title, a heading, a line, a page number each."""
    pages = [
        ("Sepsis", "Blood cultures are taken before antibiotics."),
        (None, "Fluid is given in the first three hours."),
    ]
    streams = []
    for number, (heading, line) in enumerate(pages, 1):
        content = "BT /F 9 Tf 50 800 Td (Clinic) Tj ET\n"
        content += f"BT /F 20 Tf 50 760 Td ({heading}) Tj ET\n" if heading else ""
        content += f"BT /F 11 Tf 50 720 Td ({line}) Tj ET\nBT /F 9 Tf 50 30 Td (Page {number}) Tj ET\n"
        streams.append(content.encode())
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [4 0 R 6 0 R] /Count 2 >>"]
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, stream in enumerate(streams):
        facts = "/Parent 2 0 R /MediaBox [0 0 600 850] /Resources << /Font << /F 3 0 R >> >>"
        facts += f" /Contents {5 + 2 * number} 0 R"
        objects.append(f"<< /Type /Page {facts} >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1, table, len(objects) + 1, start,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.md", b"\xff\xfe", "is UTF-16, expected UTF-8"),
        ("a.txt", b"gr\xfcn", "is not UTF-8: byte 2 is 0xfc; save it as UTF-8"),
        ("a.html", b"<p>gr\xfcn", r"is not UTF-8 \(byte 5 is 0xfc\) and its charset is none; save it as UTF-8"),
        ("a.html", b"<meta charset=x-own><p>gr\xfcn", "and its charset is x-own"),
        ("a.html", b"<div>" * 5_000 + b"deep", "cannot be read as a document: maximum recursion depth"),
        ("a.md", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ],
)
def test_a_document_that_cannot_be_read_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_document(RawFile(name, path))


@pytest.mark.parametrize("content", [b"no pdf at all", b"%PDF-1.4\nbroken"])
def test_a_damaged_pdf_is_named(tmp_path, content):
    pytest.importorskip("pypdf", reason="needs pypdf: install the extra 'documents'")
    (tmp_path / "a.pdf").write_bytes(content)
    with pytest.raises(FileError, match=r"a\.pdf cannot be read as a document: it is damaged"):
        read_document(RawFile("a.pdf", tmp_path / "a.pdf"))


class Writer:
    """A model that asks about the first words of a passage, and agrees with itself unless it is about gout."""

    name, revision, license = "writer", "1", "Apache-2.0"

    def __init__(self, counts=False):
        self.tokens = {"prompt_tokens": 50, "completion_tokens": 9} if counts else {}

    def complete(self, requests):
        for request in requests:
            said = request.messages[-1].content
            if request.stage == "passage-question":
                support = " ".join(said.partition("Passage:\n")[2].split()[:6])
                reply = {"question": "What is known?", "answer": f"It is that {support[:12]}.", "support": support}
            elif request.stage == "passage-answer":
                reply = {"answerable": "gout" not in said, "answer": "That."}
            else:
                reply = {"remark": "The same.", "agree": True}
            yield request, Completion(text=json.dumps(reply), finish_reason="stop", **self.tokens)


def test_a_folder_of_guidelines_becomes_questions_that_cite_document_heading_and_characters(tmp_path, monkeypatch):
    monkeypatch.setattr("synth.teachers.specs.teacher", lambda spec, options=None: Writer())
    folder = tmp_path / "guidelines"
    (folder / "web").mkdir(parents=True)
    (folder / "croup.md").write_text(MARKDOWN.replace("the next day.", "the next day. " + "It is told to drink. " * 20))
    (folder / "web" / "gout.html").write_bytes(PAGE.replace(b"Rest helps.", b"Rest of the joint helps gout. " * 12))
    (folder / "photo.png").write_bytes(b"x")
    (folder / "headings.md").write_text("# Croup\n")
    (folder / "empty.md").write_text("")
    arguments = ["--teacher", "w", "--store", tmp_path / "store", "--passage-chars", 200, 600, "--json"]
    done = CliRunner().invoke(main, [*map(str, ("questions", folder, "--out", tmp_path / "out", *arguments))])
    assert done.exit_code == 0, done.output
    account = json.loads(done.stdout)
    assert (account["documents"], account["documents without text"], account["files not read .png"]) == (2, 2, 1)
    kept, dropped = (pl.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("kept", "dropped"))
    assert kept.select("document", "heading", "date", "question").rows() == [
        ("croup.md", "Croup > Follow-up", "2024-05", "What is known?")
    ]
    row = kept.row(0, named=True)
    assert row["citation"] == f"croup.md, Croup > Follow-up, characters {row['start']}–{row['end']}"
    assert row["text"][row["support_start"] :].startswith(row["support"])
    reasons = dict(dropped.group_by("document").agg(pl.col("reason").unique().sort()).rows())
    assert reasons == {"croup.md": ["passage_length"], "web/gout.html": ["no_question"]}
    refused = dropped.filter(reason="no_question")
    assert refused["evidence"].to_list() == ['{"not_answerable":1}']
    candidates = pl.read_parquet(tmp_path / "out" / "candidates.parquet")
    assert {"row", "stage", "verdict", "text"} <= set(candidates.columns)


def test_questions_are_written_on_a_folder_of_which_some_documents_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr("synth.teachers.specs.teacher", lambda spec, options=None: Writer())
    folder, out = tmp_path / "guidelines", tmp_path / "out"
    folder.mkdir()
    (folder / "croup.md").write_text(f"# Croup\n\n{DOSE * 6}\n")
    (folder / "latin.txt").write_bytes(b"gr\xfcn")
    (folder / "headings.md").write_text("# Croup\n")
    call = ["questions", str(folder), "--out", str(out), "--teacher", "w", "--store", str(tmp_path / "store")]
    done = CliRunner().invoke(main, [*call, "--json"])
    assert done.exit_code == 0, done.output
    assert pl.read_parquet(out / "kept.parquet")["document"].to_list() == ["croup.md"]
    quarantined = pl.read_parquet(out / "quarantined.parquet").rows()
    assert quarantined == [
        ("headings.md", "it has no text besides headings, expected paragraphs"),
        ("latin.txt", "is not UTF-8: byte 2 is 0xfc; save it as UTF-8"),
    ]
    assert json.loads(done.stdout)["documents not read"] == 1
    shown = "headings.md: it has no text besides headings, expected paragraphs; latin.txt: is not UTF-8"
    assert f"quarantined: 2, listed in {out / 'quarantined.parquet'}: {shown}" in done.stderr
    (folder / "croup.md").unlink()
    done = CliRunner().invoke(main, [*call, "--overwrite"])
    assert done.exit_code == 1
    assert f"{folder}: no document with text ({shown}" in done.stderr


def test_the_files_of_a_folder_of_documents_that_are_not_read_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: Writer())
    (tmp_path / "mirror").mkdir()
    (tmp_path / "ward").mkdir()
    for name in ("croup.md", "a.docx", "b.DOCX", "LICENSE"):
        (tmp_path / "ward" / name).write_text(f"# Croup\n\n{DOSE * 6}\n")
    done = CliRunner().invoke(main, "plan aloe_sft --source ward=ward --mirror mirror --teacher w".split())
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines()[0] == "ward: files not read: 1 without a suffix, 2 .docx"


def test_a_file_of_another_kind_is_refused_with_the_kinds_of_documents_and_tables(tmp_path):
    (tmp_path / "note.xyz").write_text("Iron.")
    with pytest.raises(TableError, match=r"ends in \.xyz, expected a document \(.*\.md.*\) or a table \(\.parquet"):
        are_documents([tmp_path / "note.xyz"])


def test_documents_and_tables_are_not_mixed_and_an_empty_folder_is_named(tmp_path):
    (tmp_path / "a.md").write_text("# A\n\nText.")
    (tmp_path / "b.jsonl").write_text('{"text": "x"}\n')
    (tmp_path / "none").mkdir()
    for files, message in (
        (["a.md", "b.jsonl"], "expected only documents or only tables"),
        (["none"], "no document with"),
    ):
        paths = [str(tmp_path / name) for name in files]
        done = CliRunner().invoke(
            main, ["questions", *paths, "--out", str(tmp_path / "o"), "--teacher", "openai:http://localhost:1/v1#m"]
        )
        assert message in done.output
        assert not (tmp_path / "o").exists()


def test_a_folder_of_documents_is_a_source_whose_questions_are_traced_to_their_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: Writer())
    folder = tmp_path / "guidelines"
    (folder / "web").mkdir(parents=True)
    long = "The child is seen again the next day. " + "It is told to drink small amounts of water often. " * 7
    (folder / "croup.md").write_text(MARKDOWN.replace("The child is seen again the next day.", long))
    (folder / "web" / "gout.html").write_bytes(PAGE)
    (tmp_path / "guidelines.toml").write_text(
        'license = "CC-BY-4.0"\nlicense_read = "page 2"\npassage_chars = [200, 600]\n'
    )
    call = [
        "aloe_sft",
        "--source",
        "guidelines=guidelines",
        "--store",
        "store",
        "--workers",
        "1",
        "--mirror",
        str(MIRROR),
    ]
    done = CliRunner().invoke(main, ["build", *call])
    assert "source: guidelines has passages and no questions, expected teacher with it" in done.output
    done = CliRunner().invoke(main, ["build", *call, "--teacher", "w", "--teacher-license", "Apache-2.0", "--json"])
    assert done.exit_code == 0, done.output
    built = json.loads(done.stdout)
    (row,) = pl.read_parquet(tmp_path / built["folder"] / "kept" / "*.parquet").rows(named=True)
    assert (row["file"], row["line"], row["date"], row["task"]) == ("croup.md", 2, "2024-05", "qa")
    assert row["license"] == "Apache-2.0 AND CC-BY-4.0"
    note = json.loads(row["meta"])["passage"]
    assert (note["document"], note["headings"]) == ("croup.md", ["Croup", "Follow-up"])
    text = (folder / "croup.md").read_text()
    assert text[note["start"] : note["end"]] == note["text"]
    assert note["text"][note["support_start"] :].startswith(note["support"])
    done = CliRunner().invoke(main, ["trace", row["id"], "--store", "store"])
    assert "passage-questions" in done.output
    assert "split train, dated 2024-05" in done.output
    assert "read from croup.md, passage 2, of file:guidelines" in done.output


def test_the_trace_of_a_passage_names_its_page_and_that_of_an_unreadable_document_no_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: Writer())
    (tmp_path / "mirror").mkdir()
    (tmp_path / "ward").mkdir()
    care = "The child sits up and is given oxygen by a mask until the nurse has seen it again. " * 5
    (tmp_path / "ward" / "asthma.txt").write_text(f"Asthma.\n\f{care}\n\f{care.replace('nurse', 'doctor')}\n")
    (tmp_path / "ward" / "latin.txt").write_bytes(b"gr\xfcn")
    (tmp_path / "ward.toml").write_text("passage_chars = [300, 500]\n")
    call = "build aloe_sft --source ward=ward --store store --workers 1 --mirror mirror --teacher w"
    assert CliRunner().invoke(main, call.split()).exit_code == 0
    for row, place in (("asthma.txt-2", "asthma.txt, passage 2, page 3,"), ("latin.txt:1", "latin.txt,")):
        done = CliRunner().invoke(main, ["trace", f"ward:{row}", "--store", "store"])
        assert f"read from {place} of file:ward" in done.output
    done = CliRunner().invoke(main, ["trace", "ward:asthma.txt-2", "--store", "store", "--json"])
    assert {"passage": 2, "page": 3}.items() <= json.loads(done.stdout)[0].items()


def test_passages_with_one_question_and_answer_share_a_request_and_can_be_released(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: Writer(counts=True))
    (tmp_path / "guidelines").mkdir()
    for name, drug in (("croup", "dexamethasone"), ("asthma", "salbutamol and oxygen")):
        text = "".join(
            f" On day {day} the child is given {drug} and is seen by {name} nurse {day}." for day in range(9)
        )
        (tmp_path / "guidelines" / f"{name}.md").write_text(
            f"# Plan for {name}\n\nThe child is seen on the ward.{text}"
        )
    (tmp_path / "mirror").mkdir()
    call = "build aloe_sft --source guidelines=guidelines --store store --workers 1 --mirror mirror --teacher w"
    done = CliRunner().invoke(main, [*call.split(), "--teacher-license", "Apache-2.0", "--json"])
    assert done.exit_code == 0, done.output
    built = json.loads(done.stdout)
    candidates = pl.read_parquet(tmp_path / "store" / "steps" / "passage-questions-*" / "candidates" / "*.parquet")
    assert (len(candidates), candidates["key"].n_unique()) == (6, 5), built
    done = CliRunner().invoke(main, ["release", "aloe_sft", "--version", "1", "--store", "store"])
    assert done.exit_code == 0, done.output


def test_documents_without_text_and_those_that_cannot_be_read_are_quarantined(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: Writer())
    (tmp_path / "guidelines").mkdir()
    contents = {"croup.md": b"# Croup\n\n" + b"The child is given fluid. " * 20, "list.md": b"# A\n\n## B\n"}
    contents |= {"latin.txt": b"gr\xfcn", "page.html": b"<meta charset=x-own>gr\xfcn"}
    for name, content in contents.items():
        (tmp_path / "guidelines" / name).write_bytes(content)
    (tmp_path / "mirror").mkdir()
    call = "build aloe_sft --source guidelines=guidelines --store store --workers 1 --mirror mirror --teacher w"
    done = CliRunner().invoke(main, [*call.split(), "--teacher-license", "Apache-2.0", "--json"])
    assert done.exit_code == 0, done.output
    (read,) = (one for one in json.loads(done.stdout)["steps"] if one["name"] == "read-guidelines")
    assert [read["counts"][name] for name in ("rows_in", "kept", "quarantined")] == [4, 1, 3]
    for name, error in (
        ("latin.txt", "is not UTF-8: byte 2 is 0xfc"),
        ("list.md", "it has no text besides headings, expected paragraphs"),
        ("page.html", "its charset is x-own"),
    ):
        done = CliRunner().invoke(main, ["trace", f"guidelines:{name}:1", "--store", "store"])
        assert error in " ".join(done.output.split())
    (tmp_path / "guidelines" / "croup.md").unlink()
    done = CliRunner().invoke(main, [*call.split(), "--teacher-license", "Apache-2.0", "--lock", "other.lock"])
    assert "every row is malformed; line 1: " in done.output
    (tmp_path / "guidelines" / "a.md").write_text("")
    done = CliRunner().invoke(main, [*call.split(), "--teacher-license", "Apache-2.0"])
    assert "guidelines has empty files (a.md), expected documents with text; leave them out" in done.output
    done = CliRunner().invoke(main, ["init", "guidelines"])
    assert "guidelines has documents, which need no mapping: build with --source guidelines=guidelines" in done.output


def test_a_folder_with_tables_and_documents_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "a.md").write_text("# A")
    (tmp_path / "both" / "b.csv").write_text("question,answer\nWhy?,So.\n")
    done = CliRunner().invoke(main, ["build", "aloe_sft", "--source", "both=both", "--mirror", str(MIRROR)])
    assert "has tables (b.csv) and documents (a.md), expected one kind" in done.output


def test_a_missing_package_is_named_once_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypdf", None)
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(two_pages())
    call = ["questions", str(tmp_path), "--out", str(tmp_path / "o"), "--teacher", "openai:http://localhost:1/v1#m"]
    done = CliRunner().invoke(main, call)
    assert done.output.count("a.pdf needs the package pypdf to be read; pip install 'sabila[documents]'") == 1
    assert "b.pdf" not in done.output
