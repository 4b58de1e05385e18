"""``results.json``: the scores of one model on some benchmarks, with all that they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.evaluation.statistics import Interval, bootstrap_mean, wilson

FORMAT = 2

Mode = Literal["loglikelihood", "generate"]
Scoring = Literal["letters", "texts"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Score(_Part):
    """A value with its confidence interval, and the number of items behind it."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, interval: Interval, n: int) -> Score:
        """Return an interval as a part of the record."""
        return cls(value=interval.value, low=interval.low, high=interval.high, n=n)

    @classmethod
    def share(cls, hits: int, n: int) -> Score | None:
        """Return a share with its Wilson interval, None of nothing."""
        return cls.of(wilson(hits, n), n) if n else None

    @classmethod
    def mean(cls, values: Sequence[float]) -> Score | None:
        """Return a mean with its bootstrap interval, None of nothing."""
        return cls.of(bootstrap_mean(values), len(values)) if values else None


class Figure(_Part):
    """One number with its interval, None where no answer gives it, and what it means."""

    name: str
    score: Score | None
    meaning: str


class ModelFacts(_Part):
    """The model: its name, and its revision: a commit, the hash of its files, or ``unpinned``."""

    name: str
    revision: str


class StrategySettings(_Part):
    """A strategy of inference: its most samples, when a vote stops, and Medprompt's worked examples.

    ``examples`` are shown before each question, the nearest of ``pool_size`` rows of ``pool`` that the model solved,
    by ``embedder``.
    """

    name: str
    samples: int
    stop: str
    shuffle: bool
    examples: int = 0
    pool: str | None = None
    pool_size: int = 0
    embedder: str | None = None


class Settings(_Part):
    """How the model was prompted; results are compared only where these are the same."""

    mode: Mode
    scoring: Scoring | None = None
    orders: int = 1
    samples: int = 1
    seed: int = 0
    limit: int | None = None
    after: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    strategy: StrategySettings | None = None


class BenchmarkFacts(_Part):
    """The benchmark as it was read: corpus of the catalog, revision, sha256 of each file, and the prompt's hash."""

    name: str
    corpus: str
    title: str
    split: str
    license: str
    revision: str
    files: dict[str, str]
    prompt: str
    prompt_hash: str
    items_hash: str


class SubsetScore(_Part):
    """The score of one subject or category."""

    name: str
    score: Score


class Calibration(_Part):
    """How far confidence agrees with accuracy, over the answers that have a confidence."""

    n: int
    expected_calibration_error: float
    brier: float
    risk_coverage_area: float
    bins: list[tuple[float, float, int, float, float]]
    selective: list[tuple[float, float, float]]


class OrderScores(_Part):
    """Scores in several orders of the options: each, their mean and worst, and how often the choice changes.

    ``flip_rate`` is the share of items whose chosen option is not the same in all orders.
    """

    scores: list[float]
    mean: float
    worst: float
    flip_rate: Score


class LeakScores(_Part):
    """The score by what decontamination found for the model's training releases; ``items.parquet`` has the lists.

    ``clean`` items were compared with every training row and matched none; of ``contaminated`` ones at least one row
    contained the item, and was dropped; ``unchecked`` items were not compared. ``whole`` is False where only the
    strongest match of each dropped row is known, so that further items may have leaked.
    """

    release: str
    whole: bool
    clean: Score | None = None
    contaminated: Score | None = None
    unchecked: Score | None = None


class CurvePart(_Part):
    """A point of the curve of accuracy against cost: a vote over so many samples, or under a rule that stops it.

    ``calls`` and ``tokens`` are means of a question; ``changed`` are questions with another winner than the vote over
    all samples.
    """

    name: str
    calls: float
    tokens: float | None
    accuracy: Score
    changed: int


class StrategyScores(_Part):
    """What a strategy took and what its samples are like.

    - ``single``: mean accuracy of one sample; ``pass_any``: questions with a right sample; ``agreement``: mean share of
      the winner among parsed samples; ``tied``, ``unparsed``: shares of votes and of samples
    - ``shown``: questions by the number of worked examples before them; fewer where the context is too small
    - ``pool``: rows of the pool by what became of them: ``kept``, or the reason why they are no example
    - ``notes``: what was done otherwise than asked, such as no examples for a reasoning model
    """

    calls: int
    prompt_tokens: int
    completion_tokens: int
    uncounted: int
    request_seconds: float
    single: float
    pass_any: float
    agreement: float
    tied: float
    unparsed: float
    curve: list[CurvePart]
    shown: dict[int, int] = Field(default_factory=dict)
    pool: dict[str, int] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


class JudgeFacts(_Part):
    """The model that graded open answers: how many criteria it was asked about, and on how many it gave no verdict.

    ``same_family`` if judge and judged model are of one family, None where a name does not show it. ``by_axis`` are the
    scores by the criteria of one axis alone, over the items that have such criteria.
    """

    name: str
    revision: str
    prompt: str
    prompt_hash: str
    criteria: int
    unread: int
    same_family: bool | None
    by_axis: dict[str, Score] = Field(default_factory=dict)


class BenchmarkScore(_Part):
    """The scores on one benchmark.

    ``score`` is over all items: what is no answer counts as not right. ``answered`` is over the answers alone, and
    ``counts`` has every verdict. ``metric`` is accuracy, or for open answers their overlap with the reference
    or a judge's score by a rubric, whose mean is clipped to 0 to 1 as in HealthBench. ``figures`` are further ones that
    the benchmark's paper reports.
    ``unnormalized`` is the accuracy by the plain likelihood of option texts, where ``score`` divides it by length.
    ``total`` are the items before ``--limit``, by which MultiMedQA's mean is weighted. ``request_seconds`` are the
    times of all requests added up: requests run at the same time, and stored replies count with their first time.
    """

    facts: BenchmarkFacts
    metric: str
    items: int
    total: int
    left_out: dict[str, int] = Field(default_factory=dict)
    counts: dict[str, int]
    score: Score
    answered: Score | None
    unnormalized: Score | None = None
    overlap: dict[str, float] = Field(default_factory=dict)
    figures: list[Figure] = Field(default_factory=list)
    chance: float | None
    by_subset: list[SubsetScore] = Field(default_factory=list)
    orders: OrderScores | None = None
    calibration: Calibration | None = None
    leaks: LeakScores | None = None
    strategy: StrategyScores | None = None
    judge: JudgeFacts | None = None
    prompt_tokens: int
    completion_tokens: int
    request_seconds: float


class Summary(_Part):
    """Scores over several benchmarks: of all items alike (micro), of all benchmarks alike (macro), and MultiMedQA's.

    Benchmarks with another metric than accuracy are in none of them. ``multimedqa`` weights its benchmarks by their
    items, as lm-evaluation-harness does; None unless all were evaluated.
    """

    micro: Score
    macro: Score
    multimedqa: Score | None = None


class Spent(_Part):
    """What this run took: replies that were stored before (``cached``) took nothing. ``kwh`` needs ``--watts``."""

    sent: int
    cached: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    kwh: float | None


class EvaluationRecord(_Part):
    """The content of ``results.json``; ``wall_seconds`` passed from the start of the run to its end."""

    format: int = FORMAT
    sabila: str
    model: ModelFacts
    settings: Settings
    benchmarks: list[BenchmarkScore]
    summary: Summary | None
    notes: list[str] = Field(default_factory=list)
    spent: Spent
    libraries: dict[str, str]
    machine: str
    wall_seconds: float
