"""HTML pages of a release: the report in one file, and the browser of all rows."""
