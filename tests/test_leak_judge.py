"""A model decides about rows that resemble a benchmark item: in a build, and on own files. Its replies are kept."""

import json
from pathlib import Path

import polars as pl
import pytest
from make_leak_labels import records
from test_leak_files import ITEM, OTHER, decontaminate
from tiny_recipe import refused, run

from pipelines.build.recipe import load
from pipelines.build.session import BuildSession
from pipelines.completions.failed_requests import RequestsFailedError
from pipelines.freeze.freeze_release import release
from pipelines.own_files.own_sources import parse_spec, resolve_sources
from pipelines.recipes import aloe_sft
from pipelines.verify.verify_release import verify
from sources.table import records as records_of
from synth.judges.leak_judge import LEFT_TO_JUDGE
from synth.teachers import specs
from synth.teachers.options import Rates
from synth.teachers.teacher import Completion, Failure

FIXTURES = Path(__file__).parent / "fixtures" / "mirror"


MAPPING = """license = "CC0-1.0"
license_read = "written for these tests"
language = "en"

[columns]
question = "question"
answer = "answer"
"""


class Judge:
    """Says no about texts with ``cleared`` in them and yes about others; ``reply`` is what it says to all."""

    name, revision, license = "judge", "1", "CC0-1.0"

    def __init__(self, cleared="nothing", reply=None):
        self.cleared, self.reply, self.seen = cleared, reply, []

    def complete(self, requests):
        for request in requests:
            self.seen.append(request)
            text = request.messages[-1].content.partition("Examination question:")[0]
            said = self.reply or Completion(
                text=f"Compared.\n\nAnswer: {'no' if self.cleared in text else 'yes'}", finish_reason="stop"
            )
            yield request, said


@pytest.fixture
def judge(monkeypatch, tmp_path):
    """Return the teacher of any spec, and work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    made = Judge(cleared="painless ulcer")
    monkeypatch.setattr(aloe_sft, "teacher_of", lambda spec, options: made)
    monkeypatch.setattr(specs, "teacher", lambda spec, options=None: made)
    return made


def question(name):
    """Return the first question of a benchmark of the fixtures."""
    return next(records_of(records(name, FIXTURES, "test"))).messages[0].content


def session(tmp_path, **values):
    ulcer, fall = question("medqa"), question("healthbench")
    rows = [
        {"question": f"Seen in our ward: {ulcer[:-25]}", "answer": "The house officer asked for a second look."},
        {"question": f"{fall[:-6]} and what follows?", "answer": "The matter is discussed at length elsewhere."},
        {"question": "How often is the kettle of the staff room cleaned?", "answer": "On the first day of a month."},
    ]
    Path("ward.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("ward.toml").write_text(MAPPING)
    own = resolve_sources([parse_spec("ward=ward.jsonl")], raw=tmp_path / "raw", mirror=None, renew=False)
    values = {"source": own, "leak_judge": "judge", **values}
    return BuildSession.open(load("aloe_sft"), values, store=tmp_path / "store", mirror=FIXTURES)


def table(tmp_path, step, part):
    folders = sorted((tmp_path / "store" / "steps").glob(f"{step}-*"), key=lambda path: path.stat().st_mtime)
    paths = sorted((folders[-1] / part).glob("*.parquet"))
    return pl.concat([pl.read_parquet(path) for path in paths]) if paths else pl.DataFrame()


def test_a_build_leaves_doubtful_rows_to_the_judge_and_keeps_what_it_clears(judge, tmp_path):
    bench = session(tmp_path)
    assert "leak-judge" in [node.step.name for node in bench.plan.nodes()]
    account = bench.build(workers=1)
    assert len(judge.seen) >= 2
    left = table(tmp_path, "leaks", "kept")
    assert left["meta"].str.contains(LEFT_TO_JUDGE, literal=True).to_list() == [True, True, False]
    kept, dropped = (table(tmp_path, "leak-judge", part) for part in ("kept", "dropped"))
    assert [text[0]["content"][:10] for text in kept["messages"]] == ["Seen in ou", "How often "]
    assert not kept["meta"].str.contains(LEFT_TO_JUDGE, literal=True).any()
    assert dropped["reason"].str.starts_with("leak:").all() and dropped.height == 1
    assert json.loads(dropped["evidence"][0])["verdict"] is True
    assert account.requests["leak-judge"].sent == len(judge.seen)
    assert table(tmp_path, "leak-judge", "candidates")["verdict"].n_unique() == 2


def test_no_answered_question_of_the_judge_is_sent_again(judge, tmp_path):
    session(tmp_path).build(workers=1)
    first = len(judge.seen)
    session(tmp_path, min_answer_chars="2").build(workers=1)
    assert len(judge.seen) == first


def test_a_plan_counts_what_the_judge_is_to_decide(judge, tmp_path):
    bench = session(tmp_path)
    bench.build(workers=1)
    sent = len(judge.seen)
    for folder in (tmp_path / "store" / "steps").glob("leak-judge-*"):
        folder.rename(tmp_path / folder.name)
    asks = {step.step: step.asks for step in session(tmp_path).forecast(Rates()).steps}["leak-judge"]
    assert (asks.requests, asks.answered_before) == (sent, sent)


@pytest.mark.parametrize("said", ["I would rather not say.", "Answer: yes and no"])
def test_a_row_without_a_plain_verdict_counts_as_contaminated(said, judge, tmp_path):
    judge.reply = Completion(text=said, finish_reason="stop")
    session(tmp_path).build(workers=1)
    dropped = table(tmp_path, "leak-judge", "dropped")
    assert dropped.height == 2
    assert all("verdict" not in json.loads(one) for one in dropped["evidence"])


def test_a_judge_that_does_not_answer_drops_no_row(judge, tmp_path):
    judge.reply = Failure(error="connection refused", tries=5)
    with pytest.raises(
        RequestsFailedError, match=r"leak-judge is not complete: .* requests failed: connection refused"
    ):
        session(tmp_path).build(workers=1)
    judge.reply = None
    session(tmp_path).build(workers=1)
    assert table(tmp_path, "leak-judge", "kept").height == 2


def test_a_release_lists_the_items_that_the_judge_found_and_carries_its_replies(judge, tmp_path):
    bench = session(tmp_path)
    bench.build(workers=1)
    release(bench, "1")
    folder = tmp_path / "store" / "releases" / "aloe_sft" / "1"
    assert verify(folder).findings == ()
    items = pl.read_parquet(folder / "benchmark_items.parquet")
    assert items.filter(pl.col("status") == "contaminated").height >= 1
    replies = pl.concat([pl.read_parquet(path) for path in (folder / "completions").rglob("*.parquet")])
    assert replies.height == len(judge.seen)


# --- own files -----------------------------------------------------------------------------------------------------


def own_files(tmp_path):
    rows = [{**ITEM, "question": f"{ITEM['question'][:-2]} in our ward?", "answer": "Nobody knows"}, OTHER]
    paths = tmp_path / "train.jsonl", tmp_path / "bench.jsonl"
    for path, table_rows in zip(paths, (rows, [ITEM]), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in table_rows))
    return paths


def test_the_verb_keeps_the_replies_of_its_judge_in_the_store(judge, tmp_path):
    judge.cleared = "climber"
    train, bench = own_files(tmp_path)
    for turn in range(2):
        result = decontaminate(train, [bench], tmp_path / f"out{turn}", "--judge", "j")
        assert not result.exit_code, result.output
        assert pl.read_parquet(tmp_path / f"out{turn}" / "kept.parquet").height == 2, "cleared"
    assert len(judge.seen) == 1
    assert (tmp_path / "store" / "completions").exists()


def test_the_verb_ends_where_its_judge_does_not_answer(judge, tmp_path):
    train, bench = own_files(tmp_path)
    judge.reply = Failure(error="connection refused", tries=5)
    call = ("decontaminate", train, "--against", bench, "--out", tmp_path / "out", "--judge", "j")
    assert "1 of 1 requests to the judge failed, the last one with: connection refused" in refused(1, *call)
    assert not (tmp_path / "out" / "kept.parquet").exists()


def test_the_budget_of_the_verb_ends_it(judge, tmp_path):
    train, bench = own_files(tmp_path)
    call = ("decontaminate", train, "--against", bench, "--out", tmp_path / "out", "--judge", "j", "--budget-tokens", 5)
    result = run(*call)
    assert result.exit_code and "budget reached: 0 of 5 tokens used" in result.output
    assert judge.seen == []
