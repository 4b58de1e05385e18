"""The decorator of the package's machine-coded loops: compiled once a machine, free of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function`` as machine code that threads run side by side, kept on disk between processes.

    Numba keeps it beside the source, or in the user's cache folder (``NUMBA_CACHE_DIR`` if set) where the source
    cannot be written. Where neither can be, every process compiles anew (some ten seconds): slow, never wrong.

    The kept code is renewed when the *file* of a function changes, not when a file that it calls into does. So a
    compiled function may call compiled functions of its own file only.
    """
    try:
        return cast(Callable[P, R], numba.njit(cache=True, nogil=True)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return cast(Callable[P, R], numba.njit(nogil=True)(function))
