"""The content of a release: data, ledger, figures, card, manifest."""
