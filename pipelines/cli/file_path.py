"""Options that are paths: an empty one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class FilePath(click.Path):
    """A path as ``pathlib.Path``. The empty text, as of an unset variable of the shell, would be the current folder."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; the call is refused where it is empty, or where it is not what the option needs."""
        if value == "":
            self.fail("the path is empty, expected a file or folder; is a variable of the shell unset?", param, ctx)
        return super().convert(value, param, ctx)
