"""The risk card: Aloe's three hazards on six points each, with the parts that results can fill, and what is open.

The form is that of Aloe Beta (arXiv 2505.04388, section on risk, after Kapoor et al. 2024). What no result can say is
asked of the person who publishes the model; a card is not complete before these questions are answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from training.evaluation.bias_sets import BiasRecord
from training.evaluation.evaluation_record import EvaluationRecord, Score
from training.evaluation.item_results import NO_ANSWER
from training.evaluation.judge_agreement import JudgeRecord
from training.evaluation.red_team_record import AttackRate, RedTeamRecord

Point = Literal["threat", "existing_risk", "existing_defences", "marginal_risk", "new_defences", "uncertainty"]
POINTS: tuple[Point, ...] = get_args(Point)

TITLES: dict[Point, str] = {
    "threat": "Threat: who does what, with which means",
    "existing_risk": "Existing risk without this model",
    "existing_defences": "Existing defences",
    "marginal_risk": "Marginal risk that this model adds",
    "new_defences": "New defences that it calls for",
    "uncertainty": "Uncertainty and assumptions",
}

HAZARDS: dict[str, dict[Point, str]] = {
    "Impersonation of a professional": {
        "threat": "Someone who seeks money or influence poses as a clinician, on a site or in messages, and has the "
        "model write what a clinician would say.",
        "existing_risk": "Describe how this is done today without the model, and how often.",
        "existing_defences": "Registers of professions, labels on generated text, and readers who know of them.",
        "marginal_risk": "How much more convincing and cheaper than other available models does this one make it?",
        "new_defences": "Say what you add: a licence that forbids it, a watermark, a statement in each answer.",
        "uncertainty": "Assumes that readers can check who answers them; say where they cannot.",
    },
    "Medical decisions without supervision": {
        "threat": "A person without training, or a clinician in a hurry, acts on an answer that is wrong.",
        "existing_risk": "Describe what people ask search engines and other models today, and what comes of it.",
        "existing_defences": "Intended use, disclaimers, guardrails, and a professional who is available.",
        "marginal_risk": "Where does the model answer wrongly with confidence, and for which patients?",
        "new_defences": "Say what you add: abstention, sources in answers, review by a professional.",
        "uncertainty": "Assumes that an expert can be reached; revise that for people who have none.",
    },
    "Dangerous substances and procedures": {
        "threat": "Someone who wants to harm themselves or others asks how to obtain, make or use what is dangerous.",
        "existing_risk": "Describe what textbooks, forums and other models tell already.",
        "existing_defences": "Refusals learned in training, filters of requests, controls of substances.",
        "marginal_risk": "What does the model tell that a search does not, plainly asked and under attack?",
        "new_defences": "Say what you add: a guard before and after the model, limited access, reports of misuse.",
        "uncertainty": "Other attacks than those in these results succeed; a model with open weights can be retrained.",
    },
}

TOPICS: dict[str, tuple[str, ...]] = {
    "Impersonation of a professional": ("non-violent-crime", "medical-misuse"),
    "Medical decisions without supervision": ("medical-misuse",),
    "Dangerous substances and procedures": ("controlled-substances", "weapons", "self-harm", "violent-crime"),
}
"""Topics of attacks that belong to a hazard."""

NEVER_MEASURED = (
    "harm to real people: nothing here follows an answer to a decision",
    "what people can do with the model beyond what they can do without it: that needs a study with people",
    "fabricated citations, sycophancy, and answers in dialogues of several turns",
    "performance for groups of patients that the benchmarks do not name",
)


class CardPoint(BaseModel):
    """One point of a hazard: the sentence or the question of the form, and what results say about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    point: Point
    title: str
    text: str
    measured: list[str]


class CardHazard(BaseModel):
    """One hazard on its six points."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    points: list[CardPoint]


class RiskCard(BaseModel):
    """The card of one model; ``to_answer`` counts questions to its publisher, ``not_measured`` says what is open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    revisions: list[str]
    hazards: list[CardHazard]
    to_answer: int
    not_measured: list[str]


class Measured(BaseModel):
    """All results of one model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    evaluations: list[EvaluationRecord] = []
    red_teams: list[RedTeamRecord] = []
    biases: list[BiasRecord] = []
    judges: list[JudgeRecord] = []


def risk_card(model: str, measured: Measured) -> RiskCard:
    """Return the card of a model with the measured parts filled in."""
    hazards = [
        CardHazard(
            name=name,
            points=[
                CardPoint(
                    point=point, title=TITLES[point], text=points[point], measured=_measured(name, point, measured)
                )
                for point in POINTS
            ],
        )
        for name, points in HAZARDS.items()
    ]
    questions = sum(
        not point.measured and _is_open_question(point.text) for hazard in hazards for point in hazard.points
    )
    facts = [one.model for one in measured.evaluations] + [one.model for one in measured.red_teams]
    facts += [one.model for one in measured.biases]
    return RiskCard(
        model=model,
        revisions=sorted({one.revision for one in facts}),
        hazards=hazards,
        to_answer=questions,
        not_measured=list(not_measured(measured)),
    )


def _is_open_question(text: str) -> bool:
    """Return whether a sentence of the form is left to the publisher."""
    return text.endswith("?") or text.startswith(("Describe", "Say what"))


def not_measured(measured: Measured) -> Iterator[str]:
    """Yield what the results do not say, each once: whole kinds of results, their own lists, and what none can."""
    kinds = (
        ("benchmarks: no result of sabila evaluate", measured.evaluations),
        ("attacks and over-refusal: no result of sabila redteam", measured.red_teams),
        ("bias and truthfulness: no result of sabila bias", measured.biases),
        ("the guard against labels: no result of sabila judge-agreement", measured.judges),
    )
    lists = [one.not_measured for one in measured.red_teams] + [one.not_measured for one in measured.biases]
    absent = [what for what, records in kinds if not records]
    yield from dict.fromkeys([*absent, *(what for own in lists for what in own), *NEVER_MEASURED])


def _measured(hazard: str, point: Point, measured: Measured) -> list[str]:
    if point == "threat":
        return [line for one in measured.red_teams for line in _topic_lines(hazard, one)]
    if point == "existing_defences":
        return [line for one in measured.red_teams for line in _refusal_lines(hazard, one)]
    if point == "marginal_risk":
        return _marginal(hazard, measured)
    if point == "uncertainty":
        return _uncertainty(hazard, measured)
    return []


def _topic_lines(hazard: str, record: RedTeamRecord) -> Iterator[str]:
    for one in record.topics:
        if one.topic in TOPICS[hazard] and one.rate:
            yield f"attacks on {one.topic}: {_rate(one)}"


def _rate(one: AttackRate) -> str:
    advice = f", {percent(one.rate_with_advice)} with advice alone" if one.advice_only else ""
    return f"{percent(one.rate)} of {one.judged:,} judged answers unsafe{advice}; {one.unread:,} verdicts unread"


def _refusal_lines(hazard: str, record: RedTeamRecord) -> Iterator[str]:
    medical = hazard.startswith("Medical")
    for one in record.refusals:
        if one.refuses and one.benign == medical:
            kind = "benign prompts that it refuses" if one.benign else "unsafe prompts that it refuses"
            yield f"{one.name}: {percent(one.refuses)} of {one.replies:,} {kind}"


def _marginal(hazard: str, measured: Measured) -> list[str]:
    lines = []
    if hazard.startswith("Medical"):
        for record in measured.evaluations:
            for one in record.benchmarks:
                if one.metric == "accuracy":
                    lines.append(f"{one.facts.name}: right {percent(one.score)} of {one.items:,} questions")
                if one.calibration:
                    error = one.calibration.expected_calibration_error
                    lines.append(f"{one.facts.name}: calibration error {error:.3f}")
        figures = (figure for bias in measured.biases for one in bias.sets for figure in one.figures)
        for figure in figures:
            if score := figure.score:
                lines.append(f"{figure.name}: {score.value:.3f} [{score.low:.3f}, {score.high:.3f}]")
        return lines
    for team in measured.red_teams:
        plain = next((one for one in team.styles if one.style == "baseline" and one.rate), None)
        worst = next((one for one in team.styles if one.style == team.worst_style and one.rate), None)
        lines += [f"plainly asked: {_rate(plain)}"] if plain else []
        lines += [f"worst style ({worst.style}): {_rate(worst)}"] if worst else []
        if team.requests.rate:
            lines.append(f"requests broken by at least one style: {percent(team.requests.rate)}")
    return lines


def _uncertainty(hazard: str, measured: Measured) -> list[str]:
    lines = []
    for team in measured.red_teams:
        if team.guard_errors and team.guard_errors.false_alarms:
            alarms = team.guard_errors.false_alarms
            corpus = team.guard_errors.corpus
            lines.append(f"the guard calls {percent(alarms)} of benign answers of {corpus} unsafe")
        if team.overall.worst_case:
            lines.append(f"if all that the guard left open were unsafe: {percent(team.overall.worst_case)}")
    for judge in measured.judges:
        if judge.labels:
            kappa = "none" if judge.labels.kappa is None else f"{judge.labels.kappa:.2f}"
            lines.append(f"judge {judge.judge.name}: kappa {kappa} with labels over {judge.labels.n:,} cases")
        else:
            lines.append(f"judge {judge.judge.name}: no readable verdict in {judge.cases:,} cases")
    if hazard.startswith("Medical"):
        for record in measured.evaluations:
            for one in record.benchmarks:
                unread = sum(one.counts.get(verdict, 0) for verdict in NO_ANSWER)
                if unread:
                    lines.append(f"{one.facts.name}: {unread:,} answers could not be read")
    return lines


def percent(score: Score | None) -> str:
    """Return a share in percent with its interval."""
    return "none" if score is None else f"{score.value:.1%} [{score.low:.1%}, {score.high:.1%}]"


def card_markdown(card: RiskCard) -> str:
    """Return the card as Markdown, for the folder of a model."""
    lines = [f"# Risk card of {card.model}", "", f"Revisions: {', '.join(card.revisions) or 'unknown'}", ""]
    lines += [f"{card.to_answer} points are questions to the publisher and are not answered yet.", ""]
    for hazard in card.hazards:
        lines += [f"## {hazard.name}", ""]
        for point in hazard.points:
            lines += [f"### {point.title}", "", point.text, ""]
            lines += [*(f"- Measured: {line}" for line in point.measured), *([""] if point.measured else [])]
    return "\n".join([*lines, "## Not measured", "", *(f"- {what}" for what in card.not_measured), ""])
