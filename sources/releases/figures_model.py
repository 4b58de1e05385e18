"""The figures of a release as a manifest holds them: every number of its card.

``RowFigures``, ``StepFigures``, ``LedgerFigures`` and ``StoredFigures`` are counted by different modules of
``pipelines.release``; ``Figures`` is all of them. A share or rate without anything to divide by is None.
"""

from __future__ import annotations

from pydantic import Field

from sources.fields.json_model import Count, JsonModel, Number

# --- rows ----------------------------------------------------------------------------------------------------------


class RowCounts(JsonModel):
    """Rows of the release, and of each kind that it has."""

    all: Count
    sft: Count = 0
    dpo: Count = 0
    prompts: Count = 0


class SplitSize(JsonModel):
    """Rows of one split of a configuration, and its bytes in memory."""

    split: str
    rows: Count
    bytes: Count


class ConfigSize(JsonModel):
    """The size of one configuration: ``bytes`` is what it takes in memory, ``num_bytes`` on the Hub.

    ``splits`` are those of a release that has more than ``train``.
    """

    config: str
    rows: Count
    bytes: Count
    download_bytes: Count
    splits: list[SplitSize] = Field(default_factory=list)


class TextTokens(JsonModel):
    """Estimated tokens of prompts, responses and rejected answers."""

    prompt: Count
    response: Count
    rejected: Count


class TokenTotals(TextTokens):
    """Estimated tokens of all rows."""

    all: Count
    characters_per_token: Count


class TokenSpread(JsonModel):
    """The spread of the estimated tokens of a text."""

    least: Count
    median: Count
    p95: Count
    most: Count


class RowGroup(TextTokens):
    """Rows that have some labels in common: their share of all rows, and their tokens."""

    rows: Count
    share: float
    tokens: Count


class SourceGroup(RowGroup):
    """Rows of one kind, source and licence."""

    kind: str
    source: str
    license: str


class TaskGroup(RowGroup):
    """Rows of one task."""

    task: str


class LanguageGroup(RowGroup):
    """Rows of one language."""

    lang: str


class LicenseRows(JsonModel):
    """Rows under one licence; a row under several counts for each."""

    license: str
    rows: Count


class ChainFigures(JsonModel):
    """Rows with a chain of thought of one model and origin, and how often its samples were right."""

    teacher: str | None
    chain: str
    rows: Count
    samples: Count
    pass_rate: float | None


class OriginRows(JsonModel):
    """Preference pairs of one origin."""

    origin: str
    rows: Count


class LengthBias(JsonModel):
    """Whether the chosen texts of pairs are the longer ones, in characters (``synth.preferences.pair_rows``)."""

    pairs: Count
    mean_chosen_chars: float | None
    mean_rejected_chars: float | None
    share_chosen_longer: float | None
    share_same_length: float | None
    pairs_with_margin: Count
    spearman_gap_margin: float | None


class PairFigures(JsonModel):
    """The preference pairs of the release."""

    origins: list[OriginRows]
    length_bias: LengthBias


class RowFigures(JsonModel):
    """Figures counted from the data files."""

    rows: RowCounts
    configs: list[ConfigSize]
    tokens: TokenTotals
    lengths: dict[str, dict[str, TokenSpread]]
    by_source: list[SourceGroup]
    by_task: list[TaskGroup]
    by_language: list[LanguageGroup]
    by_license: list[LicenseRows]
    chains: list[ChainFigures]
    pairs: PairFigures | None


# --- steps ---------------------------------------------------------------------------------------------------------


class FunnelStep(JsonModel):
    """Where the rows of one step went."""

    step: str
    reference_only: bool
    rows_in: Count
    made: Count
    kept: Count
    dropped: Count
    quarantined: Count
    reasons: dict[str, Count]


class EditFigures(JsonModel):
    """Edits by rule, in all steps with the same prefix."""

    steps: str
    rules: dict[str, Count]


class PrivacyFigures(JsonModel):
    """The kinds of personal data that a step searched for, and its edits."""

    step: str
    action: str
    kinds: list[str]
    edits: dict[str, Count]


class MixPart(JsonModel):
    """One part of a mix: the shares of the tokens it was to have and has, and how many rows and tokens there were.

    ``share`` is the config's, ``share_wanted`` the one after the shares of absent parts were given to others. These
    are the columns of ``synth.formatting.mix.ACCOUNT_SCHEMA``.
    """

    part: str
    share: float = 0.0
    share_wanted: float
    share_reached: float
    tokens: Count
    tokens_wanted: float = 0.0
    tokens_available: Count
    tokens_over_cap: Count = 0
    rows: Count
    rows_available: Count
    rows_over_cap: Count = 0


class MixFigures(JsonModel):
    """The parts of one mix, and what counted their tokens."""

    step: str
    counted_by: str
    parts: list[MixPart]


class StepFigures(JsonModel):
    """Figures from the summaries of the steps."""

    funnel: list[FunnelStep]
    edits: list[EditFigures]
    privacy: list[PrivacyFigures]
    mix: list[MixFigures]


# --- the ledger ----------------------------------------------------------------------------------------------------


class ChangedRows(JsonModel):
    """Kept rows of one source that one step changed."""

    source: str
    step: str
    rows: Count


class RowStatuses(JsonModel):
    """Rows of the ledger by status, and kept rows by the steps that changed them."""

    statuses: dict[str, Count]
    changed: list[ChangedRows]


class BenchmarkLeaks(JsonModel):
    """Rows that were dropped because they contain an item of one benchmark, by the layer that found them."""

    benchmark: str
    n_items: Count
    layers: dict[str, Count]


class LeakExample(JsonModel):
    """One row that was dropped as a leak: its item, similarity, and how rare the shared text is (in bits)."""

    id: str
    benchmark: str | None
    item: str | None
    layer: str | None
    score: float | None
    bits: float | None


class LeakFigures(JsonModel):
    """The benchmarks that rows were checked against, and the rows that leaked."""

    benchmarks: list[BenchmarkLeaks]
    n_items: Count
    rows: Count
    examples: list[LeakExample]


class ClusterSizes(JsonModel):
    """Clusters of duplicates in one class of sizes."""

    size: str
    clusters: Count


class DuplicateFigures(JsonModel):
    """The clusters of duplicates that one step found, and its thresholds by what it compares."""

    step: str
    reason: str
    dropped: Count
    clusters: Count
    rows: Count
    largest: Count
    sizes: list[ClusterSizes]
    thresholds: dict[str, Number]


class LedgerFigures(JsonModel):
    """Figures counted from the ledger."""

    ledger: RowStatuses
    leaks: LeakFigures
    duplicates: list[DuplicateFigures]


# --- models --------------------------------------------------------------------------------------------------------


class RequestFigures(JsonModel):
    """Requests to one model and revision that the release rests on, and their tokens."""

    teacher: str
    revision: str
    requests: Count
    failed: Count
    prompt_tokens: Count
    completion_tokens: Count


class GenerationSettings(JsonModel):
    """Settings of a step that calls a model; None for those that it does not have."""

    prompts: str | None = None
    license: str | None = None
    samples: Count | None = None
    rounds: Count | None = None
    temperature: Number | None = None
    gold: str | None = None


class GenerationFigures(GenerationSettings):
    """Completions of one step, stage and model: their tokens, verdicts, and the share of right answers.

    ``generator`` is the generator of chains whose rows they are about, None in other steps.
    """

    step: str
    generator: str | None = None
    stage: str
    teacher: str
    revision: str
    rows: Count
    completions: Count
    prompt_tokens: Count
    completion_tokens: Count
    verdicts: dict[str, Count]
    pass_rate: float | None


class JudgeFigures(JsonModel):
    """How often a judge said the same of both orders, and which place it prefers where it did not."""

    pairs: Count
    read_both_ways: Count
    agreed: Count
    ties: Count
    contradicted: Count
    agreement: float | None
    prefers_first: float | None


class ProposedPairs(JsonModel):
    """Preference pairs that one step proposed, kept, and dropped by reason."""

    step: str
    proposed: Count
    kept: Count
    reasons: dict[str, Count]
    judge: JudgeFigures | None


class HeldOut(JsonModel):
    """Attacks that were held out of the red team, for their style, their topic or their request."""

    rows: Count
    rows_by: dict[str, Count]
    styles: Count
    topics: list[str]
    requests: Count


class TopicSuccess(JsonModel):
    """Attacks on one topic: answers of the target, those that the guard judged, and unsafe ones."""

    topic: str
    answers: Count
    judged: Count
    unsafe: Count
    rate: float | None


class RedTeamFigures(JsonModel):
    """What was held out of the red team, and how often attacks succeeded."""

    held_out: HeldOut
    attack_success: list[TopicSuccess]


class OverrideOutcome(JsonModel):
    """An override and what became of it.

    ``status`` is ``applied``; ``dropped_later``, for a kept or edited row that another rule dropped; ``no_effect``,
    ``no_row``, ``no_step`` or ``quarantined``, with the explanation in ``detail``.
    """

    id: str
    decision: str
    status: str
    detail: str = ""
    step: str | None = None
    rule: str | None = None
    field: str | None = None
    reason: str
    decided_by: str
    decided_on: str | None = None


class DateFigures(JsonModel):
    """The date before which a step kept rows, and the number of rows without a date that it kept or dropped."""

    step: str
    before: str
    undated: str
    undated_rows: Count


class StoredFigures(JsonModel):
    """Figures that need the store: the verdicts on generated text, dates, and what became of overrides."""

    generation: list[GenerationFigures]
    proposed_pairs: list[ProposedPairs]
    red_team: RedTeamFigures | None
    dates: list[DateFigures] = Field(default_factory=list)
    overrides: list[OverrideOutcome] = Field(default_factory=list)


# --- reviews -------------------------------------------------------------------------------------------------------


class Reviewer(JsonModel):
    """A reviewer, and how often each verdict was given."""

    reviewer: str
    verdicts: dict[str, Count]


class ReviewerPair(JsonModel):
    """Two reviewers: the rows that both read, the share with the same verdict, and Cohen's kappa.

    None without such rows; kappa also where chance alone explains full agreement.
    """

    first: str
    second: str
    rows: Count
    agreement: float | None
    kappa: float | None


class ReviewedSource(JsonModel):
    """Reviewed rows of a source by outcome, and the share of wrong ones among right and wrong, with its interval."""

    source: str
    rows: Count
    right: Count
    wrong: Count
    disputed: Count
    unsure: Count
    error_rate: float | None
    low: float | None
    high: float | None


class ReviewFigures(JsonModel):
    """Verdicts of people on rows: who gave them, how far they agree, and errors by source and reason.

    ``fleiss_kappa`` is over the ``fleiss_rows`` that all of three or more reviewers read.
    """

    rows: Count
    reviewers: list[Reviewer]
    pairs: list[ReviewerPair]
    mean_kappa: float | None
    fleiss_kappa: float | None = None
    fleiss_rows: Count = 0
    by_source: list[ReviewedSource]
    reasons: dict[str, Count]


# --- all together --------------------------------------------------------------------------------------------------


class Origin(JsonModel):
    """A source of the rows: its title, and where its licence was read."""

    source: str
    title: str
    license_read: str | None


class LicenseFacts(LicenseRows):
    """A licence of the rows: its title, its address, and its duty for those who redistribute or train on the rows."""

    title: str
    url: str | None
    duty: str | None


class Figures(RowFigures, StepFigures, LedgerFigures, StoredFigures):
    """All figures of a release."""

    requests: list[RequestFigures]
    origins: list[Origin]
    licenses: list[LicenseFacts]
    review: ReviewFigures | None = None
