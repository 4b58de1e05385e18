"""The verbs of the command line as functions of Python, on tables in memory as well as files."""
