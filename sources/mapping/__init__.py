"""Own files and sets of the Hub as sources: a mapping says which column holds which field."""
