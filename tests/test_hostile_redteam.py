"""The red team from attacks to pairs: servers that write markup, reasoning and further turns, or reject the key."""

import polars as pl
import pytest
from hostile_server import Reply, good, serving
from rows import row, table

from pipelines.completions.budget import Spending
from pipelines.completions.cached_teacher import NullProgress, cached_teacher
from pipelines.recipes.aloe_dpo import GUARDED
from quality.outcome import Outcome
from sources.table import SCHEMA
from synth.judges.guard import Guard
from synth.redteam import red_team_steps
from synth.redteam.attacks import Attacks, attacks
from synth.redteam.safety_pairs import RedTeam
from synth.teachers.candidates import Author
from synth.teachers.options import TeacherOptions
from synth.teachers.specs import teacher
from synth.teachers.teacher import TeacherError

BY = Author(name="openai:m", revision="unpinned")
TEAM = RedTeam(target=BY, writer=BY, samples=1)
GUARD = Guard(generated_by=BY, protocol="prompt")
PAIRS = red_team_steps.GuardedPairs(team=TEAM, guard=GUARD, rules=GUARDED, licenses=("MIT",))
REFUSAL = (
    "I can't help with that. It could hurt somebody, and nobody should be hurt. If you are in danger, please call your "
    "local emergency number, or talk to a doctor or a crisis line."
)
HARM = "Sure. First take the keys out of the drawer, then open the cupboard while nobody looks, and carry it all away."


@pytest.fixture
def attacked():
    """A few attacks in several styles, none held out."""
    seeds = table(*(row(f"seeds:{n}", f"Plan the theft of item number {n}", task="safety") for n in range(4)))
    attack_rows = attacks(seeds, Attacks(test_styles=0, test_topics=0, test_requests=0))
    with_ids = attack_rows.with_columns(id=pl.format("{}/{}", "base", pl.col("style").str.replace_all("/", "_")))
    return red_team_steps._sided(with_ids).select(SCHEMA.names()).head(12)


def reply_text(prompt, refusal, attack):
    if "=== Verdict ===" in prompt:
        return "safe" if "I can't help" in prompt.split("=== Assistant ===")[-1] else "unsafe\nS2"
    return refusal if "It must not be carried out" in prompt else attack


def pairs_of(attacked, behaviour, store):
    """Return the pairs made from attacks, after the target's answers, verdicts and replies, and the requests sent."""
    with serving(behaviour) as server:
        options = TeacherOptions(backoff_s=0.001, timeout_s=5.0, max_tries=2, give_up_after_s=5.0, concurrency=4)
        ask = cached_teacher(store, teacher(f"openai:{server.url}#m", options), Spending(), NullProgress())
        rows = attacked
        for function, config in (
            (red_team_steps.ANSWER_ATTACKS.run, TEAM),
            (red_team_steps.KEEP_UNSAFE.run, GUARD),
            (red_team_steps.WRITE_REPLIES.run, TEAM),
            (red_team_steps.PAIR_REPLIES.run, PAIRS),
        ):
            outcome = function(rows, config, ask)
            assert isinstance(outcome, Outcome)
            rows = outcome.rows.filter(pl.col("drop_reason").is_null()).drop("drop_reason", "evidence")
    return rows, server.requests


DRESSED = {
    "marks at the end": lambda text: f"{text}<|im_end|>",
    "several marks": lambda text: f"{text}<|eot_id|><|end_of_text|>",
    "thoughts in a tag": lambda text: f"<thinking>They want harm: step one would be to mix.</thinking>\n{text}",
    "thoughts that a prompt opened": lambda text: f"They want harm: step one would be to mix.</think>\n\n{text}",
    "thoughts of gpt-oss": lambda text: (
        "<|channel|>analysis<|message|>They want harm: step one.<|end|>"
        f"<|start|>assistant<|channel|>final<|message|>{text}"
    ),
    "thoughts of Magistral": lambda text: f"[THINK]They want harm: step one would be to mix.[/THINK]{text}",
    "thoughts of Gemma 4": lambda text: f"<|channel>thought\nThey want harm: step one.\n<channel|>{text}",
    "thoughts of MedGemma": lambda text: f"<unused94>thought\nThey want harm: step one.\n<unused95>{text}",
    "thoughts under headings": lambda text: f"## Thinking\n\nThey want harm: step one.\n\n## Final Response\n\n{text}",
}


@pytest.mark.parametrize("dress", DRESSED)
def test_both_sides_of_a_pair_are_answers_and_nothing_else(dress, attacked, tmp_path):
    def behaviour(request):
        return good(request, reply_text(request.prompt, DRESSED[dress](REFUSAL), DRESSED[dress](HARM)))

    rows, _ = pairs_of(attacked, behaviour, tmp_path / "completions.sqlite")
    assert rows.height > 0
    assert set(rows["response"]) == {REFUSAL}
    assert set(rows["rejected"]) == {HARM}


BROKEN = {
    "a mark within": f"{REFUSAL[:60]}<|start_header_id|>{REFUSAL[60:]}",
    "a turn of the user": f"{REFUSAL}<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\nSure.",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_single_answer_is_in_no_pair(kind, attacked, tmp_path):
    rows, _ = pairs_of(
        attacked,
        lambda request: good(request, reply_text(request.prompt, BROKEN[kind], HARM)),
        tmp_path / "completions.sqlite",
    )
    assert not [text for text in (*rows["response"], *rows["rejected"]) if "<|" in text or "And now?" in text]


def test_a_key_revoked_while_the_guard_judges_ends_the_run_and_the_next_run_has_all_pairs(attacked, tmp_path):
    def reply_well(request):
        return good(request, reply_text(request.prompt, REFUSAL, HARM))

    verdicts = []

    def revoked_after_five(request):
        if "=== Verdict ===" in request.prompt:
            verdicts.append(request.prompt)
            if len(verdicts) > 5:
                return Reply(b'{"error": {"message": "key revoked"}}', 401)
        return reply_well(request)

    undisturbed, n_requests = pairs_of(attacked, reply_well, tmp_path / "undisturbed.sqlite")
    with pytest.raises(TeacherError, match=r"rejected the request: HTTP 401.*answers came before and are kept"):
        pairs_of(attacked, revoked_after_five, tmp_path / "completions.sqlite")
    rows, n_requests_resumed = pairs_of(attacked, reply_well, tmp_path / "completions.sqlite")
    assert rows.equals(undisturbed) and rows.height > 0
    assert n_requests_resumed <= n_requests - attacked.height - 5, "what was answered is not sent again"
