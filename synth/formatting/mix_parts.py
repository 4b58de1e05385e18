"""The parts of a mix: the rows and the token share of each.

Aloe Beta is 60% public medical rows, 20% synthetic ones and 20% general ones, of which instructions are 67.5%, function
calls 17.5% and long contexts 15% (arXiv 2505.04388, sections on data).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

FORBID = ConfigDict(extra="forbid")
Name = Annotated[str, Field(min_length=1)]


WRITTEN = "$.cot.origin"
"""The path in ``meta`` of a row whose response a teacher wrote (``chosen_chains``)."""


@checked(frozen=True, kw_only=True, config=FORBID)
class Pick:
    """Rows from ``sources`` (patterns such as ``medqa_*``) with one of ``tasks``; an empty field matches every row.

    ``teacher`` selects rows whose response a teacher wrote, or rows whose response none did.
    """

    sources: tuple[Name, ...] = ()
    tasks: tuple[Name, ...] = ()
    teacher: bool | None = None


@checked(frozen=True, kw_only=True, config=FORBID)
class Part:
    """A share of the tokens of the mix or of a larger part: rows that match any of ``picks``, or smaller ``parts``."""

    name: Name
    share: Annotated[float, Field(gt=0, le=1)]
    picks: tuple[Pick, ...] = ()
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.picks) == bool(self.parts):
            raise ValueError(
                f"part {self.name!r} has {len(self.picks)} picks and {len(self.parts)} parts, expected one"
            )
        if self.parts:
            check_whole(self.parts, f"parts of {self.name!r}")


def check_whole(parts: tuple[Part, ...], what: str) -> None:
    """Raise ``ValueError`` unless shares sum to 1 and names differ."""
    total = sum(part.share for part in parts)
    if abs(total - 1) > 1e-9:
        raise ValueError(f"shares of the {what} sum to {total:g}, expected 1")
    if len({part.name for part in parts}) < len(parts):
        raise ValueError(f"two {what} have one name: {', '.join(part.name for part in parts)}")


ALOE_SHARES = (0.6, 0.2, 0.2)
"""Public medical rows, synthetic ones, general ones."""

ALOE_GENERAL = (0.675, 0.175, 0.15)
"""Of the general rows: instructions, function calls, long contexts."""


def aloe_parts(
    instruction: tuple[Name, ...],
    synthetic: tuple[Name, ...],
    shares: tuple[float, float, float] = ALOE_SHARES,
    general: tuple[float, float, float] = ALOE_GENERAL,
) -> tuple[Part, ...]:
    """Return Aloe Beta's parts with these shares, given the sources of instructions and of synthetic rows.

    A row belongs to the first part that matches. Rows that a teacher of the build wrote are synthetic too; function
    calls and long contexts are recognised by their task, and all other rows are public medical ones. Raises
    ``ValueError`` where no source is named, and pydantic's ``ValidationError`` for a share that is not above 0.
    """
    if not (instruction and synthetic):
        raise ValueError(f"instruction is {instruction}, synthetic is {synthetic}; expected one source or more in each")
    names = ("instruction", "function-calling", "long-context")
    takes = (Pick(sources=instruction), Pick(tasks=names[1:2]), Pick(tasks=names[2:]))
    inner = tuple(
        Part(name=name, share=share, picks=(pick,)) for name, share, pick in zip(names, general, takes, strict=True)
    )
    return (
        Part(name="synthetic", share=shares[1], picks=(Pick(teacher=True), Pick(sources=synthetic))),
        Part(name="general", share=shares[2], parts=inner),
        Part(name="medical", share=shares[0], picks=(Pick(),)),
    )


def part_of(parts: tuple[Part, ...]) -> pl.Expr:
    """Return the path (``general/instruction``) of the first part that matches a row, null where none does."""
    taken = (
        pl.when(pl.any_horizontal(_picks(pick) for pick in part.picks)).then(pl.lit(path))
        for path, _, part in leaves(parts)
    )
    return pl.coalesce(*taken, pl.lit(None, pl.String))


def _picks(pick: Pick) -> pl.Expr:
    conditions = [pl.lit(True)]
    if pick.sources:
        patterns = "|".join(re.escape(source).replace(r"\*", ".*") for source in pick.sources)
        conditions.append(pl.col("source").str.contains(f"^(?:{patterns})$"))
    if pick.tasks:
        conditions.append(pl.col("task").is_in(pick.tasks))
    if pick.teacher is not None:
        conditions.append(pl.col("meta").str.json_path_match(WRITTEN).is_not_null() == pick.teacher)
    return pl.all_horizontal(conditions)


def leaves(parts: tuple[Part, ...], path: str = "", share: float = 1.0) -> Iterator[tuple[str, float, Part]]:
    """Yield (path, share of the whole, part) for every part without smaller parts."""
    for part in parts:
        place = f"{path}{part.name}"
        if part.parts:
            yield from leaves(part.parts, f"{place}/", share * part.share)
        else:
            yield place, share * part.share, part


def shared_out(
    parts: tuple[Part, ...], present: set[str], path: str = "", share: float = 1.0
) -> Iterator[tuple[str, float]]:
    """Yield (path, share of the whole) of parts ``present``; shares of absent ones are divided among their siblings."""
    there = [part for part in parts if any(f"{path}{leaf}" in present for leaf, _, _ in leaves((part,)))]
    total = sum(part.share for part in there)
    for part in there:
        own = share * part.share / total
        if part.parts:
            yield from shared_out(part.parts, present, f"{path}{part.name}/", own)
        else:
            yield f"{path}{part.name}", own
