"""A push to the Hub: all of a version in one commit and a tag, so that whoever reads sees the old one or the new one.

Large files go up first and change nothing for readers; the commit that names them, with the card, comes last. It says
on which commit it stands, so that of two pushes at once one is refused and none is mixed into the other. Whatever
stops a push, the same call again finishes it: what the Hub has already is not sent a second time.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.hub.client import Blob, Hub, Kind, Remote, Say, has_token, hub_error, reached
from pipelines.release.manifest import ReleaseError

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

NOT_OURS = (".gitattributes", "README.md", "LICENSE", "LICENSE.md")
"""What a repository may hold before the first publication: the Hub and its web page put these there."""

IN_MEMORY = 4 * 1024 * 1024
"""Files up to this many bytes are read once, so that what is checked is what is sent."""

NAMED = 10

LOOKS, BETWEEN_LOOKS_S = 3, 2.0
"""How often the Hub is asked what it holds before it is believed to hold something else, and how far apart."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What is to be published, where, and what it replaces.

    ``hashes`` are the sha256 of ``files``, both by path in the repository. ``record`` is the file that says what a
    repository holds; ``owned`` are regular expressions of paths that belong to a publication and go when the next has
    them not; those of ``optional`` may be left out of what has the same tag. ``tag`` may be None. ``same`` says whether
    a published record tells of the same content as ours, ``name`` what it calls the thing, if anything: a repository
    that is not ``called`` so is not written over.
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
    same: Callable[[dict[str, Any]], bool]
    name: Callable[[dict[str, Any]], str | None]
    called: str | None


@dataclass(frozen=True, kw_only=True)
class UploadPlan:
    """Paths that a commit has to add, those that are there already, and those to delete."""

    new: list[str]
    there: list[str]
    gone: list[str]

    @property
    def empty(self) -> bool:
        """Whether the repository holds the parcel as it is."""
        return not self.new and not self.gone


def send(parcel: Upload, say: Say, *, dry_run: bool = False) -> dict[str, Any]:
    """Publish the parcel and return what was done: state, address, commit, and the paths added, there and deleted.

    ``state`` is ``published``, ``there already`` or ``would publish``. A dry run asks without the token; with it, for
    reading alone, only where not everybody may see the repository. Raises ``ReleaseError`` where the Hub refuses, the
    tag names other content, the repository holds something else or is public without ``parcel.public``, or has
    moved on; what was published before is whole in every case.
    """
    if dry_run:
        with reached(parcel.repo, parcel.kind, say, anonymous=True) as hub:
            remote = hub.look()
            if (remote.commit and not remote.gated) or not has_token():
                if remote.commit is None:
                    say(f"{parcel.repo} cannot be seen without a token: it is not there, or it is private")
                return _sent(parcel, hub, remote, dry_run=True)
        say(f"{parcel.repo} cannot be seen by everybody: looking again with your token, for reading alone")
    with reached(parcel.repo, parcel.kind, say) as hub:
        return _sent(parcel, hub, hub.look(), dry_run=dry_run)


def _sent(parcel: Upload, hub: Hub, remote: Remote, *, dry_run: bool) -> dict[str, Any]:
    """Publish the parcel to a repository as it is now, or say what would be done."""
    _check_repository(parcel, remote, hub)
    if parcel.tag in remote.tags:
        _check_tag(parcel, remote.tags[parcel.tag], hub)
        load = UploadPlan(new=[], there=sorted(parcel.files), gone=[])
        return _describe(parcel, hub, remote, load, "there already", remote.tags[parcel.tag])
    load = upload_plan(parcel, remote.files)
    if dry_run:
        return _describe(parcel, hub, remote, load, "would publish", remote.commit)
    commit, load = _pushed(parcel, hub, remote, load)
    return _describe(parcel, hub, remote, load, "published", commit)


def upload_plan(parcel: Upload, there: dict[str, Blob]) -> UploadPlan:
    """Return what distinguishes the parcel from the files of a commit."""
    same = {path for path in parcel.files if path in there and _same(parcel, path, there[path])}
    owned = {path for path in there if _matches(path, parcel.owned)}
    return UploadPlan(
        new=sorted(parcel.files.keys() - same), there=sorted(same), gone=sorted(owned - parcel.files.keys())
    )


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def _same(parcel: Upload, path: str, blob: Blob) -> bool:
    if blob.sha256:
        return blob.sha256 == parcel.hashes[path]
    file = parcel.files[path]
    return blob.size == file.stat().st_size and blob.git == _git_name(file)


def _git_name(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


# --- what forbids it -----------------------------------------------------------------------------------------------


def _check_repository(parcel: Upload, remote: Remote, hub: Hub) -> None:
    """Refuse a repository that others read without its being asked for, or that holds something else."""
    if remote.commit and not remote.private and not parcel.public:
        raise ReleaseError(f"{hub.url} is public, expected a private one: say --public to publish for everybody")
    strange = sorted(path for path in remote.files if path not in NOT_OURS)
    if not strange or remote.commit is None:
        return
    if parcel.record not in remote.files:
        raise ReleaseError(f"{hub.url} holds files of another hand ({_some(strange)}): choose another repository")
    if (called := parcel.name(hub.read(parcel.record, remote.commit))) not in (parcel.called, None):
        raise ReleaseError(f"{hub.url} holds {called}, not {parcel.called}: choose another repository")


def _check_tag(parcel: Upload, commit: str, hub: Hub) -> None:
    """Refuse a tag that names other content; the record may differ in where it was made, no more."""
    load = upload_plan(parcel, hub.files(commit))
    new = [path for path in load.new if path != parcel.record]
    gone = [path for path in load.gone if not _matches(path, parcel.optional)]
    if not new and not gone and (parcel.record not in load.new or parcel.same(hub.read(parcel.record, commit))):
        return
    raise ReleaseError(
        f"{hub.url} has {parcel.tag} with other content; what differs: {_some(sorted({*load.new, *gone}))}. "
        "Choose another version"
    )


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


# --- the push ------------------------------------------------------------------------------------------------------


def _pushed(parcel: Upload, hub: Hub, remote: Remote, load: UploadPlan) -> tuple[str, UploadPlan]:
    """Upload, commit and tag; return the commit and what it brought."""
    if remote.commit is None:
        hub.say(f"creating {hub.url}, {'for everybody' if parcel.public else 'private'}")
        hub.create(public=parcel.public)
        remote = hub.look()
        if remote.commit is None:
            raise ReleaseError(f"{hub.url} was created and cannot be seen; check what the token may do")
        _check_repository(parcel, remote, hub)
        load = upload_plan(parcel, remote.files)
    commit = remote.commit or ""
    if not load.empty:
        commit = _committed(parcel, hub, commit, load)
        _read_back(parcel, hub, commit)
    if parcel.tag:
        hub.tag(parcel.tag, commit)
        _read_back(parcel, hub, parcel.tag)
    return commit, load


def _read_back(parcel: Upload, hub: Hub, revision: str) -> None:
    """Compare what the Hub lists under a commit or a tag with what was sent: name, size and hash of every file."""
    held = upload_plan(parcel, hub.files(revision))
    for _ in range(LOOKS - 1):
        if held.empty:
            return
        time.sleep(BETWEEN_LOOKS_S)  # a listing may lag behind the commit that it is of
        held = upload_plan(parcel, hub.files(revision))
    if not held.empty:
        raise ReleaseError(
            f"{hub.url} took the commit, and what it holds at {revision} is not what was sent: "
            f"{_some(sorted({*held.new, *held.gone}))}. Nothing counts as published: look at the repository, then run "
            "the same command again"
        )


def _committed(parcel: Upload, hub: Hub, parent: str, load: UploadPlan) -> str:
    from huggingface_hub import CommitOperationDelete

    additions = [_addition(parcel, path) for path in load.new]
    hub.say(f"uploading {len(additions)} files, {_bytes(parcel, load.new):,} bytes")
    hub.upload(additions)
    for addition in additions:
        _check_addition(parcel, addition)

    deletions = [CommitOperationDelete(path) for path in load.gone]

    def once() -> str:
        try:
            return hub.commit(additions, deletions, parent=parent, message=parcel.title)
        except hub_error():
            # The answer may be lost and the commit made; or another push came first, and ours must not follow it
            if landed := _already_committed(parcel, hub, parent):
                return landed
            raise

    return hub.patient("committing to", once)


def _addition(parcel: Upload, path: str) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    file = parcel.files[path]
    small = file.stat().st_size <= IN_MEMORY
    addition = CommitOperationAdd(path, file.read_bytes() if small else file)
    _check_addition(parcel, addition)
    return addition


def _check_addition(parcel: Upload, addition: CommitOperationAdd) -> None:
    """Refuse content that is not what was checked; large files are hashed on their way up."""
    path = addition.path_in_repo
    if addition.upload_info.is_hashed and addition.upload_info.sha256.hex() != parcel.hashes[path]:
        raise ReleaseError(f"{parcel.files[path]} changed while it was published; nothing was committed")


def _already_committed(parcel: Upload, hub: Hub, parent: str) -> str | None:
    """Return the commit that holds the parcel already, None where the repository stands at ``parent`` still."""
    remote = hub.seen()
    if remote.commit == parent:
        return None
    if remote.commit and upload_plan(parcel, remote.files).empty:
        return remote.commit
    raise ReleaseError(
        f"{hub.url} has moved on from {parent} to {remote.commit} while this was uploaded: another publication came "
        "first. Look at it, then run the same command again; what is uploaded is not sent again"
    )


def _bytes(parcel: Upload, paths: list[str]) -> int:
    return sum(parcel.files[path].stat().st_size for path in paths)


def _describe(
    parcel: Upload, hub: Hub, before: Remote, load: UploadPlan, state: str, commit: str | None
) -> dict[str, Any]:
    return {
        "state": state,
        "url": hub.url,
        "repo": parcel.repo,
        "private": before.private if before.commit else not parcel.public,
        "tag": parcel.tag,
        "commit": commit,
        "new": {path: parcel.files[path].stat().st_size for path in load.new},
        "there": load.there,
        "deleted": load.gone,
        "bytes": _bytes(parcel, load.new),
    }
