"""Releases for tests: the embedded sample, built as a user builds it."""

from pathlib import Path

from tiny_recipe import sabila


def demo_release(place: Path, recipe: str = "demo", version: str = "1") -> Path:
    """Build a recipe of the embedded sample under ``place/store`` and return the folder of its release."""
    made = sabila("release", recipe, "--version", version, "--workers", "1", folder=place)
    assert made.returncode == 0, made.stderr
    return place / made.stdout.strip().splitlines()[-1]
