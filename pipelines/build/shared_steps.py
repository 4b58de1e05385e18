"""Steps exchanged with a shared store: fetched in place of being run, and uploaded once they are complete.

A build can go on without the shared store, so that its errors are counted warnings: a step that cannot be fetched is
run, one that cannot be uploaded is uploaded by the next build. Completions alone stop a build that cannot fetch them,
since it would pay again for what is answered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from pipelines.build.account import SharedAccount
from pipelines.build.fingerprint import fingerprint
from pipelines.build.plan import Node
from pipelines.build.step import GenerateStep
from pipelines.completions.completion_store import FILE
from pipelines.completions.shared_completions import fetch_completions, has_other_answers, share_completions
from pipelines.storage.shared_files import SharedStoreError
from pipelines.storage.shared_store import DamagedUploadError, SharedStore
from pipelines.storage.store import MARKER, Store
from pipelines.storage.stored_step import find_damage
from sources.releases.manifest_model import StepSummary
from synth.teachers.teacher_warnings import LOGGER


@dataclass
class SharedSteps:
    """The exchange of one build between its ``store`` and a ``shared`` one, and its counts."""

    shared: SharedStore
    store: Store
    _counts: Counter[str] = field(default_factory=Counter)
    _counting: Lock = field(default_factory=Lock)
    _unreadable: bool = False
    _unwritable: bool = False

    @property
    def account(self) -> SharedAccount:
        """What was exchanged so far, and the number of warnings."""
        return SharedAccount(**{name: self._counts[name] for name in SharedAccount.model_fields})

    def fetch(self, node: Node) -> bool:
        """Fetch a step into the store; False where it must be run. The caller holds the step's lock.

        Raises ``SharedStoreError`` where the completions of a generating step cannot be fetched.
        """
        if sends_requests(node):
            self._share_completions()
            self._count(completions_fetched=fetch_completions(self.store.root / FILE, self.shared.files))
        if self._unreadable:
            return False
        downloaded = self.store.root / "partial" / f"{node.name}.download"
        try:
            if not self.shared.fetch(node.name, downloaded):
                return False
            self._check(node, downloaded)
        except DamagedUploadError as error:
            self._warn(f"{error}; it is not taken, and the step is run here")
            return False
        except SharedStoreError as error:
            self._unreadable = True
            self._warn(f"{error}; steps are run here, and no more are fetched in this build")
            return False
        self.store.adopt(node.name, downloaded)
        self._count(fetched=1)
        return True

    def share(self, node: Node) -> None:
        """Upload a finished step, with its completions before it."""
        if self._unwritable or (sends_requests(node) and not self._share_completions()):
            return
        with self._uploading(f"{node.name} is complete in {self.store.root}"):
            self._count(uploaded=self.shared.share(node.name, self.store.folder(node.name)))

    def _share_completions(self) -> bool:
        """Upload the completions that are not there yet, and return whether all are."""
        if not self._unwritable:
            with self._uploading(f"completions are stored in {self.store.root}"):
                self._count(completions_uploaded=share_completions(self.store.root / FILE, self.shared.files))
        return not self._unwritable

    @contextmanager
    def _uploading(self, kept: str) -> Iterator[None]:
        try:
            yield
        except SharedStoreError as error:
            self._unwritable = True
            self._warn(f"{error}; {kept}, the next build uploads what is missing, this one no more")

    def _check(self, node: Node, folder: Path) -> None:
        """Raise ``DamagedUploadError`` where a downloaded folder is not that step, or made of other answers."""
        if damage := _damage(node, folder):
            self.shared.refuse(node.name)
            raise DamagedUploadError(f"{node.name} in {self.shared.files.url} is damaged: {damage}")
        if sends_requests(node) and has_other_answers(self.store.root / FILE, folder):
            raise DamagedUploadError(
                f"{node.name} in {self.shared.files.url} was made of other answers than those stored here"
            )

    def _warn(self, text: str) -> None:
        self._count(warnings=1)
        LOGGER.warning("shared store: %s", text)

    def _count(self, **more: int) -> None:
        with self._counting:
            self._counts.update(more)


def sends_requests(node: Node) -> bool:
    """Return whether a step is made of completions."""
    return isinstance(node.step.work, GenerateStep)


def _damage(node: Node, folder: Path) -> str | None:
    """Return the damage of a downloaded step, None where it is the step of the plan."""
    try:
        summary = StepSummary.of(json.loads((folder / MARKER).read_text(encoding="utf-8")))
    except ValueError as error:
        return f"{MARKER} cannot be read ({error})"
    name = f"{summary.name}-{fingerprint(summary.identity.to_json())}"
    return find_damage(folder, summary, contents=True) if name == node.name else f"it is {name}, another step"
