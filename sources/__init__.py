"""The corpora: content, licence and revision of each, and the readers of their files."""
