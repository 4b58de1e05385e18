"""What ``sabila plan`` and ``sabila build`` report: typed for the tables, and the JSON of ``--json``."""

from __future__ import annotations

from pydantic import Field

from pipelines.build.rebuild_reasons import Cause
from sources.fields.json_model import Count, JsonModel, Number
from sources.releases.figures_model import MixPart, OverrideOutcome
from sources.releases.manifest_model import Counts, FailedRequests, GeneratorCounts


class RequestFigures(JsonModel):
    """Requests, those answered or failed before, tokens and cost at most."""

    requests: Count
    answered_before: Count
    failed_before: Count
    prompt_tokens: Count
    completion_tokens_at_most: Count
    cost_at_most: Number


class PartForecast(RequestFigures):
    """The requests of one part of a step, such as a generator of chains."""

    part: str


class RequestForecast(JsonModel):
    """The first round of requests of a step: those answered or failed before, tokens and cost at most.

    ``foretold_from`` are the built steps whose rows were counted, ``not_counted`` those that are still to read theirs;
    ``requests`` is None where no step before it is built, or a model is still to write what the requests are about.
    ``requests_expected`` counts all rounds as ``expected_from`` rows that are answered in the store needed them, or, of
    requests about what a model is still to write, as an earlier run on so many rows sent them; None without such rows.
    ``requests_at_most`` is the most of all rounds. ``parts`` has the figures of the first round of each part that the
    step names.
    """

    requests: Count | None
    answered_before: Count = 0
    failed_before: Count = 0
    prompt_tokens: Count = 0
    completion_tokens_at_most: Count = 0
    cost_at_most: Number = 0
    requests_expected: Count | None = None
    expected_from: Count = 0
    requests_at_most: Count = 0
    foretold_from: list[str] = Field(default_factory=list)
    not_counted: list[str] = Field(default_factory=list)
    parts: list[PartForecast] = Field(default_factory=list)

    @property
    def number(self) -> int | None:
        """The requests expected in all rounds, or else those of the first; None where neither is known."""
        return self.requests if self.requests_expected is None else self.requests_expected


class StepForecast(JsonModel):
    """A step of a plan: its rows where it is done, else the reasons to run it and the requests that it would send."""

    step: str
    folder: str
    done: bool
    counts: Counts | None
    failed: FailedRequests | None = None
    why: list[Cause] = Field(default_factory=list)
    asks: RequestForecast | None = None
    reference_only: bool
    shared: bool = False
    """Whether the step is complete in the shared store, from which a build fetches it."""


class Forecast(JsonModel):
    """What a build would do: its steps, absent sources, and steps that no teacher was configured for."""

    recipe: str
    steps: list[StepForecast]
    waiting_for_teacher: dict[str, str]
    absent: dict[str, str]


class StepAccount(JsonModel):
    """A step of a finished build: the outcomes of its rows, and the account of a step that has one."""

    reference_only: bool
    name: str
    folder: str
    counts: Counts
    reasons: dict[str, Count]
    edits: dict[str, Count]
    account: list[MixPart] | None = None
    generators: list[GeneratorCounts] | None = None
    warnings: list[str] = Field(default_factory=list)
    failed: FailedRequests | None = None


class RequestAccount(JsonModel):
    """What one stage requested in this run (``pipelines.completions.budget.Account``)."""

    requests: Count
    cached: Count
    sent: Count
    failed: Count
    rejected: Count
    uncounted: Count
    prompt_tokens: Count
    completion_tokens: Count
    seconds: float
    cost: float
    kwh: float | None


class SharedAccount(JsonModel):
    """What a build exchanged with its shared store: steps and completions, and the warnings about it."""

    fetched: Count
    uploaded: Count
    completions_fetched: Count
    completions_uploaded: Count
    warnings: Count


class BuildAccount(JsonModel):
    """A finished build: its folder, the outcomes of the rows of every step, and the requests by stage."""

    recipe: str
    folder: str
    rows: Count
    steps: list[StepAccount]
    notices: list[str]
    requests: dict[str, RequestAccount]
    waiting_for_teacher: dict[str, str]
    absent: dict[str, str]
    overrides: list[OverrideOutcome] = Field(default_factory=list)
    shared: SharedAccount | None = None
