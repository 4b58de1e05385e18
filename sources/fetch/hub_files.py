"""Raw files from the Hugging Face Hub, at a pinned revision, kept in the store and checked by their content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from sources.errors import SabilaError
from sources.fetch.mirror import MissingCorpusError, files_in
from sources.files import RawFile
from sources.source import Corpus

HUB = "hf://datasets/"
"""Start of the home of a corpus on the Hub."""


class HubError(SabilaError):
    """A request to the Hub that failed."""


class WithheldCorpusError(HubError):
    """A corpus that the Hub does not give to this caller: gated, private, moved or deleted (401, 403, 404)."""


WITHHELD = frozenset({401, 403, 404})


def resolve_revision(corpus: Corpus, revision: str, *, anonymous: bool = False) -> str:
    """Return the full commit of ``revision`` (a branch, tag or short commit).

    An ``anonymous`` request carries no token, whatever the environment sets.
    """
    from huggingface_hub import HfApi

    with _hub_request(corpus.name, corpus.home):
        commit = HfApi(_endpoint(), token=_token(anonymous)).dataset_info(_hub_id(corpus), revision=revision).sha
    if not commit:
        raise HubError(f"{corpus.home} names no commit for revision {revision!r}")
    return commit


def dataset_commit(id: str, revision: str) -> str:
    """Return the full commit of a revision of any dataset."""
    from huggingface_hub import HfApi

    with _hub_request(id, f"{HUB}{id}@{revision}"):
        return str(HfApi(_endpoint()).dataset_info(id, revision=revision).sha)


def dataset_files(id: str, commit: str) -> list[str]:
    """Return the names of the files of any dataset at a commit, without hidden ones."""
    from huggingface_hub import HfApi

    with _hub_request(id, f"{HUB}{id}"):
        names = HfApi(_endpoint()).list_repo_files(id, repo_type="dataset", revision=commit)
    return [name for name in names if not any(part.startswith(".") for part in PurePosixPath(name).parts)]


def dataset_text(id: str, name: str, commit: str) -> str:
    """Return a small text file of any dataset at a commit, empty where it has none."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    with _hub_request(id, f"{HUB}{id}"), tempfile.TemporaryDirectory() as folder:
        try:
            path = hf_hub_download(
                id, name, repo_type="dataset", revision=commit, local_dir=folder, endpoint=_endpoint()
            )
        except EntryNotFoundError:
            return ""
        return Path(path).read_text(encoding="utf-8", errors="replace")


def fetched(corpus: Corpus, raw: Path, revision: str, *, anonymous: bool = False) -> tuple[RawFile, ...]:
    """Download the files of ``corpus`` at the commit ``revision`` into ``raw`` and return them, sorted by name.

    Existing files are not downloaded again. Raises ``MissingCorpusError`` for a corpus that is not on the Hub or lacks
    the files of a split, ``HubError`` where the Hub fails.
    """
    from huggingface_hub import HfApi, hf_hub_download

    id, folder = _hub_id(corpus), raw / corpus.name / revision
    with _hub_request(corpus.name, corpus.home):
        names = HfApi(_endpoint(), token=_token(anonymous)).list_repo_files(id, repo_type="dataset", revision=revision)
    for pattern in (*corpus.companions, *(pattern for patterns in corpus.files.values() for pattern in patterns)):
        for name in _matching(corpus, pattern, names):
            with _hub_request(corpus.name, corpus.home):
                hf_hub_download(
                    id,
                    name,
                    repo_type="dataset",
                    revision=revision,
                    local_dir=folder,
                    endpoint=_endpoint(),
                    token=_token(anonymous),
                )
    return files_in(corpus, folder)


def fetched_one(corpus: Corpus, raw: Path, revision: str) -> Path:
    """Download the smallest file of ``corpus`` at the commit ``revision`` and its companions; return their folder."""
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.hf_api import RepoFile

    id, folder = _hub_id(corpus), raw / corpus.name / revision
    with _hub_request(corpus.name, corpus.home):
        tree = HfApi(_endpoint()).list_repo_tree(id, repo_type="dataset", revision=revision, recursive=True)
        sizes = {entry.path: entry.size for entry in tree if isinstance(entry, RepoFile)}
    patterns = [pattern for patterns in corpus.files.values() for pattern in patterns]
    smallest = min(
        (name for pattern in patterns for name in _matching(corpus, pattern, [*sizes])), key=sizes.__getitem__
    )
    for name in (*corpus.companions, smallest):
        with _hub_request(corpus.name, corpus.home):
            hf_hub_download(
                id, name, repo_type="dataset", revision=revision, local_dir=folder, endpoint=_endpoint(), token=None
            )
    return folder


def downloaded(corpus: Corpus, raw: Path, revision: str, names: Collection[str]) -> tuple[RawFile, ...] | None:
    """Return the files of an earlier download without a request; None where one of the locked ``names`` is missing."""
    folder = raw / corpus.name / revision
    if not names or not all((folder / name).exists() or (folder / f"{name}.gz").exists() for name in names):
        return None
    return files_in(corpus, folder)


def _endpoint() -> str | None:
    """Return the Hub's address where the environment names another one than the client's own."""
    return os.environ.get("HF_ENDPOINT")


def _token(anonymous: bool) -> bool | None:
    """Return the client's token argument: its stored token, or none for an anonymous request."""
    return False if anonymous else None


def _hub_id(corpus: Corpus) -> str:
    if corpus.hub_id is None:
        raise MissingCorpusError(
            f"{corpus.name} is not on the Hub but at {corpus.home}; put its files into a folder "
            f"{corpus.folder or corpus.name} and read them with --mirror"
        )
    return corpus.hub_id


def _matching(corpus: Corpus, pattern: str, names: list[str]) -> list[str]:
    """Return the names that match ``pattern`` as in a folder: ``*`` does not match a slash."""
    depth = len(PurePosixPath(pattern).parts)
    plain = {name: PurePosixPath(name.removesuffix(".gz")) for name in names}
    plain = {name: path for name, path in plain.items() if not any(part.startswith(".") for part in path.parts)}
    found = sorted(name for name, path in plain.items() if len(path.parts) == depth and path.match(pattern))
    if not found:
        raise MissingCorpusError(
            f"{corpus.home} has no {pattern}, a file of {corpus.name}{_nearest_files(pattern, names)}"
        )
    return found


def _nearest_files(pattern: str, names: list[str]) -> str:
    """Return the files whose names are nearest to a pattern that matches none, for a message."""
    near = get_close_matches(pattern, names, n=3, cutoff=0.3)
    return f"; found {', '.join(near)}: the publisher renamed it, or name the revision that had it" if near else ""


@contextmanager
def _hub_request(name: str, home: str) -> Iterator[None]:
    """Turn errors of the Hub's client into a ``HubError`` that names the corpus and a remedy."""
    import httpx2

    try:
        yield
    except (httpx2.HTTPError, OSError, ValueError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        kind = WithheldCorpusError if status in WITHHELD else HubError
        raise kind(
            f"{name}: the Hub did not provide {home} ({_reason(error)}); "
            "check the network and the token, or read from a folder with --mirror"
        ) from error


def _reason(error: BaseException) -> str:
    """Return the Hub's reply in one line, without the client's advice and wrapping errors."""
    response = getattr(error, "response", None)
    if response is not None:
        said = getattr(error, "server_message", None)
        return f"{response.status_code} {response.reason_phrase}{f': {said}' if said else ''}"
    return _reason(error.__cause__) if error.__cause__ else f"{type(error).__name__}: {' '.join(str(error).split())}"
