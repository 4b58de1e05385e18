"""Releases: the types of a manifest, and reading one from a folder."""
