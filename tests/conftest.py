"""What several test files share: the embedded demo, built and released once."""

import os

import pytest
from hub_releases import hub, releases
from releases import demo_release

os.environ.pop("COLUMNS", None)  # workers of a parallel run inherit a width of 80, which breaks tables

__all__ = ["demo_store", "hub", "releases"]


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory):
    """Return the folder above a store that holds demo@1 and demo_dpo@1; read it, copy it, never write into it."""
    place = tmp_path_factory.mktemp("demo")
    demo_release(place)
    demo_release(place, "demo_dpo")
    return place / "store"
