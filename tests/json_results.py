"""What sabila's functions return, as the JSON that ``--json`` prints: tests of programs compare that."""

from dataclasses import asdict

from pipelines.diff import compare_releases
from pipelines.freeze import export_release
from pipelines.hub import publish as publish_release
from pipelines.hub import publish_model as publish_trained


def diff(*folders, **options):
    return compare_releases.diff(*folders, **options).to_json()


def publish(*arguments, **options):
    return publish_release.publish(*arguments, **options).to_json()


def publish_model(*arguments, **options):
    return publish_trained.publish_model(*arguments, **options).to_json()


def export(*arguments, **options):
    return asdict(export_release.export(*arguments, **options))
