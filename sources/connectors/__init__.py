"""One file per corpus: its origin, its licence, and the conversion of one raw row to a draft."""
