"""The catalog: every source and benchmark by name. A new connector is one line here."""

from sources.connectors import medmcqa_sample
from sources.source import Benchmark, Source

SOURCES: dict[str, Source] = {source.name: source for source in (medmcqa_sample.MEDMCQA_SAMPLE,)}

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in (medmcqa_sample.MEDMCQA_VALIDATION,)}
