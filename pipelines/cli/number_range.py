"""Numbers of options: a range that takes no NaN, which no comparison of a limit would stop."""

from __future__ import annotations

import math
from typing import Any

import click


class NumberRange(click.FloatRange):
    """``click.FloatRange`` that refuses NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; ``BadParameter`` for one outside the range, and for NaN."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number
