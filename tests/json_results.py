"""What sabila's functions return, as the JSON that ``--json`` prints: tests of programs compare that."""

from dataclasses import asdict

from pipelines.diff import compare_releases
from pipelines.freeze import export_release
from pipelines.hub import publish as publish_release
from pipelines.hub import publish_model as publish_trained
from pipelines.trace import history_text as trace_text
from pipelines.trace import row_history as trace_row
from pipelines.trace.row_event import RowEvent


def diff(*folders, **options):
    return compare_releases.diff(*folders, **options).to_json()


def publish(*arguments, **options):
    return publish_release.publish(*arguments, **options).to_json()


def publish_model(*arguments, **options):
    return publish_trained.publish_model(*arguments, **options).to_json()


def export(*arguments, **options):
    return asdict(export_release.export(*arguments, **options))


def row_history(*arguments, **options):
    return [event.to_json() for event in trace_row.row_history(*arguments, **options)]


def events_of(history, row):
    return [event.to_json() for event in history.events(row)]


def history_text(row, events):
    return trace_text.history_text(row, [RowEvent.of(event) for event in events])
