"""Publishing one version to the Hub: one commit adds, replaces and deletes files and is tagged with the version.

Large files are uploaded first. The commit names its parent, so that two concurrent publications cannot mix, and an
interrupted publication resumes when it is run again.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.hub.client import Blob, Hub, Kind, Remote, Say, connect, has_token, hub_error
from sources.fields.json_model import Values
from sources.releases.read_manifest import ReleaseError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

NOT_OURS = (".gitattributes", "README.md", "LICENSE", "LICENSE.md")
"""Files that the Hub itself creates, allowed before the first publication."""

IN_MEMORY = 4 * 1024 * 1024
"""Files up to this many bytes are read once, so that the checked bytes are the sent bytes."""

NAMED = 10

LOOKS, BETWEEN_LOOKS_S = 3, 2.0
"""Listings read before a difference counts as an error, and the seconds between them."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """The files of one version, the repository they are published to, and what they may replace.

    ``hashes`` are the sha256 of ``files``, both by path in the repository. ``owned`` are regular expressions of paths
    that are deleted when a version lacks them; paths of ``optional`` may be missing from a version with the same tag.
    ``record`` is the file that identifies a publication: ``same`` returns whether a published record has our content,
    ``name`` returns its name, and a repository whose name is not ``called`` is refused.
    """

    repo: str
    kind: Kind
    public: bool
    tag: str | None
    title: str
    files: dict[str, Path]
    hashes: dict[str, str]
    record: str
    owned: tuple[str, ...]
    optional: tuple[str, ...]
    same: Callable[[Values], bool]
    name: Callable[[Values], str | None]
    called: str | None


@dataclass(frozen=True, kw_only=True)
class UploadPlan:
    """Paths that a commit adds, those that need no upload, and those it deletes."""

    new: list[str]
    unchanged: list[str]
    deleted: list[str]

    @property
    def empty(self) -> bool:
        """Whether the repository already contains the version."""
        return not self.new and not self.deleted


@dataclass(frozen=True, kw_only=True)
class Published:
    """The result of a publication: ``state`` is ``published``, ``already published`` or ``would publish``.

    ``new`` are the paths that the commit adds with their bytes, ``left_out`` the files of a model's folder that stay.
    """

    state: str
    url: str
    repo: str
    private: bool
    tag: str | None
    commit: str | None
    new: dict[str, int]
    unchanged: list[str]
    deleted: list[str]
    bytes: int
    left_out: list[str] | None = None

    def to_json(self) -> Values:
        """Return the JSON of ``--json``; a dataset has no ``left_out``."""
        return {name: value for name, value in asdict(self).items() if name != "left_out" or value is not None}


def send(upload: Upload, say: Say, *, dry_run: bool = False) -> Published:
    """Publish a version and return the result: state, address, commit, and the paths added, unchanged and deleted.

    ``state`` is ``published``, ``already published`` or ``would publish``. A dry run uses the token only for reading a
    repository that is not public. Raises ``ReleaseError`` where the Hub refuses, the tag has other content, the
    repository has another owner or is public without ``upload.public``, or another commit came first.
    """
    if dry_run:
        with connect(upload.repo, upload.kind, say, anonymous=True) as hub:
            remote = hub.fetch()
            if (remote.commit and not remote.gated) or not has_token():
                if remote.commit is None:
                    say(f"{upload.repo} is not visible without a token: it does not exist, or it is private")
                return _sent(upload, hub, remote, dry_run=True)
        say(f"{upload.repo} is not public: reading it with your token")
    with connect(upload.repo, upload.kind, say) as hub:
        return _sent(upload, hub, hub.fetch(), dry_run=dry_run)


def _sent(upload: Upload, hub: Hub, remote: Remote, *, dry_run: bool) -> Published:
    """Publish to a repository in the state ``remote``, or return what would be done."""
    _check_repository(upload, remote, hub)
    if upload.tag in remote.tags:
        _check_tag(upload, remote.tags[upload.tag], hub)
        plan = UploadPlan(new=[], unchanged=sorted(upload.files), deleted=[])
        return _describe(upload, hub, remote, plan, "already published", remote.tags[upload.tag])
    plan = plan_upload(upload, remote.files)
    if dry_run:
        return _describe(upload, hub, remote, plan, "would publish", remote.commit)
    commit, plan = _pushed(upload, hub, remote, plan)
    return _describe(upload, hub, remote, plan, "published", commit)


def plan_upload(upload: Upload, unchanged: dict[str, Blob]) -> UploadPlan:
    """Return what has to change in the files of a commit."""
    same = {path for path in upload.files if path in unchanged and _same(upload, path, unchanged[path])}
    owned = {path for path in unchanged if _matches(path, upload.owned)}
    return UploadPlan(
        new=sorted(upload.files.keys() - same), unchanged=sorted(same), deleted=sorted(owned - upload.files.keys())
    )


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def _same(upload: Upload, path: str, blob: Blob) -> bool:
    if blob.sha256:
        return blob.sha256 == upload.hashes[path]
    file = upload.files[path]
    return blob.size == file.stat().st_size and blob.git == _git_name(file)


def _git_name(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


# --- checks before an upload -----------------------------------------------------------------------------------------


def _check_repository(upload: Upload, remote: Remote, hub: Hub) -> None:
    """Raise ``ReleaseError`` for an unexpectedly public repository, or one with other content."""
    if remote.commit and not remote.private and not upload.public:
        raise ReleaseError(f"{hub.url} is public, expected a private one: use --public to publish publicly")
    strange = sorted(path for path in remote.files if path not in NOT_OURS)
    if not strange or remote.commit is None:
        return
    if upload.record not in remote.files:
        raise ReleaseError(
            f"{hub.url} contains files that sabila did not publish ({_some(strange)}): choose another repository"
        )
    if (called := upload.name(hub.read(upload.record, remote.commit))) not in (upload.called, None):
        raise ReleaseError(f"{hub.url} holds {called}, not {upload.called}: choose another repository")


def _check_tag(upload: Upload, commit: str, hub: Hub) -> None:
    """Raise ``ReleaseError`` for a tag with other content; the record may differ in its environment only."""
    plan = plan_upload(upload, hub.files(commit))
    new = [path for path in plan.new if path != upload.record]
    deleted = [path for path in plan.deleted if not _matches(path, upload.optional)]
    if not new and not deleted and (upload.record not in plan.new or upload.same(hub.read(upload.record, commit))):
        return
    raise ReleaseError(
        f"{hub.url} has {upload.tag} with other content; differences: {_some(sorted({*plan.new, *deleted}))}. "
        "Choose another version"
    )


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


# --- the push --------------------------------------------------------------------------------------------------------


def _pushed(upload: Upload, hub: Hub, remote: Remote, plan: UploadPlan) -> tuple[str, UploadPlan]:
    """Upload, commit and tag; return the commit and its changes."""
    if remote.commit is None:
        hub.say(f"creating {hub.url}, {'public' if upload.public else 'private'}")
        hub.create(public=upload.public)
        remote = hub.fetch()
        if remote.commit is None:
            raise ReleaseError(f"{hub.url} was created and is not visible; check the token's permissions")
        _check_repository(upload, remote, hub)
        plan = plan_upload(upload, remote.files)
    commit = remote.commit or ""
    if not plan.empty:
        commit = _committed(upload, hub, commit, plan)
        _read_back(upload, hub, commit)
    if upload.tag:
        hub.tag(upload.tag, commit)
        _read_back(upload, hub, upload.tag)
    return commit, plan


def _read_back(upload: Upload, hub: Hub, revision: str) -> None:
    """Compare the Hub's list of files under a commit or tag with those sent: name, size and hash of every file."""
    difference = plan_upload(upload, hub.files(revision))
    for _ in range(LOOKS - 1):
        if difference.empty:
            return
        time.sleep(BETWEEN_LOOKS_S)  # a listing may lag behind its commit
        difference = plan_upload(upload, hub.files(revision))
    if not difference.empty:
        raise ReleaseError(
            f"{hub.url} accepted the commit, but its content at {revision} differs from the upload: "
            f"{_some(sorted({*difference.new, *difference.deleted}))}. Treat it as not published: check the "
            "repository, then run the same command again"
        )


def _committed(upload: Upload, hub: Hub, parent: str, plan: UploadPlan) -> str:
    from huggingface_hub import CommitOperationDelete

    additions = [_addition(upload, path) for path in plan.new]
    hub.say(f"uploading {len(additions)} files, {_bytes(upload, plan.new):,} bytes")
    hub.upload(additions)
    for addition in additions:
        _check_addition(upload, addition)

    deletions = [CommitOperationDelete(path) for path in plan.deleted]

    def once() -> str:
        try:
            return hub.commit(additions, deletions, parent=parent, message=upload.title)
        except hub_error():
            # The commit may exist although the response was lost. If another push came first, ours must not follow it.
            if committed := _already_committed(upload, hub, parent):
                return committed
            raise

    return hub.retry("committing to", once)


def _addition(upload: Upload, path: str) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    file = upload.files[path]
    small = file.stat().st_size <= IN_MEMORY
    addition = CommitOperationAdd(path, file.read_bytes() if small else file)
    _check_addition(upload, addition)
    return addition


def _check_addition(upload: Upload, addition: CommitOperationAdd) -> None:
    """Raise ``ReleaseError`` for a file that changed since it was checked."""
    path = addition.path_in_repo
    if addition.upload_info.is_hashed and addition.upload_info.sha256.hex() != upload.hashes[path]:
        raise ReleaseError(f"{upload.files[path]} changed while it was published; nothing was committed")


def _already_committed(upload: Upload, hub: Hub, parent: str) -> str | None:
    """Return the commit that already contains the version, None where ``parent`` is still the last commit."""
    remote = hub.fetch_once()
    if remote.commit == parent:
        return None
    if remote.commit and plan_upload(upload, remote.files).empty:
        return remote.commit
    raise ReleaseError(
        f"{hub.url} changed from {parent} to {remote.commit} during the upload: another publication came "
        "first. Check it, then run the same command again; uploaded files are not sent again"
    )


def _bytes(upload: Upload, paths: list[str]) -> int:
    return sum(upload.files[path].stat().st_size for path in paths)


def _describe(upload: Upload, hub: Hub, before: Remote, plan: UploadPlan, state: str, commit: str | None) -> Published:
    return Published(
        state=state,
        url=hub.url,
        repo=upload.repo,
        private=before.private if before.commit else not upload.public,
        tag=upload.tag,
        commit=commit,
        new={path: upload.files[path].stat().st_size for path in plan.new},
        unchanged=plan.unchanged,
        deleted=plan.deleted,
        bytes=_bytes(upload, plan.new),
    )
