"""`sabila score` and `sabila select` on files: what is written, what is dropped and why, and what is refused."""

import json
import math

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from pipelines.cli.commands import main
from pipelines.own_files.conversations import TextColumns, read_columns, records_of
from pipelines.own_files.file_tables import scan
from quality.scores.digits import NextToken
from quality.scores.score_columns import Unscored
from synth.judges import score_step
from synth.teachers import embedders
from synth.teachers.teacher import Completion

ROWS = [
    {"question": f"What helps against ailment {n}?", "response": f"Remedy {n}. " * (n + 1), "quality": n / 10}
    for n in range(10)
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Work in an empty folder, where the store is by default."""
    monkeypatch.chdir(tmp_path)


def call(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def table(folder, name):
    return pl.read_parquet(folder / f"{name}.parquet")


class Words:
    """A model for which a word has a probability of one half, one of its prefix a quarter; none reads "unreadable"."""

    asked = 0

    def token_logprobs(self, continuations):
        Words.asked += len(continuations)
        return [
            Unscored("9999 tokens, expected 1 to 128")
            if "unreadable" in one.text
            else [math.log(0.5 if "What" in one.prefix else 0.25)] * len(one.text.split())
            for one in continuations
        ]

    def next_digits(self, prompts):
        return [NextToken({str(1 + prompt.count("Remedy") % 6): 0.0}) for prompt in prompts]


@pytest.fixture
def model(monkeypatch, tmp_path):
    """Put ``Words`` in place of every transformers model."""
    monkeypatch.setattr(score_step, "shared_causal_model", lambda path: Words())
    Words.asked = 0
    return tmp_path / "model"


def test_scores_are_columns_and_the_lowest_are_dropped_with_their_evidence(tmp_path, model):
    file = write(tmp_path / "a.jsonl", ROWS)
    arguments = ("--ifd", model, "--perplexity", model, "--deita", model)
    done = call("score", file, "--out", tmp_path / "out", *arguments, "--drop-lowest", "deita=0.2", "--json")
    assert done.exit_code == 0, done.output
    kept, dropped = table(tmp_path / "out", "kept"), table(tmp_path / "out", "dropped")
    assert kept.columns == [
        *("question", "response", "quality", "perplexity", "perplexity_reason", "ifd", "ifd_reason"),
        *("deita", "deita_reason"),
    ]
    assert kept["ifd"].to_list() == pytest.approx([0.5] * len(kept))
    assert kept["perplexity"].to_list() == pytest.approx([2.0] * len(kept))
    assert len(kept) + len(dropped) == 10
    assert set(dropped["reason"]) <= {"low_deita"}
    assert json.loads(dropped["evidence"][0])["of"] == 10
    account = json.loads(done.stdout)
    assert account["ifd"] == {
        "scored": 10, "unscored": 0, "least": 0.5, "10%": 0.5, "median": 0.5, "90%": 0.5, "greatest": 0.5,
    }  # fmt: skip


def test_perplexity_and_ifd_ask_one_model_once(tmp_path, model):
    file = write(tmp_path / "a.jsonl", ROWS)
    call("score", file, "--out", tmp_path / "out", "--ifd", model, "--perplexity", model)
    assert Words.asked == 2 * len(ROWS)


def test_no_row_is_scored_twice_whatever_is_dropped_or_added(tmp_path, model):
    file = write(tmp_path / "a.jsonl", ROWS)
    call("score", file, "--out", tmp_path / "1", "--ifd", model)
    assert Words.asked == 2 * len(ROWS)
    done = call("score", file, "--out", tmp_path / "2", "--ifd", model, "--drop-lowest", "0.1")
    assert done.exit_code == 0, done.output
    assert Words.asked == 2 * len(ROWS)
    more = write(tmp_path / "b.jsonl", [*ROWS, {"question": "What else?", "response": "Rest."}])
    call("score", more, "--out", tmp_path / "3", "--ifd", model)
    assert Words.asked == 2 * len(ROWS) + 2
    assert table(tmp_path / "3", "kept")["ifd"].to_list()[:-1] == table(tmp_path / "1", "kept")["ifd"].to_list()


def test_an_interrupted_call_goes_on_with_the_rows_that_are_not_scored(tmp_path, model, monkeypatch):
    rows = [{**ROWS[0], "question": f"What is {n}?"} for n in range(80)]
    file = write(tmp_path / "a.jsonl", rows)

    class Tired(Words):
        def token_logprobs(self, continuations):
            if Words.asked > 60:
                raise RuntimeError("the power is gone")
            return super().token_logprobs(continuations)

    monkeypatch.setattr(score_step, "shared_causal_model", lambda path: Tired())
    assert "the power is gone" in call("score", file, "--out", tmp_path / "out", "--perplexity", model).output
    monkeypatch.setattr(score_step, "shared_causal_model", lambda path: Words())
    before = Words.asked
    assert call("score", file, "--out", tmp_path / "out", "--perplexity", model).exit_code == 0
    assert Words.asked < before + len(rows)
    assert table(tmp_path / "out", "kept")["perplexity"].null_count() == 0


def test_a_row_that_cannot_be_scored_has_a_reason_and_no_number(tmp_path, model):
    rows = [*ROWS, {"question": "What?", "response": "unreadable"}, {"question": "What?", "response": None}]
    file = write(tmp_path / "a.jsonl", rows)
    done = call("score", file, "--out", tmp_path / "out", "--ifd", model, "--json")
    kept = table(tmp_path / "out", "kept")
    assert kept["ifd"].to_list()[-2:] == [None, None]
    assert kept["ifd_reason"].to_list()[-2:] == ["9999 tokens, expected 1 to 128", "the row has no response"]
    assert json.loads(done.stdout)["ifd"]["unscored"] == 2
    call("score", file, "--out", tmp_path / "3", "--ifd", model, "--drop-above", "0.4")
    assert len(table(tmp_path / "3", "kept")) == 2
    assert json.loads(table(tmp_path / "3", "dropped")["evidence"][0]) == {"score": 0.5, "limit": 0.4}
    call("score", file, "--out", tmp_path / "2", "--ifd", model, "--drop-lowest", "0.1")
    assert set(table(tmp_path / "2", "dropped")["reason"]) == {"unscored_ifd"}


def test_where_no_row_can_be_scored_nothing_is_written(tmp_path, model):
    file = write(tmp_path / "a.jsonl", [{"question": "What?", "response": "unreadable"}] * 3)
    done = call("score", file, "--out", tmp_path / "out", "--ifd", model)
    assert done.exit_code == 1
    assert "no row has a ifd score: 9999 tokens, expected 1 to 128 (3 rows)" in done.output
    assert not (tmp_path / "out").exists()


class Judge:
    """A judge whose marks are the length of the answer, and who once in a while chats instead."""

    name, revision, license = "judge", "1", "Apache-2.0"

    def complete(self, requests):
        for request in requests:
            text = request.messages[-1].content
            marks = dict.fromkeys(("correct", "grounded", "complete", "coherent", "safe"), 1 + text.count("Remedy") % 5)
            said = "Well, that is good." if "Remedy 3." in text else json.dumps({"remark": "Short.", **marks})
            yield request, Completion(text=said, finish_reason="stop", prompt_tokens=9, completion_tokens=9)


def test_a_judges_marks_are_columns_and_are_asked_once(tmp_path, monkeypatch):
    asked = []

    class Counting(Judge):
        def complete(self, requests):
            for request, reply in super().complete(requests):
                asked.append(request.row)
                yield request, reply

    monkeypatch.setattr("synth.teachers.specs.teacher", lambda spec, options=None: Counting())
    file = write(tmp_path / "a.jsonl", ROWS)
    for out in ("1", "2"):
        done = call("score", file, "--out", tmp_path / out, "--rubric", "judge", "--store", tmp_path / "store")
        assert done.exit_code == 0, done.output
    kept = table(tmp_path / "2", "kept")
    assert len(asked) == 10
    assert kept["rubric"][0] == 2.0
    assert kept["rubric_safe"][0] == 2
    assert (kept["rubric"][3], kept["rubric_reason"][3]) == (None, "the judge's reply is unparsed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no score is asked for; give --ifd, --perplexity, --deita, --reward or --rubric"),
        (
            ("--ifd", "m", "--drop-lowest", "deita=0.1"),
            "--drop-lowest: got 'deita=0.1', expected NAME=NUMBER with NAME one of ifd",
        ),
        (("--ifd", "m", "--drop-lowest", "1.5"), "expected a share between 0 and 1"),
        (("--ifd", "m", "--perplexity", "m", "--drop-lowest", "0.1"), "NAME one of perplexity, ifd"),
        (("--ifd", "m", "--answer-column", "reply"), "column 'reply' is not in the table"),
        (("--ifd", "no/folder"), "cannot load 'no/folder'"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_before_it_writes(tmp_path, arguments, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if "no/folder" in arguments:
        pytest.importorskip("transformers", reason="needs sentence-transformers: install the extra 'local'")
    done = call("score", write(tmp_path / "a.jsonl", ROWS), "--out", tmp_path / "out", *arguments)
    assert done.exit_code in (1, 2)
    assert message in done.output
    assert not (tmp_path / "out").exists()


def test_a_score_column_that_is_there_already_is_not_overwritten(tmp_path, model):
    file = write(tmp_path / "a.jsonl", [{**row, "ifd": 1.0} for row in ROWS])
    done = call("score", file, "--out", tmp_path / "out", "--ifd", model)
    assert "column 'ifd' is in the table already" in done.output


def test_a_row_without_a_question_has_no_score_that_is_given_its_question(tmp_path, model):
    file = write(
        tmp_path / "a.jsonl", [*ROWS, {"question": None, "response": "Rest."}, {"question": " ", "response": "No."}]
    )
    done = call(
        "score", file, "--out", tmp_path / "out", "--ifd", model, "--perplexity", model, "--drop-above", "ifd=0.9"
    )
    assert done.exit_code == 0, done.output
    kept = table(tmp_path / "out", "kept")
    assert kept.select("ifd", "perplexity").rows()[-2:] == [(None, None)] * 2
    assert set(kept["ifd_reason"].to_list()[-2:]) == {"the row has no question"}


@pytest.mark.parametrize("name", ["question", "answer"])
def test_a_named_column_without_texts_is_refused_before_any_work(tmp_path, model, name):
    file = write(tmp_path / "a.jsonl", [{"question": ["a", "b"], "answer": {"text": "c"}, "prompt": "What?"}])
    done = call("score", file, "--out", tmp_path / "out", "--ifd", model, f"--{name}-column", name)
    assert f"column {name!r} is " in done.output
    assert "expected texts, numbers, or conversations" in done.output
    assert not (tmp_path / "out").exists()


def test_own_columns_named_reason_stay_and_the_reason_of_a_drop_has_another_name(tmp_path, model):
    file = write(tmp_path / "a.jsonl", [{**row, "reason": "mine", "evidence": "also mine"} for row in ROWS])
    for out, *arguments in (("1", "select", "--by", "quality", "--rows", 3), ("2", "score", "--ifd", model)):
        verb, *more = arguments
        rule = ("--drop-above", "0.4") if verb == "score" else ()
        done = call(verb, file, "--out", tmp_path / out, *more, *rule)
        assert done.exit_code == 0, done.output
        dropped = table(tmp_path / out, "dropped")
        assert set(dropped["reason"]) == {"mine"}
        assert set(dropped["reason_"]) in ({"beyond_target"}, {"high_ifd"})
        assert {"evidence", "evidence_"} < set(dropped.columns)


def test_scores_that_are_texts_are_numbers_and_empty_cells_and_nan_are_none(tmp_path):
    (tmp_path / "a.csv").write_text("question,quality\na,1.5\nb,\nc, 10 \nd,NaN\n")
    done = call("select", tmp_path / "a.csv", "--out", tmp_path / "out", "--by", "quality", "--rows", 1)
    assert done.exit_code == 0, done.output
    assert table(tmp_path / "out", "kept")["question"].to_list() == ["c"]
    assert table(tmp_path / "out", "dropped")["reason"].to_list() == ["beyond_target", "unscored", "unscored"]


def test_equal_scores_are_taken_in_the_order_of_the_rows(tmp_path, monkeypatch):
    file = write(tmp_path / "a.jsonl", [{"question": f"What is {n}?", "quality": 1} for n in range(12)])
    monkeypatch.setattr(embedders, "embedder", lambda spec: lambda texts: np.eye(12, dtype=np.float32)[: len(texts)])
    for out, more in (("1", ()), ("2", ("--embedder", "m"))):
        done = call("select", file, "--out", tmp_path / out, "--by", "quality", "--rows", 3, *more)
        assert done.exit_code == 0, done.output
        assert table(tmp_path / out, "kept")["question"].to_list() == ["What is 0?", "What is 1?", "What is 2?"]


@pytest.mark.parametrize("value", ["", "NaN"])
def test_a_column_without_any_score_selects_nothing_and_is_refused(tmp_path, value):
    (tmp_path / "a.csv").write_text(f"question,quality\na,{value}\nb,{value}\n")
    done = call("select", tmp_path / "a.csv", "--out", tmp_path / "out", "--by", "quality", "--rows", 1)
    assert done.exit_code == 1
    assert "no row has a score in column 'quality'" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("value", "shown"), [("n/a", "'n/a'"), ("inf", "'inf'")])
def test_a_score_that_is_no_number_is_named_with_its_row(tmp_path, value, shown):
    (tmp_path / "a.csv").write_text(f"question,quality\na,1.5\nb,{value}\n")
    done = call("select", tmp_path / "a.csv", "--out", tmp_path / "out", "--by", "quality", "--rows", 1)
    assert f"column 'quality', row 2: {shown}, expected a finite number" in done.output
    assert "defect" not in done.output


def test_the_best_rows_are_selected_up_to_a_size_or_a_budget(tmp_path):
    file = write(tmp_path / "a.jsonl", ROWS)
    done = call("select", file, "--out", tmp_path / "1", "--by", "quality", "--rows", 3, "--json")
    assert done.exit_code == 0, done.output
    assert table(tmp_path / "1", "kept")["quality"].to_list() == [0.7, 0.8, 0.9]
    assert set(table(tmp_path / "1", "dropped")["reason"]) == {"beyond_target"}
    done = call("select", file, "--out", tmp_path / "2", "--by", "quality", "--tokens", 60, "--json")
    account = json.loads(done.stdout)
    assert account["tokens_kept"] <= 60
    assert account["kept"] == len(table(tmp_path / "2", "kept")) > 1


def test_similar_rows_are_left_out_with_the_row_that_they_resemble(tmp_path, monkeypatch):
    file = write(tmp_path / "a.jsonl", ROWS)

    def embed(texts):
        odd = [int(text.partition("ailment ")[2][0]) % 2 for text in texts]
        return np.array([[1.0, 0.0] if one else [0.0, 1.0] for one in odd], np.float32)

    monkeypatch.setattr(embedders, "embedder", lambda spec: embed)
    call("select", file, "--out", tmp_path / "out", "--by", "quality", "--embedder", "m")
    assert table(tmp_path / "out", "kept")["quality"].to_list() == [0.8, 0.9]
    call("select", file, "--out", tmp_path / "other", "--by", "quality", "--embedder", "m@0.8")
    evidence = json.loads(table(tmp_path / "other", "dropped")["evidence"][0])
    assert evidence["most_similar"] == 0.8
    evidence = json.loads(table(tmp_path / "out", "dropped")["evidence"][0])
    assert evidence == {"score": 0.0, "similar_to": "8", "similarity": 1.0, "most_similar": 0.9}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "quality"), "nothing limits the subset"),
        (("--by", "quality", "--rows", "1", "--tokens", "1"), "expected one of the two"),
        (("--by", "worth", "--rows", "1"), "column 'worth' is not in the table"),
        (
            ("--by", "question", "--rows", "1"),
            "column 'question', row 1: 'What helps against ailment 0?', expected a finite",
        ),
    ],
)
def test_a_wrong_selection_is_refused(tmp_path, arguments, message):
    done = call("select", write(tmp_path / "a.jsonl", ROWS), "--out", tmp_path / "out", *arguments)
    assert message in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("row", "messages", "response"),
    [
        ({"instruction": "Explain.", "input": "Fever", "output": "Heat."}, ["Explain.\n\nFever"], "Heat."),
        (
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
            ["Hi"],
            "Hello",
        ),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}, ["Hi"], "Hello"),
        (
            {
                "prompt": [{"role": "user", "content": "Hi"}],
                "completion": [{"role": "assistant", "content": "Hello"}],
            },
            ["Hi"],
            "Hello",
        ),
        ({"messages": [{"role": "user", "content": "Hi"}], "response": "Hello"}, ["Hi"], "Hello"),
        ({"question": "Hi", "other": "x"}, ["Hi"], None),
        ({"question": "How many chambers has the heart?", "answer": 4}, ["How many chambers has the heart?"], "4"),
        ({"question": "Is it?", "answer": True}, ["Is it?"], "true"),
        ({"question": "What?", "output": {"text": "x"}, "answer": "y"}, ["What?"], "y"),
        (
            {"messages": '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]'},
            ["Hi"],
            "Hello",
        ),
        ({"question": "[{x}] is what set?", "answer": '[{"a": 1}]'}, ["[{x}] is what set?"], '[{"a": 1}]'),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "gout?"}],
                    },
                    {"role": "assistant", "content": [{"type": "text", "text": "A disease of joints."}]},
                ]
            },
            ["What is\ngout?"],
            "A disease of joints.",
        ),
    ],
)
def test_questions_and_answers_are_read_from_usual_layouts(row, messages, response):
    data = pl.DataFrame([row])
    (record,) = records_of(data, read_columns(data.schema, TextColumns())).iter_rows(named=True)
    assert [message["content"] for message in record["messages"]] == messages
    assert record["response"] == response


def test_turns_in_parts_and_turns_of_text_are_read_from_one_file(tmp_path):
    text = [{"role": "user", "content": "Fever?"}, {"role": "assistant", "content": "Rest."}]
    parts = [{"role": turn["role"], "content": [{"type": "text", "text": turn["content"]}]} for turn in text]
    rows = scan([write(tmp_path / "a.jsonl", [{"messages": text}, {"messages": parts}])]).collect()
    records = records_of(rows, read_columns(rows.schema, TextColumns()))
    assert records["response"].to_list() == ["Rest.", "Rest."]
    assert [messages[0]["content"] for messages in records["messages"]] == ["Fever?", "Fever?"]
