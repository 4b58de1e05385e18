"""Review of a release by people: a sample of rows, the page, sheets, and a summary of the verdicts."""
