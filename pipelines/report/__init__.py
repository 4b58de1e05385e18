"""A release as pages: the report in one file, and the page over all of its rows."""
