"""Manifests for tests: as JSON, so that a test can change any part, and typed, as sabila reads them."""

import json

from pipelines.release import card as card_module
from pipelines.release import croissant as croissant_module
from pipelines.release import figures as figures_module
from pipelines.release import ledger_figures as ledger_figures_module
from pipelines.release import row_figures as row_figures_module
from pipelines.release import step_figures as step_figures_module
from pipelines.release.manifest import NOT_LISTED, _listed
from sources.atomic import write_json
from sources.releases.manifest_model import FORMAT, Manifest, StepSummary
from sources.releases.read_manifest import MANIFEST, content_hash


def load(folder):
    """Return the manifest of a release as JSON, unchecked."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def seal(manifest, folder):
    """List the files of a folder in a manifest made of JSON, whatever else it says, hash it and write it."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in NOT_LISTED]
    manifest.setdefault("format", FORMAT)
    manifest["files"] = [_listed(path, folder) for path in paths]
    manifest["hash"] = content_hash(manifest)
    write_json(folder / MANIFEST, manifest)


def summaries(steps):
    """Return steps as sabila reads them; what a test left out of one has a value that says nothing."""
    return [StepSummary.of(_whole(step)) for step in steps]


def typed(manifest):
    """Return a manifest as sabila reads it; what a test left out of its steps or lock says nothing."""
    lock = {name: {"files": {}, **entry} for name, entry in manifest.get("lock", {}).items()}
    return Manifest.of({**manifest, "steps": [_whole(step) for step in manifest["steps"]], "lock": lock})


def _whole(step):
    identity = {"step": step["name"], "config": None, **step.get("identity", {})}
    if "source" in identity:
        identity = {"files": [], "companions": {}, **identity}
        identity["source"] = {"license": "MIT", **identity["source"]}
    return {**step, "identity": identity}


def card(manifest, folder):
    return card_module.card(typed(manifest), folder)


def croissant(manifest, folder):
    return croissant_module.croissant(typed(manifest), folder)


def check_figures(manifest, folder):
    return figures_module.check_figures(typed(manifest), folder)


def figures(store, steps, folder):
    return figures_module.figures(store, summaries(steps), folder).to_json()


def row_figures(folder):
    return row_figures_module.row_figures(folder).to_json()


def ledger_figures(steps, folder):
    return ledger_figures_module.ledger_figures(steps, folder).to_json()


def stored_figures(store, steps):
    return step_figures_module.stored_figures(store, steps).to_json()


def teacher_figures(steps):
    return step_figures_module.teacher_figures(steps).to_json()
