"""How far a judge can be trusted: agreement with people's labels, with itself, and in both orders of a pair.

A verdict that cannot be read, or a failed request, is counted separately and is left out of every agreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from sources.record import Message
from synth.judges.guard import Guard, guard_requests, read_verdict
from synth.preferences.judged_pairs import FIRST, NEITHER, SECOND
from synth.preferences.judged_pairs import PROMPT as PAIR_PROMPT
from synth.preferences.judged_pairs import parse as parse_choice
from synth.prompting import prompt_files
from synth.teachers.teacher import Ask, Completion, Failure, Request, Sampling
from training.evaluation.evaluation_record import ModelFacts, Score
from training.evaluation.statistics import cohen_kappa

Kind = Literal["guard", "pair"]

STAGE = "judge_agreement"
RETEST = 1
"""The sample that asks the same request again."""

PAIR_LABELS = {FIRST: "first", SECOND: "second", NEITHER: "tie"}
OTHER_SIDE = {"first": "second", "second": "first", "tie": "tie"}

FAMILIES = (
    *("llama", "qwen", "mistral", "mixtral", "gemma", "phi", "gpt", "claude", "deepseek", "smollm", "yi", "falcon"),
    *("olmo", "granite", "command", "gemini", "glm", "internlm", "kimi", "nemotron", "apertus", "aloe", "meditron"),
)
"""Families of models by a word of their names; a family built on another one, as Aloe on Llama, is its own here."""


class LabelledCase(BaseModel):
    """One labelled case: a response to a prompt that people called safe or unsafe, or two that they compared."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    prompt: str
    response: str | None = None
    first: str | None = None
    second: str | None = None
    label: str


class AgreementScore(BaseModel):
    """Agreement of two raters: the share with its interval, by chance, Cohen's kappa, and each label's base rates.

    ``kappa`` is None where both use a single label. It is low where one label is rare, whatever the share.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    share: Score
    chance: float
    kappa: float | None
    macro_f1: float | None
    base_rates: dict[str, tuple[float, float]]


class JudgeRecord(BaseModel):
    """What was measured of a judge. ``unread`` and ``failed`` cases are in no agreement.

    - ``labels``: the judge against the labels; for pairs in the given order
    - ``retest``: the judge against itself, asked the same again
    - ``orders``: for pairs, the verdict in the given order against that in the swapped one, turned back
    - ``first_share``: for pairs, how often the reply shown first wins, ties left out; 0.5 without a preference
    - ``same_family``: whether judge and judged model are of one family; None where a name tells none
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    judge: ModelFacts
    kind: Kind
    cases: int
    read: int
    unread: int
    failed: int
    labels: AgreementScore | None
    retest: AgreementScore | None
    orders: AgreementScore | None
    first_share: Score | None
    same_family: bool | None
    notes: list[str]


def family(name: str) -> str | None:
    """Return the family in a model's name, None if none is known."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((known for known in FAMILIES if any(word.startswith(known) for word in words)), None)


def same_family(judge: str, judged: str | None) -> bool | None:
    """Return whether two models are of one family; None where a name does not show it or no model is given."""
    families = family(judge), family(judged or "")
    return None if None in families else families[0] == families[1]


@dataclass(frozen=True, kw_only=True)
class JudgeCall:
    """A case in one order, asked once or again."""

    case: LabelledCase
    request: Request
    swapped: bool
    sample: int


def judge_requests(cases: Sequence[LabelledCase], kind: Kind, guard: Guard | None) -> Iterator[JudgeCall]:
    """Yield the requests about all cases: twice the same, and for pairs in both orders."""
    for case in cases:
        for swapped in (False, True) if kind == "pair" else (False,):
            for sample in (0, RETEST):
                yield JudgeCall(
                    case=case, request=_request(case, kind, guard, swapped, sample), swapped=swapped, sample=sample
                )


def _request(case: LabelledCase, kind: Kind, guard: Guard | None, swapped: bool, sample: int) -> Request:
    if kind == "guard":
        assert guard is not None, "a guard is configured for its kind"
        answer = {"id": case.id, "stage": STAGE, "sample": sample, "prompt": case.prompt, "text": case.response or ""}
        return guard_requests(answer, guard)[0]
    shown = (case.second, case.first) if swapped else (case.first, case.second)
    prompt = prompt_files.render(PAIR_PROMPT, request=case.prompt, reference=None, first=shown[0], second=shown[1])
    sampling = Sampling(temperature=0.0, max_tokens=512)
    stage = f"{STAGE} swapped" if swapped else STAGE
    return Request(row=case.id, stage=stage, messages=(Message("user", prompt),), sampling=sampling, sample=sample)


def read_judge(judge_call: JudgeCall, reply: Completion | Failure, kind: Kind, guard: Guard | None) -> str | None:
    """Return the verdict in the words of the labels, None for one that cannot be read."""
    if isinstance(reply, Failure):
        return None
    if kind == "guard":
        assert guard is not None, "a guard is configured for its kind"
        verdict = read_verdict({}, judge_call.request, reply, guard).verdict
        return {"advice_only": "unsafe", "controversial": "unsafe"}.get(verdict, verdict) if verdict in READ else None
    letter = parse_choice(reply.text) if reply.readable else None
    label = PAIR_LABELS[letter] if letter else None
    return OTHER_SIDE[label] if label and judge_call.swapped else label


READ = ("safe", "unsafe", "advice_only", "controversial")


def measure_judge(
    cases: Sequence[LabelledCase],
    kind: Kind,
    ask: Ask,
    *,
    judge: ModelFacts,
    guard: Guard | None = None,
    judged: str | None = None,
) -> JudgeRecord:
    """Ask a judge about labelled cases and return what was measured. ``judged`` names the model it is to judge."""
    calls = list(judge_requests(cases, kind, guard))
    by_identity = {(one.request.row, one.request.stage, one.sample): one for one in calls}
    verdicts: dict[tuple[str, bool, int], str | None] = {}
    failed = set()
    for request, reply in ask([one.request for one in calls]):
        one = by_identity[request.row, request.stage, request.sample]
        verdicts[one.case.id, one.swapped, one.sample] = read_judge(one, reply, kind, guard)
        if isinstance(reply, Failure) and not one.swapped and one.sample == 0:
            failed.add(one.case.id)
    first = [(case, verdicts.get((case.id, False, 0))) for case in cases]
    read = [(case, verdict) for case, verdict in first if verdict]
    labels = agreement([(case.label, verdict) for case, verdict in read])
    retest = agreement(_both(verdicts, cases, (False, 0), (False, RETEST)))
    orders = agreement(_both(verdicts, cases, (False, 0), (True, 0))) if kind == "pair" else None
    family_known = same_family(judge.name, judged)
    return JudgeRecord(
        judge=judge,
        kind=kind,
        cases=len(cases),
        read=len(read),
        unread=len(cases) - len(read) - len(failed),
        failed=len(failed),
        labels=labels,
        retest=retest,
        orders=orders,
        first_share=_first_share(verdicts, cases) if kind == "pair" else None,
        same_family=family_known,
        notes=_notes(family_known, labels, guard),
    )


def agreement(pairs: Sequence[tuple[str, str]]) -> AgreementScore | None:
    """Return the agreement over pairs of verdicts, None without any."""
    if not pairs:
        return None
    one, other = [first for first, _ in pairs], [second for _, second in pairs]
    cohen = cohen_kappa(one, other)
    return AgreementScore(
        n=cohen.n,
        share=Score.of(cohen.share, cohen.n),
        chance=cohen.chance,
        kappa=cohen.kappa,
        macro_f1=macro_f1(one, other),
        base_rates=cohen.base_rates,
    )


def macro_f1(labels: Sequence[str], verdicts: Sequence[str]) -> float | None:
    """Return the mean over the labels in use of the F1 of verdicts; a label that is only given falsely has 0."""
    values = []
    for label in sorted({*labels, *verdicts}):
        hits = sum(one == other == label for one, other in zip(labels, verdicts, strict=True))
        values.append(2 * hits / (list(labels).count(label) + list(verdicts).count(label)))
    return sum(values) / len(values) if values else None


def _both(
    verdicts: dict[tuple[str, bool, int], str | None],
    cases: Sequence[LabelledCase],
    one: tuple[bool, int],
    other: tuple[bool, int],
) -> list[tuple[str, str]]:
    """Return the pairs of verdicts of all cases that were read both times."""
    pairs = [(verdicts.get((case.id, *one)), verdicts.get((case.id, *other))) for case in cases]
    return [(first, second) for first, second in pairs if first and second]


def _first_share(verdicts: dict[tuple[str, bool, int], str | None], cases: Sequence[LabelledCase]) -> Score | None:
    """Return how often the reply shown first wins, over both orders."""
    shown_first = 0
    decided = 0
    for case in cases:
        for swapped in (False, True):
            verdict = verdicts.get((case.id, swapped, 0))
            if verdict in ("first", "second"):
                decided += 1
                shown_first += verdict == ("second" if swapped else "first")
    return Score.share(shown_first, decided)


def _notes(family_known: bool | None, labels: AgreementScore | None, guard: Guard | None) -> list[str]:
    notes = []
    if family_known:
        notes.append("judge and judged model are of one family: judges prefer texts of their own family")
    if labels is None:
        expected = "a last line 'Answer: A', B or C"
        if guard:
            expected = f"safe or unsafe as {guard.reply_format} writes them (--guard-format, --guard-protocol)"
        notes.append(
            f"no verdict could be read: the judge has no score; expected {expected}, else name another --judge"
        )
    elif min(rate for rates in labels.base_rates.values() for rate in rates) < 0.1:
        notes.append("a label is rarer than one in ten: kappa is low even where the judge is seldom wrong")
    return notes
