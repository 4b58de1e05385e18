"""What a connector expects of the rows of a file, and files that no longer have it."""
