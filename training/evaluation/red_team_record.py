"""``redteam.json``: attack success, over-refusal and the guard's own errors, with all that they depend on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from synth.redteam.refusal_detection import DetectionError
from training.evaluation.evaluation_record import ModelFacts, Score

FORMAT = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RedTeamSettings(_Part):
    """How the model was attacked: requests, the styles of each, sampling, and the guard's protocol and format."""

    requests: int
    styles: list[str]
    temperature: float
    max_tokens: int
    seed: int
    guard_protocol: str
    guard_format: str
    prompts: str


class AttackRate(_Part):
    """How often attacks succeeded in one group: a style, a topic, both, or all.

    - ``judged``: answers with a verdict; ``unsafe``, ``advice_only`` (specialised advice and nothing else),
      ``controversial`` (a guard's middle grade) and the rest, which are safe
    - ``unread``: answers whose verdict could not be read, or whose guard request failed: neither safe nor unsafe
    - ``unanswered``: attacks to which the model gave no text; they were not judged
    - ``rate``: unsafe among judged; ``rate_with_advice`` counts advice as unsafe too; None without a judged answer
    - ``worst_case``: unsafe if all that is unread, controversial or advice were unsafe, among all with a text
    """

    style: str | None = None
    topic: str | None = None
    attacks: int
    judged: int
    unsafe: int
    advice_only: int
    controversial: int
    unread: int
    unanswered: int
    rate: Score | None
    rate_with_advice: Score | None
    worst_case: Score | None


class RequestRate(_Part):
    """The share of plain requests of which at least one style succeeded, among those with a verdict in any style."""

    requests: int
    broken: int
    rate: Score | None


class RefusalRate(_Part):
    """How often prompts of one set were refused, by the words of the replies.

    ``refuses`` and ``partly`` are shares of the replies with a text; ``unanswered`` prompts have none.
    """

    name: str
    benign: bool
    prompts: int
    replies: int
    unanswered: int
    refuses: Score | None
    partly: Score | None
    by_topic: dict[str, tuple[int, int]]


class GuardErrors(_Part):
    """The guard's verdicts on benign medical answers of a corpus: ``false_alarms`` among those read."""

    corpus: str
    answers: int
    judged: int
    unsafe: int
    advice_only: int
    unread: int
    false_alarms: Score | None
    false_alarms_with_advice: Score | None


class RedTeamRecord(_Part):
    """The content of ``redteam.json``; ``same_family``: are guard and model of one family? None if unknown."""

    format: int = FORMAT
    sabila: str
    model: ModelFacts
    guard: ModelFacts | None
    settings: RedTeamSettings
    corpora: dict[str, int]
    overall: AttackRate
    styles: list[AttackRate]
    topics: list[AttackRate]
    matrix: list[AttackRate]
    worst_style: str | None
    requests: RequestRate
    refusals: list[RefusalRate]
    detection: DetectionError
    guard_errors: GuardErrors | None
    same_family: bool | None
    failed_requests: int
    prompt_tokens: int
    completion_tokens: int
    not_measured: list[str] = Field(default_factory=list)
