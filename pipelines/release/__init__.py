"""The content of a release: data, ledger, figures, card, manifest."""

from pipelines.callable_room import make_callable

make_callable(__name__)
