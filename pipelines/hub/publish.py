"""A release on the Hub: checked again as a whole, then published as one commit and a tag of its version."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.hub.client import Say
from pipelines.hub.push import Published, Upload, send
from pipelines.storage.secrets import secrets, without_secrets
from sources.license import Use
from sources.releases.manifest_model import Manifest
from sources.releases.read_manifest import MANIFEST, ReleaseError, file_hash, load

REPORT = "report.html"

PERSONAL_DATA = "sabila-personal-data"
"""The name in the report's head of the field for masked personal data."""

COMPLETIONS = "completions/"

OPTIONAL = (r"report\.html", r"completions/.*")
"""Paths, as regular expressions, that may be missing from a version."""

OWNED = (r"data/.*", r"ledger/.*", r"reviews/.*", r"benchmark_items\.parquet", r"croissant\.json", *OPTIONAL)
"""Paths of an older version that a new one must not keep."""


def publish(
    folder: Path,
    repo: str,
    say: Say,
    *,
    public: bool = False,
    use: Use = "any",
    with_report: bool = False,
    with_completions: bool = False,
    dry_run: bool = False,
) -> Published:
    """Publish the release in ``folder`` to the dataset ``repo`` (``ORG/NAME``) and return a summary.

    Rows, ledger, card and metadata are published, completions (which contain prompts of dropped rows) only
    ``with_completions``, the report only ``with_report``. Raises ``ReleaseError`` with all errors where the release
    differs from its manifest, its licences forbid ``use``, or it contains secrets, and the errors of
    ``pipelines.hub.push.send``.
    """
    check_repo(repo)
    manifest = load(folder)
    files = _files(folder, manifest, {REPORT: with_report, COMPLETIONS: with_completions})
    say(f"checking {manifest.title}")
    check(folder, files, use, private=not public)
    if dry_run:
        say(f"{manifest.title} matches its manifest and may be published; contacting the Hub")
    return send(_upload(manifest, files, repo, public=public), say, dry_run=dry_run)


def _upload(manifest: Manifest, files: dict[str, Path], repo: str, *, public: bool) -> Upload:
    listed = {entry.path: entry.sha256 for entry in manifest.files}
    return Upload(
        repo=repo,
        kind="dataset",
        public=public,
        tag=manifest.version,
        title=f"{manifest.name} {manifest.version}, manifest {manifest.hash}",
        files=files,
        hashes={path: listed.get(path) or file_hash(file) for path, file in files.items()},
        record=MANIFEST,
        owned=OWNED,
        optional=OPTIONAL,
        same=lambda published: published.get("hash") == manifest.hash,
        name=lambda published: published.get("name"),
        called=manifest.name,
    )


def check_repo(repo: str) -> None:
    """Raise ``ReleaseError`` for an invalid name of a repository."""
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repo, re.ASCII) or len(repo) > 96 or ".." in repo or "--" in repo:
        raise ReleaseError(
            f"repo is {repo!r}, expected ORG/NAME in letters, digits and single . _ - as the Hub requires"
        )


def check(folder: Path, files: dict[str, Path], use: Use, *, private: bool) -> None:
    """Raise ``ReleaseError`` with every reason against publication: errors, licences, or secrets."""
    from pipelines.release.license_check import conflicts
    from pipelines.verify.verify_release import verify

    if broken := [finding.describe() for finding in verify(folder).findings]:
        raise ReleaseError(refusal(folder, "differs from its manifest", broken))
    if wrong := [conflict.describe() for conflict in conflicts(folder, use=use, private=private)]:
        raise ReleaseError(refusal(folder, f"may not be published for use {use!r}", wrong))
    if REPORT in files and f'"{PERSONAL_DATA}" content="masked"'.encode() not in files[REPORT].read_bytes():
        raise ReleaseError(
            f"{files[REPORT]} may show unmasked personal data of dropped rows; "
            "write it again with sabila report, or publish without it"
        )
    if secrets_found := secrets(files.items()):
        raise ReleaseError(refusal(folder, "seems to contain secrets; revoke them, then remove them", secrets_found))


def _files(folder: Path, manifest: Manifest, optional: dict[str, bool]) -> dict[str, Path]:
    """Return the files to publish by path: those of the manifest, the manifest, and the requested ``optional`` ones."""
    paths = [*(entry.path for entry in manifest.files), MANIFEST, REPORT]
    paths = [path for path in paths if all(included for name, included in optional.items() if path.startswith(name))]
    if outside := [path for path in paths if not (folder / path).resolve().is_relative_to(folder.resolve())]:
        raise ReleaseError(f"{folder / MANIFEST} lists {outside[0]!r}, expected only files inside the release")
    if missing := [path for path in paths if not (folder / path).is_file()]:
        raise ReleaseError(f"{folder} has no {missing[0]}; create it, or publish without it")
    return {path: folder / path for path in paths}


def refusal(folder: Path, what: str, reasons: list[str]) -> str:
    """Return the reasons against a publication, one per line, without any secret that a reason may quote."""
    return "\n".join([f"{folder} {what}:", *(f"  {without_secrets(reason)}" for reason in reasons)])
