"""A request is sent once, across kills, parallel processes and budgets, and the account of tokens is right."""

import os
import random
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

import polars as pl
import pytest
from asking_process import requests, started
from hostile_server import HANG, Reply, good, serving

from pipelines.completions.budget import Account, Budget, BudgetReachedError, Spending
from pipelines.completions.cached_teacher import BLOCK, NullProgress, cached_teacher
from pipelines.completions.completion_store import opened
from pipelines.storage.store import StoreError
from synth.teachers.options import Rates, TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import Completion, Failure, TeacherError

KILLS = int(os.environ.get("SABILA_KILLS", "20"))


@dataclass
class Scripted:
    """A teacher in this process: it answers by ``reply`` and counts its requests."""

    reply: object = None
    name: str = "scripted"
    revision: str = "1"
    license: str = "CC0-1.0"
    request_counts: Counter = field(default_factory=Counter)

    def complete(self, requests):
        for request in requests:
            self.request_counts[request.messages[0].content, request.sample] += 1
            yield request, self.reply(request) if self.reply else answer(request)


def answer(request, **changed):
    completion = Completion(
        text=f"{request.messages[0].content}: B", finish_reason="stop", prompt_tokens=10, completion_tokens=5
    )
    return replace(completion, **changed)


class SnapshotRecorder:
    def __init__(self):
        self.snapshots = []

    def report(self, snapshot):
        self.snapshots.append(snapshot)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store" / "completions" / "completions.sqlite"


def run(store, model, batch, spending=None):
    """Return outcomes by row after checking that every request came back once."""
    answered = [
        (request.row, outcome)
        for request, outcome in cached_teacher(store, model, spending or Spending(), NullProgress())(batch)
    ]
    assert Counter(row for row, _ in answered) == Counter(request.row for request in batch)
    return dict(answered)


def exported(store, folder):
    with opened(store) as completions:
        return b"".join(path.read_bytes() for path in completions.export(folder))


# --- sent once -----------------------------------------------------------------------------------------------------


def test_an_answered_request_is_not_sent_again_and_reads_the_same(store):
    full = {"reasoning": "Iron\x00 is low.", "logprobs": ({"B": -0.1, "é": -2.25},), "seconds": 0.125}
    first = run(store, Scripted(lambda request: answer(request, **full)), requests(50))
    second_teacher = Scripted()
    assert run(store, second_teacher, requests(50)) == first
    assert not second_teacher.request_counts


def test_one_percent_more_rows_cost_one_percent_more_requests(store):
    run(store, Scripted(), requests(1000))
    second_teacher = Scripted()
    run(store, second_teacher, requests(1010))
    assert second_teacher.request_counts.total() == 10


def test_a_changed_prompt_asks_for_its_own_rows_only(store):
    labels = "Which specialty is case {}?"
    run(store, Scripted(), requests(30) + requests(30, labels, stage="label"))
    second_teacher = Scripted()
    run(store, second_teacher, requests(30) + requests(30, "Name the specialty of case {}.", stage="label"))
    assert second_teacher.request_counts == Counter({(f"Name the specialty of case {n}.", 0): 1 for n in range(30)})


@pytest.mark.parametrize("changed", [{"temperature": 0.1}, {"seed": 1}, {"stop": ("\n",)}])
def test_whatever_changes_an_answer_is_asked_anew(store, changed):
    run(store, Scripted(), requests(3))
    second_teacher = Scripted()
    run(store, second_teacher, requests(3, **changed))
    assert second_teacher.request_counts.total() == 3


def test_a_raised_limit_asks_again_only_for_what_was_cut_off(store):
    """Requests of even rows are cut at their limit; ``requests`` has a limit of 20 tokens."""

    def says(request):
        cut = int(request.row.rpartition(":")[2]) % 2 == 0 and request.sampling.max_tokens < 40
        length = {"finish_reason": "length", "completion_tokens": request.sampling.max_tokens}
        return answer(request, **(length if cut else {}))

    first = run(store, Scripted(says), requests(10, max_tokens=20))
    second_teacher = Scripted(says)
    more = run(store, second_teacher, requests(10, max_tokens=40))
    assert second_teacher.request_counts.total() == 5
    assert {row for row in more if more[row] == first[row]} == {f"r:{n}" for n in range(1, 10, 2)}
    assert {one.ended for one in more.values()} == {"stop"}
    again = Scripted(says)
    assert run(store, again, requests(10, max_tokens=40)) == more
    assert run(store, again, requests(10, max_tokens=20)) == first
    assert not again.request_counts


@pytest.mark.parametrize(("tokens", "limit", "sent"), [(5, 6, 0), (5, 5, 1), (5, 4, 1), (None, 19, 1), (None, 21, 0)])
def test_an_answer_is_reused_under_every_limit_that_it_fits_in(store, tokens, limit, sent):
    run(store, Scripted(lambda request: answer(request, completion_tokens=tokens)), requests(1, max_tokens=20))
    second_teacher = Scripted()
    run(store, second_teacher, requests(1, max_tokens=limit))
    assert second_teacher.request_counts.total() == sent


def test_a_raised_limit_with_another_temperature_asks_for_all(store):
    run(store, Scripted(), requests(3, max_tokens=20))
    second_teacher = Scripted()
    run(store, second_teacher, requests(3, max_tokens=40, temperature=0.1))
    assert second_teacher.request_counts.total() == 3


def test_more_samples_ask_for_the_new_ones_only(store):
    one = requests(1)[0]
    run(store, Scripted(), [replace(one, row=f"r:{n}", sample=n) for n in range(4)])
    second_teacher = Scripted()
    run(store, second_teacher, [replace(one, row=f"r:{n}", sample=n) for n in range(6)])
    assert sorted(sample for _, sample in second_teacher.request_counts) == [4, 5]


def test_a_store_of_the_first_format_is_used_as_it_is_and_gains_the_rest(store, tmp_path):
    first = run(store, Scripted(), requests(3))
    with sqlite3.connect(store) as connection:
        connection.executescript(
            "DROP INDEX by_any_limit; ALTER TABLE completions DROP COLUMN any_limit; PRAGMA user_version = 1"
        )
    connection.close()
    second_teacher = Scripted()
    assert run(store, second_teacher, requests(3)) == first
    assert not second_teacher.request_counts
    run(store, second_teacher, requests(1, "Another {}?", max_tokens=20))
    run(store, second_teacher, requests(1, "Another {}?", max_tokens=30))
    assert second_teacher.request_counts.total() == 1


@pytest.mark.parametrize("other", [Scripted(name="another"), Scripted(revision="2")])
def test_another_model_is_asked_anew(store, other):
    run(store, Scripted(), requests(3))
    run(store, other, requests(3))
    assert other.request_counts.total() == 3


def test_two_rows_with_one_prompt_ask_once_and_two_samples_twice(store):
    one = requests(1)[0]
    second_teacher = Scripted()
    came = run(
        store, second_teacher, [one, replace(one, row="r:other", stage="again"), replace(one, row="r:sample", sample=1)]
    )
    assert second_teacher.request_counts == Counter({(one.messages[0].content, 0): 1, (one.messages[0].content, 1): 1})
    assert len(came) == 3


def test_requests_with_a_common_prefix_are_neighbours(store):
    prompts = []
    batch = [r for n in range(BLOCK // 2) for r in requests(2, f"Template {{}}: {n:03} and more")]
    list(
        cached_teacher(
            store, Scripted(lambda r: prompts.append(r.messages[0].content) or answer(r)), Spending(), NullProgress()
        )(batch)
    )
    templates = [prompt.split(":")[0] for prompt in prompts]
    assert sum(one != other for one, other in pairwise(templates)) == 1


# --- failures ------------------------------------------------------------------------------------------------------


def test_a_failure_is_listed_and_asked_again_until_it_is_answered(store):
    def poison(request):
        return Failure(error="HTTP 500: no", tries=5) if request.row == "r:2" else answer(request)

    came = run(store, Scripted(poison), requests(4))
    assert came["r:2"] == Failure(error="HTTP 500: no", tries=5)
    with opened(store) as completions:
        listed = completions.failures().select("row", "stage", "sample", "error", "tries", "teacher").rows()
    assert listed == [("r:2", "cot", 0, "HTTP 500: no", 5, "scripted")]
    again = Scripted()
    run(store, again, requests(4))
    assert again.request_counts.total() == 1
    with opened(store) as completions:
        assert completions.failures().is_empty()


def test_a_teacher_that_ends_the_run_leaves_what_it_answered(store):
    def dies(request):
        if request.row == "r:7":
            raise TeacherError("unreachable")
        return answer(request)

    batch, answered = requests(20), []
    with pytest.raises(TeacherError, match="unreachable"):
        answered.extend(cached_teacher(store, Scripted(dies), Spending(), NullProgress())(batch))
    assert len(answered) >= 1
    again = Scripted()
    run(store, again, batch)
    assert again.request_counts.total() == 20 - len(answered)


def test_a_caller_who_leaves_early_keeps_what_had_come(store):
    left, again = Scripted(), Scripted()
    answers = cached_teacher(store, left, Spending(), NullProgress())(requests(20))
    next(answers)
    answers.close()
    run(store, again, requests(20))
    assert 1 <= left.request_counts.total() < 20
    assert left.request_counts + again.request_counts == Counter(
        {(request.messages[0].content, 0): 1 for request in requests(20)}
    )


# --- killed --------------------------------------------------------------------------------------------------------


def test_a_run_that_is_killed_again_and_again_repeats_what_was_in_flight_and_ends_with_the_same_bytes(store, tmp_path):
    count, concurrency = 40 * KILLS, 8
    rng = random.Random(KILLS)

    def behaviour(request):
        return Reply(good(request).content, delay_s=0.01)

    with serving(behaviour) as server:
        for _ in range(KILLS):
            until = server.requests + rng.randint(1, 60)
            process = started(str(store), server.url, count, concurrency)
            while process.is_alive() and server.requests < until:
                time.sleep(0.001)
            time.sleep(rng.random() * 0.02)
            process.kill()
            process.join()
        last = started(str(store), server.url, count, concurrency)
        last.join()
        assert last.exitcode == 0
        assert len(server.request_counts) == count
        repeated = server.requests - count
        assert repeated <= KILLS * concurrency
        print(f"{KILLS} kills, {count} requests, {repeated} repeated")
        uninterrupted_store = tmp_path / "whole.sqlite"
        uninterrupted = started(str(uninterrupted_store), server.url, count, concurrency)
        uninterrupted.join()
    assert exported(store, tmp_path / "killed") == exported(uninterrupted_store, tmp_path / "not-killed")


def test_an_answer_keeps_its_place_in_flight_until_the_caller_has_dealt_with_it():
    concurrency, batch = 4, requests(40)
    with serving() as server:
        client = teacher(f"openai:{server.url}#m", TeacherOptions(concurrency=concurrency))
        for dealt_with, _ in enumerate(client.complete(batch)):
            time.sleep(0.01)  # long enough for further requests to be sent
            assert server.requests <= dealt_with + concurrency
        assert server.requests == len(batch)


def test_two_processes_share_the_work_and_get_the_same_bytes(store, tmp_path):
    def behaviour(request):
        # each reply contains the time, so that two replies are never equal
        return Reply(good(request, text=f"{request.prompt} {time.monotonic_ns()}").content, delay_s=0.005)

    count, outputs = 1200, [tmp_path / "one", tmp_path / "two"]
    with serving(behaviour) as server:
        processes = [started(str(store), server.url, count, 4, str(path)) for path in outputs]
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        assert len(server.request_counts) == count
        print(f"{server.requests - count} sent by both")
        assert server.requests < 1.4 * count
    one, two = (path.read_text(encoding="utf-8") for path in outputs)
    assert one == two and one.count("case") == count


def test_many_may_open_a_new_store_at_once(store):
    def make():
        with opened(store) as completions:
            lookups.append(completions.lookup(["nothing"]))

    lookups = []
    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lookups == [{}] * 16


# --- accounts and budgets ------------------------------------------------------------------------------------------


def test_the_account_counts_tokens_and_cost_by_stage(store):
    rates = Rates(prompt_price=1.0, completion_price=2.0, watts=360_000.0)
    run(store, Scripted(), requests(10), Spending(rates=rates))
    spending = Spending(rates=rates)
    batch = requests(15) + requests(4, "Label {}.", stage="label")

    def slow(request):
        time.sleep(0.001)
        if request.row == "r:3":
            return Failure(error="no", tries=1)
        return answer(request, prompt_tokens=None) if request.row == "r:2" else answer(request)

    run(store, Scripted(slow), batch, spending)
    cot, label = spending.accounts["cot"], spending.accounts["label"]
    assert replace(cot, seconds=0, kwh=None) == Account(
        cached=10, sent=5, prompt_tokens=50, completion_tokens=25, cost=pytest.approx(1e-4)
    )
    assert (label.sent, label.failed, label.uncounted, label.requests) == (3, 1, 1, 4)
    assert (label.prompt_tokens, label.completion_tokens) == (20, 15)
    assert cot.seconds > 0.005 and cot.kwh == pytest.approx(cot.seconds / 10)
    assert Spending().accounts == {} and Account().kwh is None


@pytest.mark.parametrize("budget", [Budget(tokens=10_000), Budget(cost=0.05)])
def test_a_budget_stops_the_run_short_of_it_and_another_goes_on_from_there(store, budget):
    rates = Rates(prompt_price=5.0, completion_price=5.0)
    batch = requests(700)
    with serving() as server:
        client = teacher(f"openai:{server.url}#m", TeacherOptions(concurrency=16))
        spending, answered = Spending(rates=rates, budget=budget), []
        with pytest.raises(BudgetReachedError, match=r"budget reached: .* of .* used, .* requests remain"):
            answered.extend(cached_teacher(store, client, spending, NullProgress())(batch))
        account = spending.accounts["cot"]
        tokens_used = account.prompt_tokens + account.completion_tokens
        assert account.cost == pytest.approx(5 * tokens_used / 1e6)
        assert 9_900 <= tokens_used <= 10_000
        assert account.sent == len(answered) == server.requests
        run(store, client, batch, Spending())
        assert server.requests == len(batch)
        assert set(server.request_counts.values()) == {1}


def test_a_sufficient_budget_changes_nothing(store):
    spending = Spending(budget=Budget(tokens=15 * 100 + 60))
    assert len(run(store, Scripted(), requests(100), spending)) == 100


def test_a_budget_charges_the_most_for_what_is_not_counted(store):
    uncounted = Scripted(lambda request: answer(request, prompt_tokens=None, completion_tokens=None))
    with pytest.raises(BudgetReachedError):
        run(store, uncounted, requests(100), Spending(budget=Budget(tokens=1000)))
    assert 1 <= uncounted.request_counts.total() <= 1000 // 20


def test_a_budget_is_shared_by_all_stages_and_threads_and_is_not_exceeded(store):
    spending = Spending(budget=Budget(tokens=6000))

    def ask(n):
        with pytest.raises(BudgetReachedError):
            run(store, Scripted(), requests(600, f"Stage {n}, case {{}}", stage=str(n)), spending)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tokens_used = sum(account.prompt_tokens + account.completion_tokens for account in spending.accounts.values())
    assert 5400 <= tokens_used <= 6000


def test_a_failed_request_frees_the_tokens_reserved_for_it(store):
    broken = Scripted(lambda request: Failure(error="no", tries=1))
    assert len(run(store, broken, requests(500), Spending(budget=Budget(tokens=200)))) == 500


def test_progress_reports_requests_done_rate_and_time_left(store):
    run(store, Scripted(), requests(10))
    recorder = SnapshotRecorder()

    def slow(request):
        time.sleep(0.02)
        return answer(request)

    list(cached_teacher(store, Scripted(slow), Spending(rates=Rates(prompt_price=1e6)), recorder)(requests(50)))
    middle, end = recorder.snapshots[len(recorder.snapshots) // 2], recorder.snapshots[-1]
    assert len(recorder.snapshots) >= 3
    assert (middle.total, middle.cached) == (50, 10) and 10 < middle.done < 50
    assert 0 < middle.seconds_left < 60
    assert (end.done, end.failed, end.seconds_left, end.cost) == (50, 0, 0.0, 400.0)
    assert end.tokens_per_s == pytest.approx(15 * end.requests_per_s)


# --- the file ------------------------------------------------------------------------------------------------------


def test_the_export_is_a_table_by_key_with_the_words_of_prompt_and_answer(store, tmp_path):
    batch = requests(3) + requests(2, "Label {}.", stage="label")
    run(store, Scripted(lambda request: answer(request, logprobs=({"B": -0.5},))), batch)
    with opened(store) as completions:
        table = pl.read_parquet(completions.export(tmp_path / "out"))
        with pytest.raises(StoreError, match="exists already, expected the name of a new folder"):
            completions.export(tmp_path / "out")
    assert table["key"].is_sorted() and table.height == 5
    row = table.filter(pl.col("messages").str.contains("Label 1.", literal=True)).row(0, named=True)
    assert (row["text"], row["logprobs"], row["teacher"]) == ("Label 1.: B", '[{"B": -0.5}]', "scripted")
    assert row["messages"] == '[{"role": "user", "content": "Label 1."}]'
    assert row["key"] == batch[4].key("scripted", "1")


def test_an_empty_store_exports_to_an_empty_folder(store, tmp_path):
    with opened(store) as completions:
        assert completions.export(tmp_path / "out") == []


def test_a_file_that_is_no_store_is_refused(tmp_path):
    path = tmp_path / "completions.sqlite"
    path.write_bytes(b"these are notes and no database at all " * 50)
    with pytest.raises(StoreError, match=r"cannot use the completions in .*file is not a database"), opened(path):
        pass


def test_a_store_of_a_newer_version_is_refused(store):
    with opened(store):
        pass
    with sqlite3.connect(store) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StoreError, match="has format 9, expected 2 or less"), opened(store):
        pass


def test_a_hanging_request_does_not_keep_what_was_answered_from_the_store(store):
    """Answers are on disk while the teacher still works on other requests."""
    with serving(lambda request: HANG if "case 5?" in request.prompt else good(request)) as server:
        client = teacher(f"openai:{server.url}#m", TeacherOptions(timeout_s=2.0, max_tries=1))
        thread = threading.Thread(target=run, args=(store, client, requests(10)))
        thread.start()
        deadline = time.monotonic() + 1.8
        while time.monotonic() < deadline:
            if store.exists():
                with opened(store) as completions:
                    stored = len(completions.lookup([r.key(client.name, client.revision) for r in requests(10)]))
                if stored == 9:
                    break
            time.sleep(0.05)
        still_asking = thread.is_alive()
        thread.join()
    assert stored == 9 and still_asking


# --- a server that repeats the key it was sent ----------------------------------------------------------------------

KEY = "sk-of-the-user-0123456789abcdef"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": f"Authorization: Bearer {KEY}. Answer: B"},
        {"reasoning": f"I was sent {KEY}"},
        {"finish_reason": KEY},
        {"logprobs": ({KEY: -0.1},)},
    ],
)
def test_a_reply_that_repeats_a_secret_is_a_failure_and_is_never_stored(changed, store, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    outcomes = run(store, Scripted(lambda request: answer(request, **changed)), requests(2))
    assert {type(outcome) for outcome in outcomes.values()} == {Failure}
    assert all("the reply holds the value of OPENAI_API_KEY" in outcome.error for outcome in outcomes.values())
    assert all(KEY.encode() not in path.read_bytes() for path in store.parent.iterdir())


def test_an_error_that_repeats_a_secret_is_noted_without_it(store, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    fails = Scripted(lambda request: Failure(error=f"401: bad key {KEY}", tries=1))
    assert {outcome.error for outcome in run(store, fails, requests(1)).values()} == {"401: bad key ***"}
    assert all(KEY.encode() not in path.read_bytes() for path in store.parent.iterdir())
