"""What sabila's functions return, as the JSON that ``--json`` prints: tests of programs compare that."""

from pipelines.diff import compare_releases


def diff(*folders, **options):
    return compare_releases.diff(*folders, **options).to_json()
