"""Releases made: frozen, rebuilt, exported."""
