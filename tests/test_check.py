"""``sabila check``: every planted defect is found at its line, clean rows have none, and nothing is changed."""

import csv
import gzip
import json
import random
import shutil
from hashlib import sha256
from pathlib import Path

import hub_double
import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner
from huggingface_hub import close_session

from pipelines.check.baseline import read_baseline, write_baseline
from pipelines.check.check_inputs import Reading
from pipelines.check.check_result import CheckError
from pipelines.check.finding_kinds import KINDS
from pipelines.check.record_columns import NamedColumns
from pipelines.check.run_check import CheckSettings, check
from pipelines.check.training_findings import Training
from pipelines.cli.commands import main
from pipelines.own_files.file_tables import TableError
from quality.cleaning.cut_off import cut_off
from quality.cleaning.rules import RULES
from sources.releases.read_manifest import load

PARTS = ("liver", "kidney", "lung", "heart", "skin", "bone", "brain", "thyroid", "spleen", "stomach", "colon", "retina")
SIGNS = ("fever", "pain", "swelling", "fatigue", "weakness", "itching", "nausea", "cough", "bleeding", "pallor", "rash")
CARE = ("rest", "fluids", "surgery", "antibiotics", "imaging", "insulin", "physiotherapy", "transfusion", "biopsy")
FILLER = (
    "early often rarely in children with the adults after before during treatment risk dose level blood pressure test "
    "family history months weeks days infection immune drug reaction recovery follow doctor clinic study exercise diet"
).split()


def question(rng, number):
    return f"Case {number}: what are the usual signs of a disease of the {rng.choice(PARTS)} and {rng.choice(PARTS)}?"


def answer(rng):
    words = " ".join(rng.choices(FILLER, k=25))
    return f"The signs are {rng.choice(SIGNS)} and {rng.choice(SIGNS)}; {words}. It is treated with {rng.choice(CARE)}."


def clean_rows(count, seed=1):
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        row = {"id": f"r{number}", "question": question(rng, number), "license": "CC-BY-4.0"}
        if number % 2:
            options = [f"{rng.choice(SIGNS)} of the {part}" for part in rng.sample(PARTS, 4)]
            row |= {"options": options, "answer_idx": rng.randrange(4)}
        else:
            row |= {"answer": answer(rng)}
        rows.append(row)
    return rows


DEFECTS = {
    "no-question": {"question": "", "answer": "Drink water and rest until the fever is gone for a full day."},
    "no-answer": {"question": "How is a broken rib treated at home?", "answer": ""},
    "junk-answer": {"question": "Which vitamin is given for night blindness?", "answer": "N/A"},
    "refusal": {
        "question": "How is gout treated in an acute attack?",
        "answer": "I'm sorry, but I cannot help with that.",
    },
    "cut-off-answer": {
        "question": "How does aspirin prevent a stroke in adults?",
        "answer": "Aspirin blocks an enzyme of platelets, so that they stick together less, which lowers the risk of",
    },
    "wrong-language": {
        "question": "What should a patient with asthma avoid?",
        "answer": "El paciente con asma debe evitar el humo del tabaco y los lugares con mucho polvo.",
    },
    "damaged-text": {
        "question": "Which drugs slow the heart?",
        "answer": "Drugs such as Î²-blockers slow the heart, and the usual dose depends on the patient.",
    },
    "markup": {
        "question": "What is a normal pulse of an adult at rest?",
        "answer": "A normal pulse is <b>60 to 100</b> beats a minute in an adult at rest.",
    },
    "personal-data": {
        "question": "May I stop taking the tablets?",
        "answer": "Please call Dr. Maria Gonzalez at (617) 555-0143 before you stop taking the tablets.",
    },
    "secret": {
        "question": "How are results of the laboratory sent?",
        "answer": "They are sent to the server with the key sk-" + "a1b2c3d4" * 4 + " of the clinic.",
    },
    "gold-outside-options": {
        "question": "Which organ makes insulin?",
        "options": ["Liver", "Pancreas"],
        "answer_idx": 7,
    },
    "gold-not-an-option": {"question": "Which organ makes bile?", "options": ["Liver", "Lung"], "answer": "The heart"},
    "single-option": {"question": "Which organ filters the blood?", "options": ["Kidney"], "answer_idx": 0},
    "empty-option": {"question": "Which organ pumps the blood?", "options": ["Heart", ""], "answer_idx": 0},
    "repeated-option": {"question": "Which organ digests?", "options": ["Stomach", "stomach", "Ear"], "answer_idx": 2},
    "license-unrecognised": {
        "question": "What is anaemia in simple words?",
        "answer": "Anaemia means that the blood carries too little oxygen.",
        "license": "My-Own-1",
    },
    "license-no-sale": {
        "question": "What is jaundice in simple words?",
        "answer": "Jaundice means that the skin turns yellow because of bilirubin.",
        "license": "CC-BY-NC-4.0",
    },
    "license-missing": {
        "question": "What is vertigo in simple words?",
        "answer": "Vertigo means that a person feels the room turn around them.",
        "license": "",
    },
    "needs-image": {
        "question": "What does the image shown below suggest?",
        "answer": "It suggests a fracture of the wrist that needs a cast.",
    },
    "repetition": {
        "question": "What helps against hiccups?",
        "answer": "Hold your breath for a moment. " * 12,
    },
    "echo": {"question": "What is the cause of scurvy?", "answer": "What is the cause of scurvy?"},
    "junk-question": {"question": "N/A", "answer": "Drink more water and avoid salt for several days."},
}
"""A row for each kind that a row shows by itself."""


def write_lines(path, rows):
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def planted(folder):
    """Write clean rows with one defect of each kind; return the file and {kind: line}."""
    rows, lines = clean_rows(40), {}
    for kind, row in DEFECTS.items():
        lines[kind] = len(rows) + 1
        rows.append({"id": f"planted-{kind}", "license": "CC-BY-4.0", **row})
    first = rows[0]
    for kind, row in {
        "unreadable-row": '{"id": "half a row", "question": "Wh',
        "mixed-types": {**rows[3], "id": "mixed", "question": "Which one is in the chest?", "options": "Lung"},
        "repeated-id": {
            **DEFECTS["markup"],
            "id": "r2",
            "license": "CC0-1.0",
            "question": "Why is a low pulse normal?",
        },
        "exact-duplicate": {**first, "id": "again"},
        "near-duplicate": {**first, "id": "almost", "answer": first["answer"].replace("The signs", "Its signs")},
        "conflicting-gold": {**rows[1], "id": "other", "answer_idx": (rows[1]["answer_idx"] + 1) % 4},
    }.items():
        lines[kind] = len(rows) + 1
        rows.append(row)
    return write_lines(folder / "train.jsonl", rows), lines


def by_kind(result):
    return {group.kind.id: group for group in result.groups}


def lines_of(result, kind):
    return [one.line for one in by_kind(result)[kind].instances] if kind in by_kind(result) else []


def run_cli(*arguments, code=0):
    done = CliRunner().invoke(main, ["check", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


# --- planted defects -------------------------------------------------------------------------------------------------


def test_every_planted_defect_is_found_at_its_line_and_nothing_is_changed(tmp_path):
    path, lines = planted(tmp_path)
    before = sha256(path.read_bytes()).hexdigest()
    result = check([path], CheckSettings())
    missed = {kind: line for kind, line in lines.items() if line not in lines_of(result, kind)}
    assert missed == {}
    assert sha256(path.read_bytes()).hexdigest() == before
    assert [one.name for one in tmp_path.iterdir()] == ["train.jsonl"]


def test_clean_rows_have_no_finding(tmp_path):
    result = check([write_lines(tmp_path / "clean.jsonl", clean_rows(40))], CheckSettings())
    assert result.groups == ()
    assert result.rows == 40


def test_findings_name_file_line_id_and_what_they_found(tmp_path):
    path, lines = planted(tmp_path)
    findings = by_kind(check([path], CheckSettings()))
    [conflict] = findings["conflicting-gold"].instances
    assert conflict.place() == f"{path.name}:{lines['conflicting-gold']} (other)"
    assert conflict.detail == "another option is right in train.jsonl:2"
    assert findings["near-duplicate"].instances[0].detail == "0.81 similar to train.jsonl:1"
    assert findings["mixed-types"].instances[0].detail == "options is a text, in other rows a list"
    assert findings["unreadable-row"].instances[0].detail.startswith("not JSON")


def test_details_show_no_personal_data_and_no_secret(tmp_path):
    path, _ = planted(tmp_path)
    output = json.dumps(check([path], CheckSettings()).to_json(1000))
    assert "555-0143" not in output
    assert "sk-a1b2" not in output
    assert "PHONE in answer" in output


def test_a_kind_has_its_severity_reason_and_remedy_and_each_rule_of_cleaning_is_one():
    assert {rule.replace("_", "-") for rule in RULES} <= set(KINDS)
    assert all(kind.why.endswith(".") and kind.remedy.endswith(".") for kind in KINDS.values())


def test_right_options_at_one_position_are_reported_once(tmp_path):
    rows = [row | {"answer_idx": 0 if n % 8 else 1} for n, row in enumerate(clean_rows(400)) if "options" in row]
    result = check([write_lines(tmp_path / "biased.jsonl", rows)], CheckSettings(skip=frozenset({"near-duplicate"})))
    [one] = by_kind(result)["gold-position-bias"].instances
    assert one.line is None
    assert one.detail == "200 questions with 4 options: A 100%, B 0%, C 0%, D 0%; an equal share is 25%"


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("Aspirin blocks an enzyme of the platelets, so that they stick together less and the", True),
        ("Aspirin blocks an enzyme of the platelets, so that they stick together less,", True),
        ("Aspirin blocks an enzyme of the platelets, so that they stick together less.", False),
        ("It blocks an enzyme of the platelets, lowers the fever and the risk of a second stroke", False),
        ("Good sources for the prevention of night blindness are liver and carrots, rich in vitamin A", False),
        ("of the", False),
        ("Run this:\n```\nx = 1\n", True),
    ],
)
def test_an_answer_breaks_off_where_its_last_word_needs_another(text, breaks):
    assert pl.DataFrame({"a": [text]}).select(cut_off(pl.col("a"))).item() is breaks


# --- leaks, training, releases ---------------------------------------------------------------------------------------


def test_rows_that_contain_benchmark_items_are_leaks(tmp_path):
    item = {
        "question": "Which enzyme is deficient in a newborn with musty odour, eczema and delayed development?",
        "options": ["Phenylalanine hydroxylase", "Tyrosinase", "Homogentisate oxidase", "Galactokinase"],
        "answer": "Phenylalanine hydroxylase",
    }
    bench = write_lines(tmp_path / "bench.jsonl", [item])
    rows = [
        *clean_rows(10),
        {"id": "leaky", "question": item["question"], "answer": item["answer"], "license": "CC0-1.0"},
    ]
    path = write_lines(tmp_path / "train.jsonl", rows)
    assert "leak" not in by_kind(check([path], CheckSettings()))
    result = check([path], CheckSettings(against=(str(bench),)))
    [leak] = by_kind(result)["leak"].instances
    assert (leak.line, leak.id) == (11, "leaky")
    assert "bench.jsonl" in leak.detail
    assert not any(line.startswith("leaks:") for line in result.not_checked)


# --- shapes of files -------------------------------------------------------------------------------------------------


def test_the_same_rows_have_the_same_findings_in_every_format(tmp_path):
    rows = [*clean_rows(20), {"id": "planted", "license": "CC0-1.0", **DEFECTS["refusal"]}]
    flat = [{k: v for k, v in row.items() if k not in ("options", "answer_idx")} for row in rows if "answer" in row]
    write_lines(tmp_path / "a.jsonl", flat)
    (tmp_path / "b.json").write_text(json.dumps(flat))
    pl.DataFrame(flat).write_parquet(tmp_path / "c.parquet")
    with (tmp_path / "d.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(flat[0]))
        writer.writeheader()
        writer.writerows(flat)
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    book = openpyxl.Workbook()
    for row in [list(flat[0]), *([row[name] for name in flat[0]] for row in flat)]:
        book.active.append(row)
    book.save(tmp_path / "f.xlsx")
    for path in sorted(tmp_path.iterdir()):
        result = check([path], CheckSettings())
        assert {kind: [one.id for one in group.instances] for kind, group in by_kind(result).items()} == {
            "refusal": ["planted"]
        }, path.name


def test_conversations_preference_pairs_and_letters_are_read(tmp_path):
    chat = [
        {
            "messages": [
                {"role": "user", "content": "What is gout?"},
                {"role": "assistant", "content": "I cannot help."},
            ]
        },
        {"messages": [{"from": "human", "value": "What is croup?"}, {"from": "human", "value": "Please answer."}]},
    ]
    pairs = [{"prompt": "How is croup treated?", "chosen": "With steam and rest.", "rejected": "With steam and rest. "}]
    letters = [
        {"question": "Where is bile made?", "opa": "Liver", "opb": "Lung", "opc": "Ear", "opd": "Eye", "cop": "E"}
    ]
    expected = {"refusal": [1], "bad-turns": [2], "no-answer": [2]}
    result = check([write_lines(tmp_path / "chat.jsonl", chat)], CheckSettings(reading=Reading(license="CC0-1.0")))
    assert {kind: lines_of(result, kind) for kind in by_kind(result)} == expected
    result = check([write_lines(tmp_path / "pairs.jsonl", pairs)], CheckSettings(reading=Reading(license="CC0-1.0")))
    assert list(by_kind(result)) == ["equal-pair"]
    result = check(
        [write_lines(tmp_path / "letters.jsonl", letters)], CheckSettings(reading=Reading(license="CC0-1.0"))
    )
    assert list(by_kind(result)) == ["gold-outside-options"]


def test_positions_counted_from_one_are_recognised(tmp_path):
    rows = [row | {"answer_idx": row["answer_idx"] + 1} for row in clean_rows(40) if "options" in row]
    result = check([write_lines(tmp_path / "one.jsonl", rows)], CheckSettings())
    assert by_kind(result) == {}
    assert "positions counted from 1" in result.read[0]


def test_options_in_a_text_and_letters_with_their_text_are_read(tmp_path):
    forms = [json.dumps, str, lambda options: json.dumps(dict(zip("ABCD", options, strict=False)))]
    for number, written in enumerate([*forms, lambda options: f"[{' '.join(map(repr, options))}]"]):
        rows = [row for row in clean_rows(40) if "options" in row]
        texts = [
            {**row, "options": written(row["options"]), "answer_idx": f"{'ABCD'[row['answer_idx']]}. {right}"}
            for row in rows
            if (right := row["options"][row["answer_idx"]])
        ]
        assert by_kind(check([write_lines(tmp_path / f"{number}.jsonl", texts)], CheckSettings())) == {}


def test_a_column_is_named_where_its_name_is_unusual(tmp_path):
    path = write_lines(tmp_path / "odd.jsonl", [{"pregunta": "What is gout?", "reply": "A disease of the joints."}])
    with pytest.raises(CheckError, match=r"which column holds the questions.*pregunta, reply.*--question-column"):
        check([path], CheckSettings())
    named = NamedColumns(columns={"question": ["pregunta"]})
    assert check([path], CheckSettings(reading=Reading(columns=named, license="CC0-1.0"))).groups == ()
    wrong = NamedColumns(columns={"question": ["pregunto"]})
    with pytest.raises(TableError, match=r"no column 'pregunto'.*did you mean 'pregunta'"):
        check([path], CheckSettings(reading=Reading(columns=wrong)))


def test_the_name_of_a_column_may_have_spaces_around_it(tmp_path):
    (tmp_path / "a.csv").write_text("Id, Question ,Answer\n1,What lowers a fever in adults?,Paracetamol lowers it.\n")
    assert check([tmp_path / "a.csv"], CheckSettings()).read == (
        "a.csv: id: Id; question:  Question ; answer: Answer; language en",
    )


def test_a_damaged_file_is_a_finding_and_the_others_are_checked(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    (tmp_path / "c.csv").write_text("disease,symptom\ngout,pain\n")
    write_lines(tmp_path / "b.jsonl", clean_rows(10))
    result = check([tmp_path], CheckSettings())
    assert list(by_kind(result)) == ["unreadable-file"]
    assert [one.file for one in by_kind(result)["unreadable-file"].instances] == ["a.parquet", "c.csv"]
    assert result.rows == 10


def test_a_file_without_rows_is_a_finding(tmp_path):
    (tmp_path / "a.csv").write_text("question,answer\n")
    (tmp_path / "b.jsonl").write_text("")
    assert [one.file for one in by_kind(check([tmp_path], CheckSettings()))["no-rows"].instances] == [
        "a.csv",
        "b.jsonl",
    ]


def test_files_of_several_batches_give_the_same_findings_with_workers(tmp_path, monkeypatch):
    path, _ = planted(tmp_path)
    one_batch = check([path], CheckSettings())
    monkeypatch.setattr("pipelines.check.table_batches.BATCH_ROWS", 7)
    batches = check([path], CheckSettings(workers=2))
    assert {kind: lines_of(batches, kind) for kind in by_kind(batches)} == {
        kind: lines_of(one_batch, kind) for kind in by_kind(one_batch)
    }


# --- the command: outputs, exit codes, baseline ----------------------------------------------------------------------


def test_the_exit_code_follows_fail_on(tmp_path):
    path = write_lines(tmp_path / "t.jsonl", [*clean_rows(10), {"license": "CC0-1.0", **DEFECTS["refusal"]}])
    run_cli(path)
    run_cli(path, "--fail-on", "warning", code=1)
    run_cli(path, "--fail-on", "refusal", code=1)
    run_cli(path, "--fail-on", "leak")
    run_cli(path, "--fail-on", "note", "--skip", "refusal")
    assert "did you mean 'refusal'" in run_cli(path, "--fail-on", "refusl", code=1)
    broken = write_lines(tmp_path / "b.jsonl", [*clean_rows(10), "{"])
    run_cli(broken, code=1)
    run_cli(broken, "--fail-on", "never")


def test_only_findings_that_are_not_in_the_baseline_count(tmp_path):
    rows = [*clean_rows(10), {"license": "CC0-1.0", **DEFECTS["refusal"]}]
    path, known = write_lines(tmp_path / "t.jsonl", rows), tmp_path / "known.json"
    run_cli(path, "--write-baseline", known)
    moved = write_lines(path, [clean_rows(12)[11], *rows])
    run_cli(moved, "--baseline", known, "--fail-on", "warning")
    fresh = write_lines(path, [*rows, {"license": "CC0-1.0", **DEFECTS["junk-answer"]}, rows[-1]])
    output = json.loads(run_cli(fresh, "--baseline", known, "--fail-on", "warning", "--json", code=1))
    assert {one["id"]: (one["count"], one["new"]) for one in output["findings"]} == {
        "exact-duplicate": (1, 1),
        "junk-answer": (1, 1),
        "refusal": (2, 1),
    }
    with pytest.raises(CheckError, match="not a baseline"):
        read_baseline(path)


def test_a_baseline_is_the_same_whatever_the_order_of_findings(tmp_path):
    write_baseline(tmp_path / "a.json", {"leak": ["b", "a"], "echo": ["c"]})
    write_baseline(tmp_path / "b.json", {"echo": ["c"], "leak": ["a", "b"]})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_text_page_and_sarif_name_the_findings(tmp_path, monkeypatch):
    _, lines = planted(tmp_path)
    monkeypatch.chdir(tmp_path)
    output = run_cli("train.jsonl", "--sarif", "out.sarif", "--page", "out.html", code=1)
    assert f"train.jsonl:{lines['refusal']} (planted-refusal)" in output
    assert "do:  Delete the row, unless refusing is what it teaches" in output
    html = Path("out.html").read_text()
    assert "planted-refusal" in html
    assert "http" not in html.partition("<main>")[0].replace("Content-Security-Policy", "").replace("http-equiv", "")
    log = json.loads(Path("out.sarif").read_text())
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    [refusal] = [one for one in run["results"] if one["ruleId"] == "refusal"]
    assert rules[refusal["ruleIndex"]] == "refusal"
    place = refusal["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "train.jsonl"}, "region": {"startLine": lines["refusal"]}}
    assert len({one["partialFingerprints"]["sabilaRow/v1"] for one in run["results"]}) > len(rules)
    assert {one["level"] for one in run["results"]} == {"error", "warning", "note"}


# --- releases and training -------------------------------------------------------------------------------------------


def test_a_release_is_verified_and_its_rows_are_checked(demo_store, tmp_path):
    folder = tmp_path / "release"
    shutil.copytree(demo_store / "releases" / "demo" / "1", folder)
    result = check([folder], CheckSettings())
    assert result.rows == load(folder).rows
    assert "release-error" not in by_kind(result)
    (folder / "README.md").write_text("another card")
    output = json.loads(run_cli(folder, "--json", code=1))
    [one] = [one for one in output["findings"] if one["id"] == "release-error"]
    assert any(example["file"].endswith("README.md") for example in one["examples"])


def test_what_training_would_supervise_is_counted(tmp_path):
    pytest.importorskip("torch", reason="torch is in the extra 'train', which is not installed")
    import tiny_model

    model = tiny_model.make(tmp_path / "model")
    rows = [
        {"messages": [{"role": "user", "content": "What is gout?"}, {"role": "assistant", "content": "A disease."}]},
        {"question": "What is croup?", "answer": "A swelling of the airway. " * 60 + "It is treated."},
        {"question": "What is rickets?", "answer": "A lack of vitamin D.<|end|> It bends the bones."},
    ]
    path = write_lines(tmp_path / "t.jsonl", rows)
    training = Training(model=str(model), max_length=100)
    result = check([path], CheckSettings(training=training, reading=Reading(license="CC0-1.0")))
    assert lines_of(result, "truncated-row") == [2]
    assert lines_of(result, "control-token-as-text") == [3]
    assert result.training["rows"] == 3
    assert 0 < result.training["supervised"] < result.training["tokens"]
    pair = write_lines(
        tmp_path / "p.jsonl", [{"prompt": "Is it gout?", "chosen": "No. " * 90, "rejected": "Yes. " * 90}]
    )
    assert lines_of(check([pair], CheckSettings(training=training)), "truncated-row") == [1]
    config = json.loads((model / "tokenizer_config.json").read_text())
    bare = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    (model / "chat_template.jinja").unlink(missing_ok=True)
    (model / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": bare}))
    result = check([path], CheckSettings(training=Training(model=str(model)), reading=Reading(license="CC0-1.0")))
    assert lines_of(result, "no-end-of-turn") == [1, 2, 3]
    assert f"training: {3:,}" not in "".join(result.not_checked)
    few = check([path], CheckSettings(training=Training(model=str(model), rows=2)))
    assert "training: 2 of 3 rows, drawn evenly; --training-rows reads more" in few.not_checked
    with pytest.raises(CheckError, match="no readable tokenizer"):
        check([path], CheckSettings(training=Training(model=str(tmp_path / "none"))))


# --- sets of the Hub, and mappings beside files ----------------------------------------------------------------------


def test_a_set_of_the_hub_is_checked_at_a_revision(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.chdir(tmp_path)
    close_session()
    with hub_double.running() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        rows = [*clean_rows(10), {"id": "planted", "license": "CC0-1.0", **DEFECTS["refusal"]}]
        double.commit("org/name", {"train.jsonl": hub_double.rows(rows)})
        output = run_cli("hf://datasets/org/name:train.jsonl", "--fail-on", "refusal", code=1)
    close_session()
    assert "train.jsonl:11 (planted)" in output


def test_the_mapping_beside_a_file_says_which_column_is_what(tmp_path):
    rows = [{"frage": "What is gout?", "a": "Lung", "b": "Joint", "right": 3}]
    path = write_lines(tmp_path / "clinic.jsonl", rows)
    mapping = 'license = "CC-BY-4.0"\nlicense_read = "a letter"\nlanguage = "en"\ngold_base = 1\n[columns]\n'
    (tmp_path / "clinic.toml").write_text(f'{mapping}question = "frage"\noptions = ["a", "b"]\ngold = "right"\n')
    assert list(by_kind(check([path], CheckSettings()))) == ["gold-outside-options"]
    with pytest.raises(CheckError, match=r"clinc\.jsonl is not there; did you mean 'clinic\.jsonl'"):
        check([tmp_path / "clinc.jsonl"], CheckSettings())
