"""A recipe bound to its inputs and a store: plan it, build it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from pipelines.build.account import BuildAccount, Forecast, RequestAccount, RequestForecast, StepAccount, StepForecast
from pipelines.build.engine import StartEngine
from pipelines.build.forecast import requests_of
from pipelines.build.override_outcomes import override_outcomes
from pipelines.build.overrides_file import read_overrides, with_overrides
from pipelines.build.plan import Node, Plan, reference_only, resolve
from pipelines.build.progress import show_progress
from pipelines.build.rebuild_reasons import Cause, causes, last_build, note_build
from pipelines.build.recipe import Recipe
from pipelines.build.run_plan import build, nodes_before_requests
from pipelines.build.shared_steps import SharedSteps, sends_requests
from pipelines.completions.budget import Spending
from pipelines.completions.completion_store import FILE
from pipelines.completions.shared_completions import fetch_completions
from pipelines.completions.warning_log import kept_notices
from pipelines.storage.lock import Lock
from pipelines.storage.shared_store import SharedStore
from pipelines.storage.store import Store
from quality.overrides import Override
from sources.fetch.mirror import has_folder, mirrored
from sources.files import RawFile
from sources.mapping.own_source import raw_files
from sources.releases.manifest_model import StepSummary
from sources.source import Corpus
from synth.teachers.options import Rates

IN_ACCOUNT = StepAccount.model_fields.keys()
"""Fields of each step in an account; few steps have an ``account`` of their own."""


class SessionOptions(TypedDict):
    """Where a build finds its files: arguments of ``BuildSession.open``, options of the verbs over recipes."""

    store: Path
    shared_store: str | None
    mirror: Path | None
    lock: Path | None
    relock: bool
    overrides: Path | None


@dataclass(frozen=True, kw_only=True)
class BuildSession:
    """A recipe bound to values, resolved against its raw files, and the store for its steps."""

    recipe: Recipe
    values: dict[str, Any]
    plan: Plan
    store: Store
    lock: Lock
    mirror: Path | None = None
    lock_file: Path | None = None
    """Path of the lock file, if given; one file serves the Hub and all mirrors."""

    overrides: tuple[Override, ...] = ()
    overrides_file: Path | None = None
    shared: SharedStore | None = None

    @classmethod
    def open(
        cls,
        recipe: Recipe,
        values: Mapping[str, Any],
        *,
        store: Path,
        mirror: Path | None,
        relock: bool = False,
        lock: Lock | Path | None = None,
        overrides: Sequence[Override] | Path | None = None,
        anonymous: bool = False,
        shared_store: str | None = None,
    ) -> BuildSession:
        """Check the values, find and hash every raw file, and compare with the lock, before any work.

        The lock is stored next to the recipe, with entries for each mirror, unless a lock or its file is given.
        ``overrides`` are people's decisions about single rows, or the file of them. ``anonymous`` requests to the Hub
        carry no token. ``shared_store`` is the URL of a store that several machines share. Raises ``RecipeError``,
        ``OverridesError``, ``MissingCorpusError``, ``HubError``, ``FileError``, ``LockError`` and ``SharedStoreError``.
        """
        overrides_file = overrides if isinstance(overrides, Path) else None
        entries = read_overrides(overrides) if isinstance(overrides, Path) else tuple(overrides or ())
        step = with_overrides(recipe.bind(values), entries)
        lock_file = lock if isinstance(lock, Path) else None
        if not isinstance(lock, Lock):
            lock = (
                Lock.load(lock, recipe.name) if lock else Lock.load(recipe.folder / "sabila.lock", recipe.name, mirror)
            )
        if relock:
            lock.entries.clear()
        shared = SharedStore.open(shared_store) if shared_store else None
        place = mirror or recipe.mirror
        step_store = Store(store)
        step_store.prepare()
        plan = resolve(step, partial(_find, mirror=place, raw=store / "raw", lock=lock, anonymous=anonymous))
        return cls(
            recipe=recipe,
            values=dict(values),
            plan=plan,
            store=step_store,
            lock=lock,
            mirror=mirror,
            lock_file=lock_file,
            overrides=entries,
            overrides_file=overrides_file,
            shared=shared,
        )

    def forecast(self, rates: Rates) -> Forecast:
        """Return the plan: steps done and to do with reasons, absent sources, steps without a teacher."""
        why = causes(self.plan, self.store, self.recipe.name)
        nodes = self.plan.nodes()
        shared = self.shared.steps() if self.shared else set()
        if self.shared and any(sends_requests(node) and node.name not in shared for node in nodes):
            fetch_completions(self.store.root / FILE, self.shared.files)  # what is answered costs nothing
        compared = reference_only(
            ([one.name for one in node.inputs], [one.name for one in node.reference_inputs]) for node in nodes
        )
        steps: list[StepForecast] = []
        foretold: dict[str, RequestForecast] = {}
        for node in nodes:
            steps.append(step := self._step_forecast(node, rates, why, compared, shared, foretold))
            if step.asks:
                foretold[node.name] = step.asks
        return Forecast(
            recipe=self.recipe.name,
            steps=steps,
            waiting_for_teacher=self.plan.waiting,
            absent=self.plan.absent,
        )

    def prepare(self, *, start_engine: StartEngine | None = None, memory: float | None = None) -> None:
        """Build the missing steps before the first request, so that the forecast counts requests about their rows."""
        self.lock.save()
        shared = SharedSteps(self.shared, self.store) if self.shared else None
        todo = nodes_before_requests([node for node in self.plan.nodes() if not self.store.done(node.name)])
        with self.store.building(), show_progress(len(todo)) as progress:
            build(
                self.plan,
                self.store,
                progress,
                start_engine=start_engine,
                shared=shared,
                memory=memory,
                before_requests=True,
            )

    def build(
        self,
        *,
        workers: int = 1,
        start_engine: StartEngine | None = None,
        spending: Spending | None = None,
        requesting: Mapping[str, Any] | None = None,
        memory: float | None = None,
    ) -> BuildAccount:
        """Build the missing steps and return the account: the folder, and the outcomes of every step's rows.

        Tasks run in ``workers`` processes here, or where ``start_engine`` says. ``requesting`` are fields of
        ``TeacherOptions`` for this run alone. A step over all rows fills ``memory`` gigabytes before it uses files;
        None for a quarter of the machine's.
        """
        self.lock.save()
        spent = spending or Spending()
        shared = SharedSteps(self.shared, self.store) if self.shared else None
        todo = [node for node in self.plan.nodes() if not self.store.done(node.name)]
        with self.store.building(), show_progress(len(todo)) as progress, kept_notices() as notices:
            folder = build(
                self.plan,
                self.store,
                progress,
                workers=workers,
                start_engine=start_engine,
                spending=spent,
                requesting=requesting,
                shared=shared,
                memory=memory,
            )
            note_build(
                self.plan,
                self.store,
                self.recipe.name,
                values=self.values,
                lock=self.lock.entries,
                lock_file=self.lock_file,
                mirror=self.mirror,
                overrides_file=self.overrides_file,
            )
        nodes = [node.name for node in self.plan.nodes()]
        steps = [self.store.summary(name) for name in nodes]
        compared = reference_only((step.inputs, step.reference_inputs) for step in steps)
        account = BuildAccount(
            recipe=self.recipe.name,
            folder=str(folder),
            rows=steps[-1].counts.kept,
            steps=[_step_account(step, compared) for step in steps],
            notices=notices,
            requests={
                stage: RequestAccount(**asdict(one), requests=one.requests) for stage, one in spent.accounts.items()
            },
            waiting_for_teacher=self.plan.waiting,
            absent=self.plan.absent,
            overrides=override_outcomes(self.store, steps, self.overrides),
        )
        return account.with_values(shared=shared.account) if shared else account

    def _step_forecast(
        self,
        node: Node,
        rates: Rates,
        why: dict[str, list[Cause]],
        compared: set[str],
        shared: set[str],
        foretold: dict[str, RequestForecast],
    ) -> StepForecast:
        summary = self.store.summary(node.name) if self.store.done(node.name) else None
        forecast = StepForecast(
            step=node.step.name,
            folder=node.name,
            done=summary is not None,
            counts=summary.counts if summary else None,
            reference_only=node.name in compared,
        )
        if summary:
            return forecast.with_values(failed=summary.failed) if summary.failed else forecast
        if node.name in shared:
            return forecast.with_values(shared=True, why=why[node.name])
        if requests := requests_of(node, self.store, rates, foretold):
            forecast = forecast.with_values(asks=requests)
        return forecast.with_values(why=why[node.name])


def _step_account(step: StepSummary, compared: set[str]) -> StepAccount:
    values = {name: value for name, value in step.to_json().items() if name in IN_ACCOUNT}
    return StepAccount.of({**values, "reference_only": step.folder in compared})


def _find(corpus: Corpus, *, mirror: Path | None, raw: Path, lock: Lock, anonymous: bool) -> tuple[RawFile, ...]:
    """Find the files of a corpus at its own path, in the mirror or on the Hub, and check them against the lock."""
    lock.expects(corpus)
    if corpus.path is not None:
        files, revision = raw_files(corpus), lock.revision(corpus)
    elif mirror is not None and (has_folder(corpus, mirror) or not (corpus.mapping and corpus.hub_id)):
        files, revision = mirrored(corpus, mirror), lock.revision(corpus)
    else:
        files, revision = _from_hub(corpus, raw, lock, anonymous=anonymous)
    lock.check(corpus, files, revision)
    return files


def _from_hub(corpus: Corpus, raw: Path, lock: Lock, *, anonymous: bool) -> tuple[tuple[RawFile, ...], str]:
    """Return the files of a corpus and their commit; locked files in the store need no network."""
    from sources.fetch.hub_files import downloaded, fetched, resolve_revision

    revision = lock.revision(corpus)
    if files := downloaded(corpus, raw, revision, lock.files(corpus)):
        return files, revision
    revision = resolve_revision(corpus, revision, anonymous=anonymous)
    return fetched(corpus, raw, revision, anonymous=anonymous), revision


def like_last_build(recipe: Recipe, options: SessionOptions) -> tuple[dict[str, Any], SessionOptions]:
    """Return the values of the last build of ``recipe`` in the store, and the options with its mirror and files.

    A given mirror, lock or overrides file has priority; without a build there are no values.
    """
    last = last_build(Store(options["store"]), recipe.name)
    if last is None:
        return {}, options
    noted_mirror, noted_lock, noted_overrides = (
        Path(path) if path else None for path in (last.mirror, last.lock_file, last.overrides_file)
    )
    return dict(last.values), {
        **options,
        "mirror": options["mirror"] or noted_mirror,
        "lock": options["lock"] or noted_lock,
        "overrides": options["overrides"] or noted_overrides,
    }
