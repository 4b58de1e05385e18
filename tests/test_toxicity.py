"""Moral judgement, detection of hate, and the toxicity of what a model writes."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

import pipelines.evaluate.bias_run as bias_run
from pipelines.cli.commands import main
from pipelines.own_files.beginnings import read_beginnings
from pipelines.own_files.file_tables import TableError
from quality.scores.score_columns import Unscored
from sources.catalog import BENCHMARKS
from sources.fetch.mirror import mirrored
from sources.read import read
from synth.judges.score_models import UnfitModelError, text_classifier
from synth.teachers.teacher import Completion, Failure
from training.evaluation.bias_metrics import Judgement, judged_groups
from training.evaluation.bias_sets import ask_rows, sample, score_set
from training.evaluation.toxic_continuations import Beginning, measure_continuations

MIRROR = Path(__file__).parent / "fixtures" / "mirror"


def rows_of(name):
    return [row for file in mirrored(BENCHMARKS[name], MIRROR) for row in read(BENCHMARKS[name], file)]


def likelier(choose):
    """Return a model for which the option that ``choose`` returns is the likeliest."""

    def ask(requests):
        for request in requests:
            prompt, *options = (message.content for message in request.messages)
            scores = tuple({text: 0.0 if text.strip() == choose(prompt) else -1.0} for text in options)
            yield request, Completion(text="", finish_reason="stop", logprobs=scores)

    return ask


def writing(reply):
    def ask(requests):
        for request in requests:
            text = reply(request)
            yield request, text if isinstance(text, Failure) else Completion(text=text, finish_reason="length")

    return ask


def values(scores):
    return {figure.name.partition(".")[2]: figure.score and figure.score.value for figure in scores.figures}


def always_no(prompt):
    return "reasonable" if "reasonable" in prompt else "No" if "hateful" in prompt else "no"


def test_a_model_that_always_says_no_is_right_as_often_as_no_is():
    scores = values(score_set("ethics", ask_rows("ethics", rows_of("ethics"), "loglikelihood", likelier(always_no))))
    assert (scores["commonsense"], scores["virtue"]) == (0.5, 0.8)
    assert (scores["deontology"], scores["justice"]) == (0.5, 0.5)
    assert {scores["deontology_groups"], scores["justice_groups"], scores["virtue_groups"]} == {0.0}


def test_a_model_that_agrees_with_the_labels_is_right_on_all_groups():
    rows = rows_of("ethics")
    right = {row.context: row.options[row.gold[0]] for row in rows if row.meta["subset"] != "virtue"}

    def judge(prompt):
        if "trait" in prompt:
            return "yes" if '"generous"' in prompt else "no"
        return next(answer for context, answer in right.items() if context in prompt)

    scores = values(score_set("ethics", ask_rows("ethics", rows, "loglikelihood", likelier(judge))))
    assert set(scores.values()) == {1.0}


def test_the_preferred_scenario_is_not_always_the_first():
    first = [row.gold[0] for row in rows_of("ethics") if row.meta["subset"] == "utilitarianism"]
    assert sorted(first) == [0, 1]


def test_a_sample_of_ethics_keeps_groups_whole():
    sampled = sample("ethics", rows_of("ethics"), 9, seed=3)
    assert len(sampled) == 9
    groups = [(row.meta["subset"], row.meta["group"]) for row in sampled]
    runs = [one for place, one in enumerate(groups) if place == 0 or groups[place - 1] != one or one[1] is None]
    assert len({one for one in runs if one[1] is not None}) == len([one for one in runs if one[1] is not None])


def test_a_group_with_a_missing_row_is_no_group():
    complete_group = [Judgement(right=True, group="a")] * 4
    assert judged_groups(complete_group, 4).n == 1
    assert judged_groups(complete_group[:3], 4) is None


def test_calling_everything_hateful_shows_as_false_alarms():
    replies = ask_rows("toxigen", rows_of("toxigen"), "generate", writing(lambda request: "Answer: B"))
    scores = score_set("toxigen", replies)
    assert scores.left_out == {"truncated": 2}
    replies = ask_rows("toxigen", rows_of("toxigen"), "loglikelihood", likelier(lambda prompt: "Yes"))
    assert values(score_set("toxigen", replies)) == {"accuracy": 0.5, "found": 1.0, "false_alarms": 1.0}


BEGINNINGS = [Beginning(id="1", text="The nurse said", toxic=False), Beginning(id="2", text="Those", toxic=True)]


def marked(texts):
    return [0.9 if "foul" in text else 0.1 for text in texts]


def test_the_highest_score_of_all_continuations_counts():
    rule = writing(lambda request: "foul" if request.row == "2" and request.sample == 3 else "well")
    scores = measure_continuations(BEGINNINGS, rule, marked, classifier="c", samples=5, seed=0)
    assert values(scores) == {
        "expected_maximum_all": 0.5,
        "toxic_all": 0.5,
        "expected_maximum_toxic": 0.9,
        "toxic_toxic": 1.0,
        "expected_maximum_other": 0.1,
        "toxic_other": 0.0,
    }


def test_a_missing_score_is_not_zero():
    def reply(request):
        return Failure(error="HTTP 500", tries=1) if request.row == "1" and request.sample == 0 else "foul"

    failed = measure_continuations(BEGINNINGS, writing(reply), marked, classifier="c", samples=2, seed=0)
    assert failed.left_out == {"beginnings without all continuations": 1, "failed continuations": 1}
    assert (values(failed)["expected_maximum_all"], values(failed)["toxic_other"]) == (0.9, None)
    empty = measure_continuations(BEGINNINGS, writing(lambda _: " "), marked, classifier="c", samples=2, seed=0)
    assert empty.left_out == {"beginnings without all continuations": 2, "empty continuations": 4}
    assert set(values(empty).values()) == {None}
    unread = measure_continuations(
        BEGINNINGS, writing(lambda _: "well"), lambda texts: [Unscored("too long")] * len(texts), classifier="c",
        samples=1, seed=0,
    )  # fmt: skip
    assert unread.left_out["unmarked continuations (too long)"] == 2


def test_beginnings_are_read_in_the_form_of_the_published_file_and_in_a_plain_one(tmp_path):
    published = tmp_path / "prompts.jsonl"
    rows = [
        {"filename": "a.txt", "prompt": {"text": "The nurse said", "toxicity": 0.2}, "continuation": {"text": "so"}},
        {"filename": "b.txt", "prompt": {"text": "Those people", "toxicity": 0.7}, "continuation": {"text": "do"}},
        {"filename": "c.txt", "prompt": {"text": "They", "toxicity": None}, "continuation": {"text": "do"}},
    ]
    published.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [one.toxic for one in read_beginnings(published)] == [False, True, None]
    plain = tmp_path / "mine.csv"
    plain.write_text("text\nThe nurse said\n")
    assert read_beginnings(plain) == [Beginning(id="1", text="The nurse said", toxic=None)]
    plain.write_text("text,toxicity\nThe nurse said,0.7\nThose,\n")
    assert [one.toxic for one in read_beginnings(plain)] == [True, None]
    plain.write_text("text,toxicity\nThe nurse said,7\n")
    with pytest.raises(TableError, match=r"row 1: toxicity is '7', expected a number from 0 to 1"):
        read_beginnings(plain)
    plain.write_text("words\nThe nurse said\n")
    with pytest.raises(TableError, match="expected prompt or text"):
        read_beginnings(plain)


def test_toxicity_is_measured_by_the_verb(tmp_path, monkeypatch):
    class Teacher:
        name, revision, license = "rule:model", "1", "MIT"

        def complete(self, requests):
            return writing(lambda request: f"well {request.sample}")(requests)

    monkeypatch.setattr(bias_run, "make_teacher", lambda *_: Teacher())
    monkeypatch.setattr(bias_run, "text_classifier", lambda model, label: marked)
    (tmp_path / "mine.csv").write_text("text\nThe nurse said\nThose people\n")
    paths = ["--mirror", str(tmp_path), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
    options = ["--beginnings", str(tmp_path / "mine.csv"), "--continuations", "3"]
    half = CliRunner().invoke(main, ["bias", "openai:http://x/v1#m", *options, *paths])
    assert half.exit_code != 0
    assert "needs both --beginnings" in half.output
    shown = CliRunner().invoke(main, ["bias", "openai:http://x/v1#m", *options, "--toxicity-model", "c", *paths])
    assert shown.exit_code == 0, shown.output
    assert "expected_maximum_all      0.100 [" in shown.output
    assert "toxicity of free text" not in shown.output


def test_a_classifier_gives_the_probability_of_the_named_label(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    import tiny_model

    tiny_model.make(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    config = transformers.AutoConfig.from_pretrained(tmp_path, num_labels=2, id2label={0: "fine", 1: "Toxic"})
    torch.manual_seed(1)
    model = transformers.Qwen2ForSequenceClassification(config)
    model.save_pretrained(tmp_path)
    texts = ["The nurse came.", "They do not belong here at all, any of them."]
    logits = [model(**tokenizer(text, return_tensors="pt")).logits[0].tolist() for text in texts]
    expected = [math.exp(two) / (math.exp(one) + math.exp(two)) for one, two in logits]
    assert text_classifier(str(tmp_path), "toxic")(texts) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(UnfitModelError, match="has the labels fine, toxic, expected the one to measure, not 'hate'"):
        text_classifier(str(tmp_path), "hate")
