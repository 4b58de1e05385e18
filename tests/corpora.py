"""Where the real corpora lie, for tests that read them; such a test skips, and says so, where they are not."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MIRROR = Path(os.environ.get("SABILA_MIRROR", ROOT.parent / "shared" / "data"))
needs_corpora = pytest.mark.skipif(not MIRROR.is_dir(), reason=f"no corpora in {MIRROR}; set SABILA_MIRROR")
