"""Requests that fail keep their step open: the build says so, the plan too, and the next build sends them again."""

import json
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hostile_server import Endless, Reply, good, serving
from tiny_recipe import refused, run, start, write_mirror, write_recipe

from pipelines.build.recipe import load
from pipelines.build.step import GenerateStep

ROOT = Path(__file__).parent.parent

RECIPE = '''"""Questions of a clinic, answered by a model."""

from pipelines.build.step import generate_step, each_shard, read
from quality.cleaning.clean import Clean, clean
from quality.cleaning.rules import Rules
from sources.shapes.row_shapes import jsonl, mcq
from sources.source import Source
from synth.teachers.candidates import author
from synth.cot.chain_settings import Chains, Cot
from synth.cot.sample_chains import CHAINS
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher as teacher_of


def parse(raw, file):
    row = raw.value
    return mcq(row["id"], row["question"], row["options"], row["gold"])


CLINIC = Source(
    name="clinic", title="Questions of the clinic", home="hf://datasets/sabila-tests/clinic", license="CC0-1.0",
    license_read="written for these tests", task="mcqa", lang="en", files={"train": ("*.jsonl",)}, rows=jsonl,
    parse=parse,
)


def recipe(*, teacher: str | None = None, max_failed: float = 0.0):
    """Build the answers.

    Args:
        teacher: Specification of the teacher that answers.
        max_failed: Share of the requests that may fail.
    """
    chain_teacher = teacher_of(teacher, TeacherOptions(license="CC0-1.0", backoff_s=0.001))
    config = Cot(
        generated_by=author(chain_teacher), license=chain_teacher.license, generator="headqa", gold="given", samples=2,
        rounds=1, shuffled=0.0, unanswered="pass",
    )
    cleaned = each_shard("clean", clean, Clean(rules=Rules(min_answer_chars=1)), read(CLINIC))
    return generate_step("cot", CHAINS, Chains(generators=(config,)), chain_teacher, cleaned, max_failed=max_failed)
'''

QUESTIONS = [
    {"id": f"v{n}", "question": f"Which vaccine comes first for group {n}?", "options": ["BCG", "Polio"], "gold": 0}
    for n in range(6)
]
REASONS = (
    "We look at what each option stands for and when it matters in practice, then weigh one against the other with the "
    "usual schedule in mind, number {}; what remains after that comparison fits the question well.\nAnswer: A"
)


def answers(request):
    return good(request, REASONS.format(request.seed))


def fail_half(request):
    """Fail every request of the groups 0, 2 and 4."""
    broken = any(f"group {n}?" in request.prompt for n in (0, 2, 4))
    return Reply(b'{"error": "CUDA out of memory"}', 500) if broken else answers(request)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A function that returns the arguments to run a verb on the recipe with this server, named alike in every call."""
    recipe = write_recipe(tmp_path, RECIPE)
    mirror = write_mirror(tmp_path / "mirror", {"clinic": {"vaccines.jsonl": QUESTIONS}})
    monkeypatch.chdir(tmp_path)

    def arguments(verb, server, *more):
        options = ("--mirror", mirror, "--store", tmp_path / "store", "--teacher", f"openai:{server.url}#m")
        workers = () if verb == "plan" else ("--workers", "1")
        return (verb, recipe, *options, *workers, *more)

    return arguments


def port(server):
    return int(server.url.split(":")[2].split("/")[0])


def test_failed_requests_are_reported_and_sent_again_by_the_next_build(place):
    with serving(fail_half) as server:
        error = refused(1, *place("build", server, "--tries", 2))
        assert error == (
            'Error: cot is not complete: 6 of 12 requests failed: HTTP 500: {"error": "CUDA out of memory"} (6 times). '
            "What was answered is kept: build again to send the failed requests again, or accept rows without them "
            "with --max-failed 0.5"
        )
        assert set(server.request_counts.values()) == {1, 2}, "--tries bounds what is sent"
        planned = run(*place("plan", server)).output
        assert "to do" in next(line for line in planned.splitlines() if line.startswith("cot"))
        assert "12 requests, 6 of them cached, 6 failed, to be sent again" in planned
        server_port = port(server)
    with serving(answers, port=server_port) as server:
        built = json.loads(run(*place("build", server, "--json")).stdout)
        assert server.requests == 6
        assert (built["rows"], built["requests"]["cot"]["cached"], built["requests"]["cot"]["failed"]) == (6, 6, 0)
        assert "done" in next(line for line in run(*place("plan", server)).output.splitlines() if "cot" in line)


def test_accepted_failures_drop_their_rows_and_are_named(place, tmp_path):
    with serving(fail_half) as server:
        result = run(*place("build", server, "--max-failed", "0.5", "--tries", 1))
        assert result.exit_code == 0
        assert "6 of 12 requests failed: HTTP 500" in result.stdout and "(accepted by --max-failed)" in result.stdout
        [step] = (tmp_path / "store" / "steps").glob("cot-*")
        dropped = pl.read_parquet(step / "dropped")
        assert dropped["reason"].to_list() == ["requests_failed"] * 3, (
            "whether the failed requests would have given a chain is unknown"
        )
        assert pl.read_parquet(step / "kept")["response"].str.contains("We look at").all()
        planned = run(*place("plan", server, "--max-failed", "0.5")).output
        assert "6 of 12 requests failed" in planned
        strict = run(*place("plan", server)).output
        assert "to do" in next(line for line in strict.splitlines() if line.startswith("cot"))


def test_a_server_that_refuses_everything_ends_the_build_however_few_requests_there_are(place):
    with serving(lambda request: Reply(b"no such parameter: 'max_tokens'", 400)) as server:
        error = refused(1, *place("build", server, "--max-failed", "0.9"))
    assert "12 of 12 requests failed: HTTP 400: no such parameter: 'max_tokens' (12 times)" in error


def test_prompts_that_are_refused_for_good_can_be_accepted_also_when_no_others_are_left(place, tmp_path):
    kinds = ("group", "trip", "trip", "trip", "trip")
    questions = [
        {**QUESTIONS[0], "id": f"u{n}", "question": f"Case {n:02}: which vaccine suits this {kinds[n % 5]} best?"}
        for n in range(30)
    ]
    write_mirror(tmp_path / "mirror", {"clinic": {"vaccines.jsonl": questions}})

    def short(request):
        return Reply(b"prompt is too long", 400) if "trip" in request.prompt else answers(request)

    with serving(short) as server:
        assert "48 of 60 requests failed" in refused(1, *place("build", server))
        result = run(*place("build", server, "--max-failed", "0.8"))
        assert result.exit_code == 0, result.output
    assert "48 of 60 requests failed: HTTP 400: prompt is too long" in result.stdout


def test_a_key_that_is_revoked_on_the_way_ends_the_build_and_another_goes_on(place):
    def revoked(request):
        return answers(request) if server.requests <= 5 else Reply(b"key revoked", 401)

    with serving(revoked) as server:
        error = refused(1, *place("build", server, "--concurrency", 1))
        assert "rejected the request: HTTP 401: key revoked; check the key in OPENAI_API_KEY; 5 answers came" in error
        server_port = port(server)
    with serving(answers, port=server_port) as server:
        assert run(*place("build", server)).exit_code == 0
        assert server.requests == 7


def test_options_of_the_command_line_reach_the_teacher(place):
    seen = []

    def behaviour(request):
        seen.append(request.body)
        return Endless(chunk=b" ", every_s=0.05)

    with serving(behaviour) as server:
        options = ("--timeout", "0.2", "--tries", 1, "--concurrency", 2, "--leave-out", "seed", "--leave-out", "stop")
        error = refused(1, *place("build", server, *options))
    assert "no answer within 0.2 s" in error
    assert all("seed" not in body for body in seen)


def generating_work(step):
    """Return the work that sends requests, of ``step`` and of all steps before it."""
    own = [step.work] if isinstance(step.work, GenerateStep) else []
    return own + [work for before in step.inputs for work in generating_work(before)]


@pytest.mark.parametrize("name", ["aloe_sft", "demo", "demo_dpo", "medqa_cot", "aloe_dpo"])
def test_every_recipe_takes_a_revision_and_a_share_of_failures(name):
    values = {"teacher": "openai:http://127.0.0.1:9/v1#m", "teacher_revision": "q4", "max_failed": 0.02}
    works = generating_work(load(name).bind(values))
    assert works
    assert {(work.teacher.revision, work.max_failed) for work in works} == {("q4", 0.02)}


def test_a_teachers_warnings_are_repeated_at_the_end_of_a_build(place):
    with serving(lambda request: good(request, REASONS.format(request.seed), model="gemma\x1b[2J-3")) as server:
        result = run(*place("build", server))
    note = "answers as 'gemma\\x1b[2J-3', expected 'm'"
    assert result.stdout.replace("\n", " ").count(note) == 1 and note in result.stderr.replace("\n", " ")
    assert "\x1b[2J" not in result.output


def test_ctrl_c_ends_a_build_after_the_answers_in_flight_and_keeps_them(place, tmp_path):
    restore_sigint = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # shells may ignore it
    code = f"{restore_sigint}\nfrom pipelines.cli.commands import main\nmain()"
    slow = lambda request: replace(answers(request), delay_s=2.0)  # noqa: E731
    with serving(slow) as server:
        words = place("build", server, "--concurrency", 1)
        build = start(*words, folder=tmp_path, program=(sys.executable, "-c", code), env={"PYTHONPATH": str(ROOT)})
        until = time.monotonic() + 60
        while not server.requests and time.monotonic() < until:
            time.sleep(0.05)
        build.send_signal(signal.SIGINT)
        _, errors = build.communicate(timeout=60)
        assert (build.returncode, "Error: interrupted;" in errors) == (1, True), errors
        assert 1 <= server.requests <= 4, "those in flight were waited for, not all twelve"
    with serving(answers, port=port(server)) as server:
        run(*place("build", server))
        assert server.requests < 12, "what was answered is kept"
