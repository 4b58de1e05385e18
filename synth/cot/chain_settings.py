"""The config of the chain-of-thought stage: its generators, how chains are requested and which ones count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from sources.record import ChainPrompt, Record
from synth.prompting import prompt_files
from synth.prompting.generators import GENERATORS, Generator, has_letters
from synth.prompting.option_orders import Order, option_order
from synth.teachers.candidates import Author

SAMPLED, HINTED, RECHECK = "cot", "cot-hinted", "cot-recheck"
"""Samples, samples with gold as a hint, and answers read from a hinted rationale alone."""

REPAIR, REPAIR_RECHECK = "cot-repair", "cot-repair-recheck"
"""A wrong sample rewritten from its faulty step on, and the answer read from that alone."""

RECHECKS = {HINTED: RECHECK, REPAIR: REPAIR_RECHECK}
"""The stages whose chains are verified without the question, and the stage that does it."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Cot:
    """One generator: the model that writes chains, the rows it gets, the number of chains, and their limits.

    - ``generator``: one of the six prompts; rows of ``sources`` are eligible (all that fit, if none is named)
    - ``gold``: "given" shows the right answer and the source's rationale, as Aloe does; "withheld" does not
    - ``samples`` a round, up to ``rounds`` rounds while none is right; ``keep`` different chains of a question
    - ``adaptive_samples``: 0, or the most samples of a question: one first, then ``samples`` at a time while none is
      right, in place of ``rounds``
    - ``shuffled``: share of the samples that see the options in another order
    - ``hints``: samples with gold as a hint once all rounds failed
    - ``hinted_share``: largest share of the kept rows with a hinted chain
    - ``repair_share``: largest share of the kept rows with a repaired chain; 0 repairs none
    - ``unanswered``: whether rows without a right chain are dropped or kept as they are
    - ``license``: the licence of what the model writes
    """

    generated_by: Author
    license: str
    generator: ChainPrompt
    gold: Literal["given", "withheld"]
    sources: tuple[str, ...] = ()
    samples: Annotated[int, Field(ge=1)] = 4
    rounds: Annotated[int, Field(ge=1)] = 3
    keep: Annotated[int, Field(ge=1)] = 1
    adaptive_samples: Annotated[int, Field(ge=0)] = 0
    shuffled: Annotated[float, Field(ge=0, le=1)] = 0.5
    hints: Annotated[int, Field(ge=0)] = 0
    hinted_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    repair_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    unanswered: Literal["drop", "pass"] = "drop"
    min_chars: Annotated[int, Field(ge=0)] = 150
    max_repeated: Annotated[float, Field(gt=0, le=1)] = 0.7
    max_repetition: Annotated[float, Field(gt=0, le=1)] = 0.3
    max_similarity: Annotated[float, Field(gt=0, le=1)] = 0.7
    temperature: Annotated[float, Field(ge=0)] = 0.8
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_tokens: Annotated[int, Field(ge=16)] = 1500
    seed: Annotated[int, Field(ge=0, lt=2**64)] = 0
    prompts: str = Field(default_factory=lambda: prompt_files.digest("cot"))

    def __post_init__(self) -> None:
        """Refuse hints where gold is given anyway, and for cases, whose rationale cannot be checked against options."""
        if self.hints and (self.gold == "given" or self.prompt.case):
            raise ValueError(
                f"hints is {self.hints} for {self.generator} with gold {self.gold}, expected 0: a hint is the gold "
                "answer of a multiple-choice question, from which it was withheld"
            )

        if self.repair_share and (self.gold == "given" or self.prompt.case):
            raise ValueError(
                f"repair_share is {self.repair_share} for {self.generator} with gold {self.gold}, expected 0: chains "
                "of multiple-choice questions are repaired where gold was withheld"
            )

    @property
    def prompt(self) -> Generator:
        """The generator of that name."""
        return GENERATORS[self.generator]

    def rounds_of_samples(self) -> Iterator[range]:
        """Yield the numbers of the samples of each round."""
        if not self.adaptive_samples:
            yield from (range(at, at + self.samples) for at in range(0, self.samples * self.rounds, self.samples))
            return
        yield range(1)
        for first in range(1, self.adaptive_samples, self.samples):
            yield range(first, min(first + self.samples, self.adaptive_samples))

    @property
    def most_requests(self) -> int:
        """The most requests about one row: samples, a repair and hints, these two with a recheck each."""
        return sum(map(len, self.rounds_of_samples())) + 2 * bool(self.repair_share) + 2 * self.hints

    def order(self, record: Record, stage: str, sample: int) -> Order:
        """Return the order in which a sample of a row saw its options; hinted samples see the source's.

        A repair has the number and the order of the sample that it repairs.
        """
        shuffles = stage in (SAMPLED, REPAIR, REPAIR_RECHECK) and has_letters(record)
        share = self.shuffled if shuffles else 0.0
        return option_order(record.id, sample, len(record.options), share=share, seed=self.seed)


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Chains:
    """The generators of a step; a row belongs to the generator that names its source."""

    generators: Annotated[tuple[Cot, ...], Field(min_length=1)]

    def __post_init__(self) -> None:
        """Refuse two generators for one row, and two of one name, whose figures would be mixed."""
        for what, names in (
            ("generator", [one.generator for one in self.generators]),
            ("source", [source for one in self.generators for source in one.sources]),
        ):
            if twice := [name for name, times in Counter(names).items() if times > 1]:
                raise ValueError(f"generators: the {what} {twice[0]} is named twice, expected once")
        if len(self.generators) > 1 and (without := [one.generator for one in self.generators if not one.sources]):
            raise ValueError(f"generators: {without[0]} names no sources, expected some, since it is not the only one")

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of all generators; none if the only generator takes rows of any source."""
        return tuple(source for one in self.generators for source in one.sources)

    def generator_of(self, source: str) -> Cot | None:
        """Return the generator of a source; None if its rows get no chain."""
        return next((one for one in self.generators if not one.sources or source in one.sources), None)
