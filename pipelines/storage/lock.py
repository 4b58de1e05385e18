"""``sabila.lock``: the content hashes of a recipe's inputs, recorded by the first build and checked by later ones."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sources.atomic import write_json
from sources.errors import SabilaError
from sources.fetch.mirror import MissingCorpusError
from sources.files import RawFile
from sources.releases.manifest_model import Locked
from sources.source import Corpus

FORMAT = 1


class LockError(SabilaError):
    """Raw files that differ from the lock, or a lock that cannot be read."""


@dataclass
class Lock:
    """The entries of one recipe and mirror: for each corpus its home, revision, and the sha256 of every file.

    ``key`` is the recipe's name, with the mirror where there is one, since a mirror may have other files of a corpus.
    """

    path: Path
    key: str
    entries: dict[str, Locked] = field(default_factory=dict)
    frozen: bool = False
    """A release's own lock: corpora missing from it are not read, and nothing is added."""

    @classmethod
    def load(cls, path: Path, recipe: str, mirror: Path | None = None) -> Lock:
        """Read the entries of ``recipe`` for ``mirror``, or for the Hub; empty where there are none yet."""
        key = recipe if mirror is None else f"{recipe} --mirror {_relative(mirror, path.parent)}"
        return cls(path, key, _recipes(path).get(key, {}))

    def revision(self, corpus: Corpus) -> str:
        """Return the revision to read: the locked one, else that of the catalog."""
        locked = self.entries.get(corpus.name)
        return locked.revision if locked else corpus.revision

    def files(self, corpus: Corpus) -> frozenset[str]:
        """Return the names of the locked files; none where the corpus is new."""
        locked = self.entries.get(corpus.name)
        return frozenset(locked.files if locked else ())

    def expects(self, corpus: Corpus) -> None:
        """Raise ``MissingCorpusError`` for a corpus missing from a frozen lock, since it was absent then too."""
        if self.frozen and corpus.name not in self.entries:
            raise MissingCorpusError(f"{corpus.name} was absent when {self.path} was written")

    def check(self, corpus: Corpus, files: tuple[RawFile, ...], revision: str) -> None:
        """Compare files with the lock, or add them where the corpus is new.

        Raises ``LockError`` that names the file, both hashes and the remedies.
        """
        hashes = {file.name: file.sha256 for file in files}
        hashes.update({c.name: c.sha256 for file in files for c in file.companions})
        locked = self.entries.get(corpus.name)
        if locked and locked.files != hashes:
            raise LockError(self._difference(corpus, locked.files, hashes))
        self.entries[corpus.name] = Locked(home=corpus.home, revision=revision, files=hashes)

    def save(self) -> None:
        """Write the entries; those of other recipes, and new ones from another build of this recipe, are kept."""
        if self.frozen:
            return
        with _alone_in(self.path.parent):
            recipes = _recipes(self.path)
            recipes[self.key] = {**recipes.get(self.key, {}), **self.entries}
            listed = {key: {name: one.to_json() for name, one in known.items()} for key, known in recipes.items()}
            write_json(self.path, {"format": FORMAT, "recipes": listed})

    def _difference(self, corpus: Corpus, locked: dict[str, str], hashes: dict[str, str]) -> str:
        name = min(n for n in {*locked, *hashes} if locked.get(n) != hashes.get(n))
        return (
            f"{corpus.name}: {name} has sha256 {hashes.get(name, 'nothing, it is missing')}, but {self.path} says "
            f"{locked.get(name, 'nothing, it is new')}; restore the file{self._way_out}"
        )

    @property
    def _way_out(self) -> str:
        return "" if self.frozen else ", accept the change with --relock, or keep another lock with --lock FILE"


def _relative(mirror: Path, folder: Path) -> str:
    """Return a mirror's path relative to the lock's folder, so that both may move together."""
    return Path(os.path.relpath(mirror, folder)).as_posix()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the locks in ``folder``, and keep others out."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _recipes(path: Path) -> dict[str, dict[str, Locked]]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise LockError(
                f"{path} has format {content['format']}, expected {FORMAT}: a newer sabila wrote it; upgrade"
            )
        return {
            recipe: {name: Locked.of(entry) for name, entry in corpora.items()}
            for recipe, corpora in content["recipes"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LockError(f"{path} is not a lock file ({error}); restore it, or delete it to resolve anew") from error
