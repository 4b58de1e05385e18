"""Raw files from the Hugging Face Hub, at a pinned revision, kept in the store and checked by their content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from sources.files import RawFile
from sources.mirror import MissingCorpusError
from sources.source import Corpus


class HubError(Exception):
    """The Hub did not give what was asked for."""


def resolve_revision(corpus: Corpus, revision: str) -> str:
    """Return the full commit that ``revision`` (a branch, tag or short commit) names now."""
    from huggingface_hub import HfApi

    with _asking(corpus):
        commit = HfApi().dataset_info(_hub_id(corpus), revision=revision).sha
    if not commit:
        raise HubError(f"{corpus.home} names no commit for revision {revision!r}")
    return commit


def fetched(corpus: Corpus, raw: Path, revision: str) -> tuple[RawFile, ...]:
    """Download the files of ``corpus`` at the commit ``revision`` into ``raw`` and return them, sorted by name.

    Files that are there already are not fetched again. Raises ``MissingCorpusError`` for a corpus that does not live
    on the Hub or lacks the files of a split, ``HubError`` where the Hub fails.
    """
    from huggingface_hub import HfApi, hf_hub_download

    folder = raw / corpus.name / revision
    with _asking(corpus):
        names = HfApi().list_repo_files(_hub_id(corpus), repo_type="dataset", revision=revision)

    def fetch(name: str) -> Path:
        with _asking(corpus):
            return Path(
                hf_hub_download(_hub_id(corpus), name, repo_type="dataset", revision=revision, local_dir=folder)
            )

    companions = tuple(
        RawFile(_plain(name), fetch(_present(corpus, name, names)), "companion") for name in corpus.companions
    )
    found = [
        RawFile(_plain(name), fetch(name), split, companions)
        for split, patterns in corpus.files.items()
        for pattern in patterns
        for name in _matching(corpus, pattern, names)
    ]
    return tuple(sorted(found, key=lambda file: (file.split, file.name)))


def _hub_id(corpus: Corpus) -> str:
    if corpus.hub_id is None:
        raise MissingCorpusError(
            f"{corpus.name} is not on the Hub but at {corpus.home}; put its files into a folder "
            f"{corpus.folder or corpus.name} and read them with --mirror"
        )
    return corpus.hub_id


def _matching(corpus: Corpus, pattern: str, names: list[str]) -> list[str]:
    found = sorted(name for name in names if fnmatch(_plain(name), pattern))
    if not found:
        raise MissingCorpusError(f"{corpus.home} has no {pattern}, the rows of {corpus.name}")
    return found


def _present(corpus: Corpus, name: str, names: list[str]) -> str:
    return _matching(corpus, name, names)[0]


def _plain(name: str) -> str:
    return name.removesuffix(".gz")


@contextmanager
def _asking(corpus: Corpus) -> Iterator[None]:
    """Turn what the Hub's client raises into a ``HubError`` that names the corpus and says what to do."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        yield
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise HubError(
            f"{corpus.name}: the Hub did not give {corpus.home} ({type(error).__name__}: {error}); "
            "check the network and the token, or read from a folder with --mirror"
        ) from error
