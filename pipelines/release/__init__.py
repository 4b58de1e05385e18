"""What a release consists of: data, ledger, figures, card, manifest."""
