"""The decorator of the compiled numeric loops: compiled once per machine, run without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

P = ParamSpec("P")
R = TypeVar("R")


class MachineCodeCache(FunctionCache):
    """Numba's cache of compiled functions, which loads a function without importing the whole compiler.

    Numba imports its compiler before it reads the cache, which takes 0.15 s. Cached code needs only the runtime; numba
    imports the compiler before it compiles.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function for argument types ``sig``; None where it is not in the cache."""
        runtime: Any = rtsys  # numba has no types
        load: Any = self._load_overload
        runtime.initialize(target_context)
        _import_arrays_without_blas()
        with self._guard_against_spurious_io_errors():
            return load(sig, target_context)


@cache
def _import_arrays_without_blas() -> None:
    """Import numba's array functions without ``scipy.linalg``, which takes 0.13 s.

    Numba needs it for matrix products in compiled code. No function here has one, and numba refuses to compile one
    where BLAS is absent.
    """
    import numba.np.linalg as linalg

    ensure_blas = linalg.ensure_blas

    def absent() -> None:
        raise ImportError("scipy.linalg is not loaded")

    linalg.ensure_blas = absent
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        linalg.ensure_blas = ensure_blas


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Return ``function`` as machine code that threads run side by side, cached on disk between processes.

    Numba stores the code beside the source, or in the user's cache folder (``NUMBA_CACHE_DIR`` if set) where the source
    folder is read-only. Where neither can be written, every process compiles again (some ten seconds).

    Cached code is renewed when the *file* of a function changes, not when a file that it calls into does. So a
    compiled function may call compiled functions of its own file only.
    """
    dispatcher: Any = numba.njit(nogil=True)(function)
    cached: Any = MachineCodeCache
    try:
        dispatcher._cache = cached(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    return cast(Callable[P, R], dispatcher)
