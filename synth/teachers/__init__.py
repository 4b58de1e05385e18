"""Language models: requests in, completions out."""
