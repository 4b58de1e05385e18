"""Reading and writing one repository on the Hugging Face Hub, with retries and readable errors.

Tokens come from huggingface_hub and enter requests only: they are removed from every message.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sources.releases.read_manifest import ReleaseError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

T = TypeVar("T")
Kind = Literal["dataset", "model"]
Say = Callable[[str], None]

ATTEMPTS = 5
"""Attempts in all after a temporary error; the client itself also repeats single requests of an upload."""

LONGEST_WAIT_S = 120.0
"""Longest pause before a retry; a longer ``Retry-After`` ends the call with an error."""

SILENCE_S = 300.0
"""Read timeout of a connection; the client has none of its own."""

PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A file of a repository: size in bytes, git blob id, and sha256 for a large file."""

    size: int
    git: str
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The state of a repository: commit and files of its main branch, visibility, and commits of its tags.

    ``commit`` is None for a repository that does not exist or that the token may not see. Files of a ``gated`` one
    need its owner's permission.
    """

    commit: str | None
    private: bool = True
    gated: bool = False
    files: dict[str, Blob]
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Hub:
    """One repository on the Hub and the permission to write to it. Every method raises ``ReleaseError``."""

    repo: str
    kind: Kind
    api: HfApi
    token: str | None = field(repr=False)
    say: Say

    @property
    def url(self) -> str:
        """The address of the repository's page."""
        return f"{self.api.endpoint}/{'datasets/' if self.kind == 'dataset' else ''}{self.repo}"

    def fetch(self) -> Remote:
        """Return the state of the repository, with retries."""
        return self.retry("looking at", self.fetch_once)

    def create(self, *, public: bool) -> None:
        """Create the repository, unless it was created meanwhile."""
        from huggingface_hub.errors import HfHubHTTPError

        def once() -> None:
            try:
                self.api.create_repo(self.repo, repo_type=self.kind, private=not public)
            except HfHubHTTPError as error:
                if _status(error) != 409:
                    raise

        self.retry("creating", once)

    def files(self, revision: str) -> dict[str, Blob]:
        """Return the files of a commit by path."""
        return self.retry("listing", lambda: self._files(revision))

    def read(self, path: str, revision: str) -> dict[str, Any]:
        """Return a JSON file of a commit."""
        return self.retry(f"reading {path} of", lambda: self._read(path, revision))

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Upload the large files among ``additions`` that the Hub lacks."""
        send = partial(self.api.preupload_lfs_files, repo_type=self.kind, free_memory=False)
        self.retry("uploading to", lambda: send(self.repo, additions=additions))

    def commit(
        self,
        additions: Sequence[CommitOperationAdd],
        deletions: Sequence[CommitOperationDelete],
        *,
        parent: str,
        message: str,
    ) -> str:
        """Make one commit on top of ``parent`` and return it; raises what the client raises."""
        created = self.api.create_commit(
            self.repo,
            [*additions, *deletions],
            commit_message=message,
            repo_type=self.kind,
            revision="main",
            parent_commit=parent,
        )
        return created.oid

    def tag(self, name: str, commit: str) -> None:
        """Tag ``commit``; ``ReleaseError`` where the tag exists on another commit."""
        create = partial(self.api.create_tag, tag=name, revision=commit, repo_type=self.kind, exist_ok=True)
        self.retry("tagging", lambda: create(self.repo))
        if (tagged := self.fetch().tags.get(name)) != commit:
            raise ReleaseError(
                f"{self.repo} has a tag {name} at {tagged}, set by another publication at the same time; "
                f"expected {commit}. Choose another version"
            )

    def retry(self, doing: str, call: Callable[[], T]) -> T:
        """Return what ``call`` returns, retrying after temporary errors: 429, 5xx, a broken connection."""
        for attempt in range(ATTEMPTS):
            try:
                return call()
            except hub_error() as error:
                wait = _pause(error, attempt)
                if wait is None:
                    raise ReleaseError(self.describe(doing, error)) from None  # its own text may hold the token
                self.say(f"{doing} {self.repo}: {self._reason(error)}; again in {wait:g} s")
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def describe(self, doing: str, error: Exception) -> str:
        """Return an error as one line: what happened and what to do, without any token."""
        return f"{doing} {self.repo}: {self._reason(error)}. {_advice(error, self)}"

    def fetch_once(self) -> Remote:
        """Return the state of the repository without retries; raises what the client raises."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            info = self.api.repo_info(self.repo, repo_type=self.kind, revision="main")
        except RepositoryNotFoundError as error:
            if self.token and _status(error) == 401:
                raise
            return Remote(commit=None, files={}, tags={})
        refs = self.api.list_repo_refs(self.repo, repo_type=self.kind)
        commit = str(info.sha)
        tags = {tag.name: tag.target_commit for tag in refs.tags}
        seen_by = {"private": bool(info.private), "gated": bool(getattr(info, "gated", False))}
        return Remote(commit=commit, **seen_by, files=self._files(commit), tags=tags)

    def _files(self, revision: str) -> dict[str, Blob]:
        from huggingface_hub import RepoFile

        entries = self.api.list_repo_tree(self.repo, recursive=True, revision=revision, repo_type=self.kind)
        return {
            entry.path: Blob(size=entry.size, git=entry.blob_id, sha256=entry.lfs.sha256 if entry.lfs else None)
            for entry in entries
            if isinstance(entry, RepoFile)
        }

    def _read(self, path: str, revision: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as place:
            fetch = partial(self.api.hf_hub_download, repo_type=self.kind, local_dir=place)
            read: dict[str, Any] = json.loads(Path(fetch(self.repo, path, revision=revision)).read_bytes())
        return read

    def _reason(self, error: Exception) -> str:
        cause = _cause(error)
        response = getattr(cause, "response", None)
        if response is None:
            return self._clean(f"{type(cause).__name__}: {cause}")
        message = getattr(cause, "server_message", None)
        return self._clean(f"{response.status_code} {response.reason_phrase}{f': {message}' if message else ''}")

    def _clean(self, text: str) -> str:
        from pipelines.storage.secrets import without_secrets

        return without_secrets(" ".join(text.split()), self.token)[:500].rstrip(". ")


@contextmanager
def connect(repo: str, kind: Kind, say: Say, *, anonymous: bool = False) -> Iterator[Hub]:
    """Yield the repository on the Hub that ``HF_ENDPOINT`` names, with the stored token.

    ``anonymous`` requests carry no token. Raises ``ReleaseError`` where other requests lack one.
    """
    from huggingface_hub import HfApi, get_token, set_client_factory
    from huggingface_hub.utils import logging as client_logging
    from huggingface_hub.utils._http import default_client_factory
    from huggingface_hub.utils.tqdm import disable_progress_bars

    token = None if anonymous else get_token()
    if token is None and not anonymous:
        raise ReleaseError(f"there is no token for the Hub, expected one that may write to {repo}; {LOG_IN}")
    level, quiet = client_logging.get_verbosity(), nullcontext() if sys.stderr.isatty() else disable_progress_bars()
    client_logging.set_verbosity(logging.ERROR)  # its warnings contain signed addresses; ``say`` reports retries
    set_client_factory(_client)
    try:
        with quiet:
            endpoint = os.environ.get("HF_ENDPOINT")
            yield Hub(repo=repo, kind=kind, api=HfApi(endpoint, token=token or False), token=token, say=say)
    finally:
        set_client_factory(default_client_factory)
        client_logging.set_verbosity(level)


def _client() -> Any:
    from huggingface_hub.utils._http import default_client_factory

    from pipelines.hub.bounds import bound, bound_connections

    client = default_client_factory()
    client.timeout = SILENCE_S
    bound_connections(client)
    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), bound]}
    return client


# --- errors ----------------------------------------------------------------------------------------------------------


def has_token() -> bool:
    """Return whether a token for the Hub is stored on this machine."""
    from huggingface_hub import get_token

    return get_token() is not None


LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


def hub_error() -> tuple[type[Exception], ...]:
    """Return the errors that the client raises: of the Hub, the network, the disk, or a malformed response."""
    import httpx2

    return (httpx2.HTTPError, OSError, ValueError, RuntimeError, KeyError, TypeError)


def _cause(error: BaseException) -> BaseException:
    """Return the error that the client wrapped: an HTTP error, or the first of the chain."""
    import httpx2

    while not isinstance(error, httpx2.HTTPError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    response = getattr(_cause(error), "response", None)
    return None if response is None else int(response.status_code)


def _pause(error: Exception, attempt: int) -> float | None:
    """Return the seconds to wait before a retry, None where a retry cannot help."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if attempt + 1 == ATTEMPTS or isinstance(error, OfflineModeIsEnabled) or not _passes(error):
        return None
    wait = max(2.0**attempt, _retry_after(error))
    return wait if wait <= LONGEST_WAIT_S else None


def _passes(error: Exception) -> bool:
    import httpx2

    status, cause = _status(error), _cause(error)
    if status is not None:
        return status in PASSING
    return isinstance(cause, (httpx2.TransportError, ConnectionError, TimeoutError))


def _retry_after(error: Exception) -> float:
    response = getattr(_cause(error), "response", None)
    retry_after = "" if response is None else response.headers.get("Retry-After", "")
    return float(retry_after) if retry_after.isdigit() else 0.0


def _advice(error: Exception, hub: Hub) -> str:
    """Return what to do about an error."""
    import httpx2

    advice = {
        400: "The Hub rejected the request (HTTP 400): correct what it names, then publish again",
        401: f"The Hub rejected the token (HTTP 401): {LOG_IN} to a valid one",
        403: f"The token may not write to {hub.repo}: {LOG_IN} to one with write access to it",
        404: f"There is no {hub.repo}, or the token may not see it: check the name and the token",
        409: "Another change is in progress (HTTP 409): run the same command again",
        412: f"{hub.repo} has newer commits: check what was published there, then run the same command again",
        429: "The Hub asks for fewer requests: run the same command later; what is uploaded is not sent again",
    }
    again = "The version published before stays as it was; run the same command again, what is uploaded is not resent"
    if isinstance(_cause(error), httpx2.ConnectError):
        return f"No connection to {hub.api.endpoint}: check the network. {again}"
    return advice.get(_status(error) or 0, again)
