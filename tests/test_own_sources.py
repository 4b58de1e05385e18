"""Own files and data sets on the Hub as sources: mapped by a TOML file, checked, built, released, rebuilt."""

import csv
import gzip
import json
import re
import time
import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import hub_double
import polars as pl
import pyarrow as pa
import pytest
from huggingface_hub import close_session
from tiny_recipe import refused, run

from pipelines.build.recipe import load
from pipelines.build.toml_text import toml_value
from pipelines.own_files.own_sources import parse_spec, resolve_sources
from pipelines.own_files.recipe_config import read_recipe_config
from sources.files import RawFile
from sources.mapping.column_mapping import MappingError, column_mapping
from sources.mapping.file_rows import rows_of_file
from sources.mapping.mapped_rows import as_text, gold_positions, options_of
from sources.mapping.own_source import own_source, raw_files
from sources.read import read
from sources.record import Malformed, Message
from sources.releases.read_manifest import content_hash

ROOT = Path(__file__).parent.parent

RECIPE = '''"""Own sources, cleaned and without exact duplicates."""

from pipelines.build import knobs
from pipelines.build.step import each_shard, read, whole_set
from quality.cleaning.clean import Clean, clean
from quality.cleaning.normalize import Normalise
from quality.cleaning.rules import Rules
from quality.duplicates.exact import Exact, exact_duplicates


def recipe(*, source: knobs.OwnSources = (), min_answer_chars: int = 1, limit: knobs.Limit = None):
    """Build own sources."""
    config = Clean(normalise=Normalise(), rules=Rules(min_answer_chars=min_answer_chars))
    corpora = [one.source() for one in source]
    rows = [each_shard(f"clean-{one.name}", clean, config, read(one, limit=limit)) for one in corpora]
    return whole_set("exact", exact_duplicates, Exact(), *rows)
'''

CAUSES = ("a cold", "an allergy", "a fracture", "a burn")
ROWS = [
    {
        "id": f"c{n}",
        "question": f"What relieves {CAUSES[n % 4]} in case {n}, and why?",
        "a": "Rest",
        "b": f"Drug {n}",
        "c": "Ice",
        "d": "Water",
        "right": n % 4 + 1,
        "seen": f"2024-0{n % 9 + 1}",
        "ward": "North, “old” wing;\nfirst floor" if n % 7 == 0 else "South",
    }
    for n in range(300)
]
MAPPING = """
license = "CC-BY-4.0"
license_read = "the clinic's letter of 2026-05-02"
language = "en"
subject = "first aid"
gold_base = 1

[columns]
id = "id"
question = "question"
options = ["a", "b", "c", "d"]
gold = "right"
date = "seen"
meta = ["ward"]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def write_csv(path, rows=ROWS, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def write_xlsx(path):
    from openpyxl import Workbook

    book = Workbook()
    book.create_sheet("Notes")
    book.active.append(list(ROWS[0]))
    for row in ROWS:
        book.active.append(list(row.values()))
    book.save(path)


def write_zst(path):
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(lines(ROWS))


def write_arrow(path):
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=64)


def save_to_disk(path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).save_to_disk(str(path), num_shards=1)


FORMATS = {
    "clinic.csv": write_csv,
    "clinic.tsv": lambda path: write_csv(path, delimiter="\t"),
    "semicolons.csv": lambda path: write_csv(path, delimiter=";"),
    "clinic.csv.gz": lambda path: path.write_bytes(gzip.compress(write_csv(path.with_name("x.csv")).read_bytes())),
    "clinic.jsonl.zst": write_zst,
    "clinic.json": lambda path: path.write_text(json.dumps(ROWS), encoding="utf-8"),
    "lines.json": lambda path: path.write_bytes(lines(ROWS)),
    "by_key.json": lambda path: path.write_text(json.dumps({f"k{n}": row for n, row in enumerate(ROWS)}, indent=1)),
    "by_key_in_a_line.json": lambda path: path.write_text(json.dumps({f"k{n}": row for n, row in enumerate(ROWS)})),
    "clinic.parquet": lambda path: pl.DataFrame(ROWS).write_parquet(path),
    "clinic.parquet.gz": lambda path: path.write_bytes(gzip.compress(parquet_bytes())),
    "clinic.arrow": write_arrow,
    "folder_of_datasets": save_to_disk,
    "clinic.xlsx": write_xlsx,
}


def parquet_bytes():
    from io import BytesIO

    stream = BytesIO()
    pl.DataFrame(ROWS).write_parquet(stream)
    return stream.getvalue()


def source_of(spec, **more):
    [value] = resolve_sources([parse_spec(spec)], raw=more.pop("raw", None), **more)
    return own_source(value).source()


def records(spec):
    """Return the records of an own source, without their file and line."""
    source = source_of(spec)
    rows = [row for file in raw_files(source) for row in read(source, file)]
    assert not any(isinstance(row, Malformed) for row in rows)
    return [replace(row, file="", line=0) for row in rows]


def test_of_a_saved_dataset_with_splits_the_training_one_is_read(place):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list(ROWS).train_test_split(0.1, seed=1)
    rows.save_to_disk(str(place / "saved"))
    (place / "saved.toml").write_text(MAPPING, encoding="utf-8")
    assert len(records("saved")) == 270
    assert "saved/test is the split test, which is held out" in refused(2, "init", "saved/test")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_records_of_json_lines(name, place):
    (place / "all.jsonl").write_bytes(lines(ROWS))
    FORMATS[name](place / name)
    for mapping in ("all.toml", f"{name.partition('.')[0]}.toml"):
        (place / mapping).write_text(MAPPING, encoding="utf-8")
    expected = records("clinic=all.jsonl")
    assert len(expected) == len(ROWS)
    assert records(f"clinic={name}") == expected
    for mapping in place.glob("*.toml"):  # rows without ids are numbered alike
        mapping.write_text(MAPPING.replace('id = "id"\n', ""), encoding="utf-8")
    assert records(f"clinic={name}") == records("clinic=all.jsonl")
    assert records(f"clinic={name}")[0].id == "clinic:train-1"


def test_a_mapped_row(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    first = records("clinic=clinic.csv")[0]
    assert (first.id, first.license, first.task, first.lang) == ("clinic:c0", "CC-BY-4.0", "mcqa", "en")
    assert (first.options, first.gold, first.answer) == (("Rest", "Drug 0", "Ice", "Water"), (0,), "Rest")
    assert first.date == "2024-01"
    assert first.meta == {"ward": "North, “old” wing;\nfirst floor", "subject": "first aid"}


OPTIONS = {
    "list": ["Yes", "No"],
    "JSON": '["Yes", "No"]',
    "Python": "['Yes', 'No']",
    "object": {"A": "Yes", "B": "No"},
    "object as text": '{"A": "Yes", "B": "No"}',
    "keys": [{"key": "A", "value": "Yes"}, {"key": "B", "value": "No"}],
    "labels": {"text": ["Yes", "No"], "label": ["A", "B"]},
    "NumPy": "['Yes'\n 'No']",
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize(
    ("base", "gold"),
    [
        *[("letter", "(b)"), ("text", "no"), ("0", 1), ("1", "2"), ("letter", ["B"]), ("letter", "B) No")],
        *[("0", [False, True]), ("1", [False, True]), ("letter", [False, True]), ("text", [False, True])],
    ],
)
def test_the_forms_of_options_and_gold(options, base, gold, place):
    (place / "q.jsonl").write_bytes(lines([{"q": "Is it?", "o": options, "g": gold}]))
    stated = base if base.isdecimal() else f'"{base}"'
    text = f'gold_base = {stated}\n[columns]\nquestion = "q"\noptions = "o"\ngold = "g"\n'
    (place / "q.toml").write_text(text, encoding="utf-8")
    [row] = records("q.jsonl")
    assert (row.options, row.gold, row.answer) == (("Yes", "No"), (1,), "No")


@pytest.mark.parametrize(
    ("options", "gold", "base", "said"),
    [
        ("['Yes' 'No', 'Maybe']", "A", "letter", "expected a list of options"),
        (["Yes", "No", "Maybe"], [0, 1, 0], 0, "names an option twice"),
        (["Yes", "No", "Maybe"], [True, False], 0, "expected true or false for each of them"),
        (["Yes", "No", "Maybe"], "B. Yes", "letter", "which is not the text of option B"),
    ],
)
def test_options_and_gold_that_could_be_read_in_two_ways_are_refused(options, gold, base, said):
    row = {"o": options}
    with pytest.raises(ValueError, match=said):
        gold_positions(gold, options_of(row, "o"), base)


def test_a_decimal_is_a_number():
    assert [as_text(Decimal(text)) for text in ("17", "17.00", "2.50", "NaN")] == ["17", "17", "2.50", ""]


def test_a_table_with_the_line_ends_of_old_macs_is_read(place):
    (place / "old.csv").write_bytes(b"question;answer\rWhat helps?;Rest, and water.\rAnd then?;Sleep.\r")
    source_of("old.csv", confirm=lambda proposal, path: True)
    assert [row.answer for row in records("old.csv")] == ["Rest, and water.", "Sleep."]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'question;answer\rWhy?;"Rest,\nand water."\rAnd then?;Sleep.\r', "Rest,\nand water."),
        (b'question,answer\rWhy?,"Rest,\r\nand water."\rAnd then?,Sleep.\r', "Rest,\nand water."),
        (b'sep=;\rquestion;answer\rWhy?;"Rest,\nand water."\rAnd then?;Sleep.', "Rest,\nand water."),
        (b'"question";"answer"\rWhy?;"Rest,\rand ""water""."\rAnd then?;Sleep.\r', 'Rest,\nand "water".'),
        (b'question,answer\nWhy?,"Rest,\rand water."\nAnd then?,Sleep.\n', "Rest,\rand water."),
        (b'question,answer\r\nWhy?,"Rest,\nand water."\r\nAnd then?,Sleep.\r\n', "Rest,\nand water."),
    ],
)
def test_line_ends_in_a_quoted_cell_do_not_end_a_row(content, expected, tmp_path):
    path = tmp_path / "old.csv"
    path.write_bytes(content)
    rows = [row.value for row in rows_of_file(RawFile("old.csv", path))]
    assert rows == [{"question": "Why?", "answer": expected}, {"question": "And then?", "answer": "Sleep."}]


def test_a_first_line_that_tells_excel_the_delimiter_is_no_header(place):
    (place / "a.csv").write_bytes(b"sep=;\r\nquestion;answer\r\nWhy, and when?;Since.\r\n")
    [row] = rows_of_file(RawFile("a.csv", place / "a.csv"))
    assert (row.line, row.value) == (3, {"question": "Why, and when?", "answer": "Since."})


def test_a_file_without_a_header_gets_a_note(place):
    rows = "What relieves a cold in most adults?,Rest and fluids\nWhat is gout of the toe?,Crystals\n"
    (place / "bare.csv").write_text(rows)
    note = (
        "'What relieves a cold in most adults?' is read as the name of a column: write a line of names first if it is"
    )
    assert note in refused(2, "init", "bare.csv")
    (place / "bare.csv").write_text(rows.replace("Crystals", "Crystals of uric acid in the joint of the toe"))
    assert note in run_ok("init", "bare.csv")


def test_conversations_and_pairs(place):
    turns = [{"from": "patient", "value": "It hurts."}, {"from": "gpt", "value": "Where?"}]
    (place / "talk.jsonl").write_bytes(lines([{"turns": turns}]))
    keys = '[columns]\nmessages = "turns"\n[messages]\nrole = "from"\ncontent = "value"\n'
    (place / "talk.toml").write_text(f'{keys}roles = {{ patient = "user" }}\n', encoding="utf-8")
    [row] = records("talk.jsonl")
    assert (row.messages, row.answer, row.task) == ((Message("user", "It hurts."),), "Where?", "dialogue")
    (place / "pairs.jsonl").write_bytes(lines([{"q": "Why?", "good": "So.", "bad": "No."}]))
    text = '[columns]\nquestion = "q"\nchosen = "good"\nrejected = "bad"\n'
    (place / "pairs.toml").write_text(text, encoding="utf-8")
    assert source_of("pairs.jsonl").kind == "preference"
    [row] = records("pairs.jsonl")
    assert (row.response, row.rejected) == ("So.", "No.")


# --- mistakes in a mapping -----------------------------------------------------------------------------------------

FOURTH = '"id": "c3", "question": "What relieves a burn in case 3, and why?"'
MISTAKES = {
    "a base of gold that is too low": (
        ("gold_base = 1", "gold_base = 0"),
        "clinic.toml: clinic.csv:6: gold is '4' among 4 options, expected 0 to 3, as gold_base = 0 says; the row is",
        "All 300 rows that were checked fit gold_base = 1: write that",
    ),
    "a base of gold that is none": (
        ("gold_base = 1", 'gold_base = "letter"'),
        "clinic.csv:2: gold is '1', expected a letter, one of A, B, C, D; the row is",
        "fit gold_base = 1",
    ),
    "a missing column": (
        ('question = "question"', 'question = "questoin"'),
        "columns.question names 'questoin', which is no column; found id, question, a, b",
        'did you mean \'question\'?; clinic.csv:2 is {"id": "c0"',
    ),
    "two columns for one field": (
        ('question = "question"', 'question = ["question", "ward"]'),
        "columns.question names 2 columns, 'question' and 'ward', expected one; clinic.csv:2 has",
        '"question": "What relieves a cold in case 0, and why?"',
    ),
    "two prompts": (
        ('question = "question"', 'question = "question"\nmessages = "ward"'),
        "columns.prompt (question and messages) names 2 columns, 'question' and 'ward'",
        "clinic.csv:2 has",
    ),
    "one column for two fields": (
        ('meta = ["ward"]', 'context = "question"'),
        "columns.context and columns.question are both 'question'",
        "expected a column each",
    ),
    "a key twice": (('id = "id"', 'id = "id"\nid = "a"'), "is not readable TOML", "each key may be given once"),
    "an unknown fact": (("language", "langauge"), "found 'langauge', expected some of", "did you mean 'language'?"),
    "a column's field among the facts": (
        ("[columns]", 'answer = "a"\n[columns]'),
        "found 'answer'",
        "write it under [columns]",
    ),
    "an unknown licence": (("CC-BY-4.0", "CC-BY-4"), "license: found 'CC-BY-4'", "did you mean 'CC-BY-4.0'?"),
    "a held-out split": (("[columns]", 'split = "dev"\n[columns]'), "split: found 'dev'", "sabila decontaminate"),
    "no base of gold": (
        ("gold_base = 1", ""),
        "gold_base: nothing found, expected one of 0, 1, letter, text",
        "'right'",
    ),
    "gold without options": (('options = ["a", "b", "c", "d"]', 'answer = "a"'), "without options", "'right'"),
}


@pytest.mark.parametrize(("change", "error", "shown"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mapping_with_a_mistake_is_refused_with_the_row_that_shows_it(change, error, shown, place):
    write_csv(place / "clinic.csv")
    assert change[0] in MAPPING
    (place / "clinic.toml").write_text(MAPPING.replace(*change, 1), encoding="utf-8")
    message = refused(2, "build", "own.py", "--source", "clinic=clinic.csv")
    assert error in message
    assert shown in message
    assert not (place / "store" / "steps").exists() or not list((place / "store" / "steps").iterdir())


def test_options_that_are_sometimes_text_are_refused(place):
    rows = [{"q": f"Which of {n}?", "o": ["x", "y"] if n % 50 else "x or y", "g": "A"} for n in range(1, 200)]
    (place / "q.jsonl").write_bytes(lines(rows))
    text = 'gold_base = "letter"\n[columns]\nquestion = "q"\noptions = "o"\ngold = "g"\n'
    (place / "q.toml").write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        source_of("q.jsonl")
    assert "q.jsonl:50, and 2 more rows: o is 'x or y', expected a list of options" in str(caught.value)
    assert '{"q": "Which of 50?", "o": "x or y", "g": "A"}' in str(caught.value)


def test_a_gold_that_never_is_the_first_option_is_refused_unless_it_is_confirmed(place):
    rows = [{"q": f"Which of {n}?", "o": ["x", "y", "z"], "g": 1 + n % 2} for n in range(200)]
    (place / "q.jsonl").write_bytes(lines(rows))
    text = '[columns]\nquestion = "q"\noptions = "o"\ngold = "g"\n'
    (place / "q.toml").write_text(f"gold_base = 0\n{text}", encoding="utf-8")
    with pytest.raises(MappingError, match=r"none of 200 golds is the first option.*q\.jsonl:1 has gold 1, which "):
        source_of("q.jsonl")
    (place / "q.toml").write_text(f"gold_base = 0\ngold_checked = true\n{text}", encoding="utf-8")
    assert source_of("q.jsonl").task == "mcqa"


def test_a_file_in_another_encoding_is_refused_with_the_way_out(place):
    text = "question,answer\n" + "".join(f"¿Qué hacer en el caso {n}?,Descansar\n" for n in range(30))
    (place / "clinic.csv").write_text(text, encoding="latin-1")
    (place / "clinic.toml").write_text('[columns]\nquestion = "question"\nanswer = "answer"\n', encoding="utf-8")
    message = refused(2, "build", "own.py", "--source", "clinic.csv")
    assert "30 of 30 rows that were checked cannot be read, first clinic.csv:2: not UTF-8; convert the file" in message


def test_a_few_malformed_rows_are_quarantined_with_file_and_line(place):
    rows = [*({**row} for row in ROWS)]
    rows[10]["right"] = 9
    path = write_csv(place / "clinic.csv", rows)
    path.write_text(
        path.read_text(encoding="utf-8") + "c900,too short\nc0,Again?,x,y,z,w,1,2024,South\n", encoding="utf-8"
    )
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    account = json.loads(run_ok("build", "own.py", "--source", "clinic=clinic.csv", "--workers", "2", "--json"))
    [step] = [step for step in account["steps"] if step["name"] == "read-clinic"]
    assert (step["counts"]["rows_in"], step["counts"]["quarantined"]) == (302, 3)
    traced = run_ok("trace", "clinic:clinic.csv:14")
    assert "because gold is '9' among 4 options, expected 1 to 4, as gold_base = 1 says" in traced


def run_ok(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


# --- without a mapping ---------------------------------------------------------------------------------------------


def test_without_a_mapping_and_a_terminal_a_build_is_refused_with_the_proposed_one(place):
    write_csv(place / "clinic.csv")
    message = run("build", "own.py", "--source", "clinic=clinic.csv").stderr
    assert "Error: clinic.csv has no mapping, expected " in message
    assert "sabila init clinic.csv" in message
    assert 'options = ["a", "b", "c", "d"]' in message
    assert "gold_base = 1" in message
    assert "* Rest" in message  # three rows, gold marked


def test_init_writes_the_mapping_and_shows_three_rows(place):
    write_csv(place / "clinic.csv")
    output = run_ok("init", "clinic.csv")
    assert output.count("clinic.csv:") == 3
    assert output.splitlines()[-1] == str(place / "clinic.toml")
    assert 'license = "LicenseRef-proprietary"' in (place / "clinic.toml").read_text(encoding="utf-8")
    assert len(records("clinic=clinic.csv")) == len(ROWS)
    assert "exists; give --overwrite" in refused(2, "init", "clinic.csv")


def test_init_names_the_sheets_of_a_workbook_that_are_not_read(place):
    write_xlsx(place / "clinic.xlsx")
    assert "# clinic.xlsx: the sheet Sheet is read, and not Notes" in run_ok("init", "clinic.xlsx")


@pytest.mark.parametrize("confirmed", [True, False])
def test_at_a_terminal_the_proposed_mapping_is_confirmed_once(confirmed, place):
    write_csv(place / "clinic.csv")
    questions = []

    def confirm(proposal, path):
        questions.append((proposal, path))
        return confirmed

    if confirmed:
        source_of("clinic=clinic.csv", confirm=confirm)
        source_of("clinic=clinic.csv", confirm=confirm)
    else:
        with pytest.raises(MappingError, match="has no mapping"):
            source_of("clinic=clinic.csv", confirm=confirm)
    assert [path for _, path in questions] == [place / "clinic.toml"]
    assert (place / "clinic.toml").exists() == confirmed


PROPOSED = {
    "Alpaca": (
        {"instruction": "Explain fever.", "input": "A child of 3.", "output": "It is a rise of temperature."},
        {"question": "instruction", "context": "input", "answer": "output"},
    ),
    "ShareGPT": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        {"messages": "conversations"},
    ),
    "MedMCQA": (
        {"id": "1", "question": "Which?", "opa": "w", "opb": "x", "opc": "y", "opd": "z", "cop": 0, "exp": "So."},
        {
            "id": "id",
            "question": "question",
            "options": ["opa", "opb", "opc", "opd"],
            "gold": "cop",
            "rationale": "exp",
        },
    ),
    "letters in the answer": (
        {"question": "Which?", "choices": ["w", "x"], "answer": "B"},
        {"question": "question", "options": "choices", "gold": "answer"},
    ),
    "pairs": (
        {"prompt": "Why?", "chosen": "So.", "rejected": "No."},
        {"question": "prompt", "chosen": "chosen", "rejected": "rejected"},
    ),
    "options in the answers": (
        {"question": "Which?", "answers": {"a": "w", "b": "x"}, "correct_answers": ["b"]},
        {"question": "question", "options": "answers", "gold": "correct_answers"},
    ),
    "names that say what they hold": (
        {
            "Harmless request": "Name a bone.",
            "remark": "A long remark of a clerk on the case.",
            "safe_response": "Femur.",
        },
        {"question": "Harmless request", "answer": "safe_response"},
    ),
    "a dialogue that is a text": (
        {
            "dialogue": "Doctor: Hello. Patient: Hello.",
            "summary": "They greet each other in a friendly way.",
            "q": "Why?",
        },
        {"question": "q", "answer": "summary"},
    ),
    "no usual name": (
        {"Frage": "Was hilft gegen Fieber?", "Text": "Ruhe und viel Wasser helfen.", "Nr": 4},
        {"question": "Frage", "answer": "Text"},
    ),
}


@pytest.mark.parametrize(("row", "columns"), PROPOSED.values(), ids=PROPOSED.keys())
def test_columns_of_usual_names_are_proposed(row, columns, place):
    rows = [{name: str(n) if name == "id" else value for name, value in row.items()} for n in range(3)]
    (place / "set.jsonl").write_bytes(lines(rows))
    written = []
    source = source_of("set.jsonl", confirm=lambda proposal, path: written.append(proposal) is None)
    assert source.mapping["columns"] == columns
    assert source.license == "LicenseRef-proprietary"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ('[{"a": "x", "b": "y"}]', "no column looks like a question among a, b"),
        ('[{"question": "Why?", "kind": "x"}]', "no column looks like an answer among question, kind"),
        ("[1, 2]", "has no row with columns (it is not an object)"),
    ],
)
def test_a_file_of_which_no_mapping_can_be_proposed(content, error, place):
    (place / "set.json").write_text(content, encoding="utf-8")
    assert error in refused(2, "init", "set.json")


def test_the_language_of_the_rows_is_proposed(place):
    text = "¿Qué debe hacer un paciente con fiebre alta durante más de tres días?"
    (place / "set.jsonl").write_bytes(lines([{"pregunta": text, "respuesta": "Consultar con su médico."}] * 3))
    assert source_of("set.jsonl", confirm=lambda *_: True).lang == "es"


# --- configs, releases, rebuilds -----------------------------------------------------------------------------------


def test_a_changed_mapping_runs_the_step_again_and_is_named_by_the_plan(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    run_ok("build", "own.py", "--source", "clinic=clinic.csv", "--workers", "1")
    (place / "clinic.toml").write_text(MAPPING.replace('meta = ["ward"]', ""), encoding="utf-8")
    assert 'mapping.columns.meta ["ward"] -> nothing' in run_ok("plan", "own.py", "--source", "clinic=clinic.csv")


def test_a_config_holds_recipe_knobs_and_sources_and_comes_with_the_release(place):
    write_csv(place / "clinic.csv")
    (place / "set.toml").write_text(
        f'recipe = "own.py"\nname = "clinic_set"\n[knobs]\nlimit = 200\n[source.clinic]\nfile = "clinic.csv"\n'
        f"{MAPPING.replace('[columns]', '[source.clinic.columns]')}",
        encoding="utf-8",
    )
    assert "read-clinic" in run_ok("plan", "--config", "set.toml")
    run_ok("build", "--config", "set.toml", "--workers", "1")
    run_ok("release", "--config", "set.toml", "--version", "1", "--workers", "1")
    folder = place / "store" / "releases" / "clinic_set" / "1"
    assert "match the manifest" in run_ok("verify", str(folder))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert str(place) not in json.dumps([manifest["values"], manifest["figures"], manifest["lock"]])
    assert manifest["values"]["limit"] == 200
    config = (folder / "recipe.toml").read_text(encoding="utf-8")
    assert 'file = "clinic.csv"' in config
    rebuilt = ("rebuild", str(folder), "--recipe", "own.py", "--store", "other", "--workers", "1")
    assert "or give the files of own sources: --source clinic=FILE" in refused(1, *rebuilt)
    assert run_ok(*rebuilt, "--source", "clinic=clinic.csv").strip() == "other/releases/clinic_set/1"
    (place / "from_release.toml").write_text(config, encoding="utf-8")
    run_ok("build", "--config", "from_release.toml", "--workers", "1")


def test_options_on_the_command_line_override_a_config(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    (place / "set.toml").write_text(
        'recipe = "own.py"\n[knobs]\nlimit = 200\n[source.clinic]\nfile = "clinic.csv"\n', encoding="utf-8"
    )
    account = json.loads(run_ok("build", "--config", "set.toml", "--limit", "20", "--workers", "1", "--json"))
    assert account["rows"] == 20
    assert "the recipe is 'demo', but that of set.toml is 'own.py'" in refused(
        2, "plan", "demo", "--config", "set.toml"
    )


def test_init_writes_a_config_with_every_knob_and_its_help(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    run_ok("init", "aloe_sft", "--source", "clinic=clinic.csv", "--out", "set.toml")
    text = (place / "set.toml").read_text(encoding="utf-8")
    knobs = load("aloe_sft").knobs.keys() - {"source"}
    assert all(f"\n# {knob} = " in text for knob in knobs)
    assert "[source.clinic.columns]" in text
    assert "read-clinic" in run_ok("plan", "--config", "set.toml", "--mirror", str(empty(place)))


def empty(place):
    (place / "mirror").mkdir()
    return place / "mirror"


def test_a_notebook_builds_own_files(place):
    from pipelines import build

    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    assert build("own.py", source="clinic=clinic.csv", limit=30).account.rows == 30


@pytest.mark.parametrize(
    ("file", "name"),
    [("clinic.csv", "clinic"), ("data[1].csv", "data-1"), ("my rows (copy).jsonl", "my-rows-copy"), ("a&b.csv", "a-b")],
)
def test_a_file_of_any_name_gives_its_source_a_name(file, name):
    assert parse_spec(file).name == name


def test_a_name_of_the_catalog_is_refused(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    assert "source: 'medquad' is the name of another source" in refused(
        2, "plan", "aloe_sft", "--source", "medquad=clinic.csv", "--mirror", str(empty(place))
    )


def test_a_recipe_that_takes_no_own_sources_says_so(place):
    write_csv(place / "clinic.csv")
    (place / "set.toml").write_text('recipe = "demo"\n[source.clinic]\nfile = "clinic.csv"\n', encoding="utf-8")
    assert "demo takes no own sources, expected a recipe with the knob source" in refused(
        2, "plan", "--config", "set.toml"
    )
    assert "demo takes no own sources" in refused(2, "init", "demo", "--source", "clinic=clinic.csv")


def test_a_path_in_a_strangers_manifest_is_not_followed(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    run_ok("build", "own.py", "--source", "clinic=clinic.csv", "--workers", "1")
    run_ok("release", "own.py", "--version", "1", "--workers", "1")
    folder = place / "store" / "releases" / "own" / "1"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["values"]["source"][0]["path"] = str(place / "clinic.csv")
    manifest["hash"] = content_hash(manifest)
    (place / "forged.json").write_text(json.dumps(manifest), encoding="utf-8")
    message = refused(1, "rebuild", "forged.json", "--recipe", "own.py", "--store", "other", "--workers", "1")
    assert "clinic is not on the Hub but at file:clinic.csv" in message


def test_sources_lists_own_ones(place):
    write_csv(place / "clinic.csv")
    (place / "clinic.toml").write_text(MAPPING, encoding="utf-8")
    row = json.loads(run_ok("sources", "--source", "clinic=clinic.csv", "--json"))[-1]
    assert (row["name"], row["license"], row["readable_from"]) == ("clinic", "CC-BY-4.0", "file")
    shown = json.loads(run_ok("sources", "clinic", "--source", "clinic=clinic.csv", "--json"))
    assert {name: shown[name] for name in row} == row
    assert (
        "sabila check FILE reads an own file"
        in run("sources", "--source", "clinic=clinic.csv", "--verify", "clinic").output
    )


# --- sets of the Hub -----------------------------------------------------------------------------------------------

CARD = b"""---
configs:
- config_name: cases
  data_files:
  - split: train
    path: cases/train-*.jsonl
  - split: test
    path: cases/test.jsonl
- config_name: cards
  data_files: cards.jsonl
---
"""


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_double.running() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        yield double
        close_session()


def committed(hub, card=CARD):
    parts = [hub_double.rows(ROWS[:200]), hub_double.rows(ROWS[200:])]
    files = {
        "cases/train-0.jsonl": parts[0],
        "cases/train-1.jsonl": parts[1],
        "cases/test.jsonl": hub_double.rows(ROWS[:9]),
        "cards.jsonl": hub_double.rows(ROWS[:5]),
    }
    return hub.commit("org/name", files | ({"README.md": card} if card else {}))


@pytest.mark.parametrize("card", [CARD, None], ids=["a card that lists splits", "names of files alone"])
def test_a_split_of_any_set_on_the_hub_is_a_source(card, hub, place):
    commit = committed(hub, card)
    (place / "cases.toml").write_text(MAPPING, encoding="utf-8")
    call = ("build", "own.py", "--source", f"cases=hf://datasets/org/name@{commit}:cases/train", "--workers", "1")
    account = json.loads(run_ok(*call, "--json"))
    assert account["steps"][0]["counts"]["rows_in"] == 300
    n_requests = len(hub.requests)
    run_ok(*call)
    assert len(hub.requests) == n_requests  # the files are in the store, and the lock names them
    lock = json.loads((place / "sabila.lock").read_text(encoding="utf-8"))["recipes"]["own"]["cases"]
    assert (lock["home"], lock["revision"]) == ("hf://datasets/org/name", commit)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("hf://datasets/org/name:cases/dev", "has no split cases/dev, expected one of :CONFIG/SPLIT, which are cases/"),
        ("hf://datasets/org/name", "has 2 splits to train on, expected one of"),
        ("hf://datasets/org", "expected hf://datasets/ORG/NAME"),
        ("hf://datasets/org/name:cases/test", "hf://datasets/org/name: test is held out by its publisher"),
        ("hf://datasets/org/name:cases/test.jsonl", "test.jsonl is held out by its publisher"),
    ],
)
def test_an_address_that_names_no_split_is_refused_with_those_that_there_are(address, error, hub):
    committed(hub)
    assert error in refused(2, "build", "own.py", "--source", f"cases={address}")


def test_a_file_of_a_set_on_the_hub_is_a_source(hub, place):
    committed(hub)
    (place / "cards.toml").write_text(MAPPING, encoding="utf-8")
    account = json.loads(run_ok("build", "own.py", "--source", "cards=hf://datasets/org/name:cards.jsonl", "--json"))
    assert account["rows"] == 5


def test_the_mappings_and_the_config_of_the_readme_are_read(place):
    page = (ROOT / "sources" / "README.md").read_text(encoding="utf-8")
    mapping, turns, config = (tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    assert column_mapping(mapping, "README").columns.options == ("a", "b", "c", "d")
    talk = column_mapping({"columns": {"messages": "turns"}, **turns}, "README")
    assert talk.messages.roles == {"doctor": "assistant", "patient": "user"}
    (place / "set.toml").write_text(toml_text(config), encoding="utf-8")
    recipe_config = read_recipe_config(place / "set.toml")
    assert (recipe_config.recipe, recipe_config.name, recipe_config.sources[0].location) == (
        "aloe_sft",
        "clinic_set",
        "clinic.csv",
    )
    assert recipe_config.knobs.keys() <= load("aloe_sft").knobs.keys()


def toml_text(values):
    """Return values as TOML, tables inline."""
    return "".join(f"{name} = {toml_value(value)}\n" for name, value in values.items())


def test_a_mapping_is_the_same_after_it_was_written_as_json():
    mapping = column_mapping({"columns": {"question": "q", "answer": "a"}, "language": "es"}, "here")
    assert column_mapping(mapping.to_json(), "here") == mapping
    assert mapping.to_json().keys() == {"license", "license_read", "language", "columns"}  # no default is written
