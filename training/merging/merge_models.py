"""Merging of several models of one architecture, tensor by tensor, with one tensor at a time in memory.

Reading ahead, hashing, arithmetic and writing run in parallel; the result depends on none of that. See
``training.merging.merge_config`` for the options, ``training.merging.arithmetic`` for the formulas.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sources.atomic import write_bytes
from sources.license import contradiction, joint
from training.data.end_of_turn import ids
from training.lineage import describe_step
from training.merging.arithmetic import FORMULAS
from training.merging.merge_config import MergeConfig, merge_yaml
from training.merging.merged_folder import check_output_folder, new_folder
from training.merging.number_types import STORED_TYPES, Floats, Raw, Span, narrowed, widened
from training.merging.shards import INDEX, ShardWriter, index
from training.merging.tensor import Memory, Merging, Scratch
from training.merging.tensor_plan import Job, Plan, planned
from training.merging.tokenizer import write_tokenizer
from training.merging.vocabulary import by_token, taken_by_row
from training.model_card import merge_card
from training.training_errors import MergeError

RECORD = "merge.json"
SHARD_BYTES = 5_000_000_000

ReportProgress = Callable[[int, int], None]


def merge(
    config: MergeConfig,
    out: Path,
    *,
    shard_bytes: int = SHARD_BYTES,
    threads: int | None = None,
    report_progress: ReportProgress | None = None,
) -> dict[str, Any]:
    """Merge models into the new folder ``out`` and return the record written there as ``merge.json``.

    ``report_progress`` receives the bytes written and the bytes in all. The result does not depend on the number of
    ``threads`` (by default the cores). Raises ``MergeError`` where models do not fit, contain NaN or infinities, or the
    disk is full; then there is no ``out``.
    """
    plan = planned(config, shard_bytes)
    with new_folder(out, plan.bytes) as folder:
        _write_weights(plan, folder, threads or os.cpu_count() or 1, report_progress or (lambda done, total: None))
        record = _record(plan, folder)
        _write_rest(plan, folder, record)
    return record


def plan_of(config: MergeConfig, out: Path, shard_bytes: int = SHARD_BYTES) -> dict[str, Any]:
    """Return the plan of a merge into ``out`` after all checks that need no arithmetic; nothing is written."""
    plan = planned(config, shard_bytes)
    check_output_folder(out, plan.bytes)
    parameters = {name: {"models": list(job.own), **job.shared} for name, job in plan.jobs.items() if job.merged}
    return {
        "method": config.method,
        "models": [model.name for model in plan.models],
        "tensors": len(plan.jobs),
        "bytes": plan.bytes,
        "shards": {shard.name: len(shard.tensors) for shard in plan.shards},
        "largest_tensor_bytes": max((job.result.bytes for job in plan.jobs.values()), default=0),
        **plan.choice.describe(),
        "notes": list(plan.notes),
        "parameters": parameters,
    }


# --- weights -------------------------------------------------------------------------------------------------------


class _ThreadPools:
    """The threads of a merge: one that writes, one per model that hashes, and a pool for arithmetic."""

    def __init__(self, opened: ExitStack, models: Sequence[str], count: int) -> None:
        self.writer = opened.enter_context(ThreadPoolExecutor(1))
        self.hashers = {model: opened.enter_context(ThreadPoolExecutor(1)) for model in models}
        self.pool = opened.enter_context(ThreadPoolExecutor(count)) if count > 1 else None
        self.memory, self.scratch = Memory(), Scratch()


def _write_weights(plan: Plan, folder: Path, threads: int, report_progress: ReportProgress) -> None:
    """Write all shards."""
    done, total = 0, plan.bytes
    with ExitStack() as files, ExitStack() as opened:  # threads end before the files that they write are closed
        thread_pools = _ThreadPools(opened, [model.name for model in plan.models], threads)
        results = _results(plan, thread_pools)
        for shard in plan.shards:
            writer = ShardWriter(folder / shard.name, shard)
            files.callback(writer.abandon)
            writing: Future[None] | None = None
            for tensor in shard.tensors:
                content = next(results)
                if writing is not None:
                    writing.result()
                writing = thread_pools.writer.submit(_write, writer, content, thread_pools.memory)
                done += tensor.bytes
                report_progress(done, total)
            if writing is not None:
                writing.result()
            writer.close()


def _write(writer: ShardWriter, content: Raw, memory: Memory) -> None:
    writer.write(content)
    memory.give(content)


def _results(plan: Plan, thread_pools: _ThreadPools) -> Iterator[Raw]:
    """Yield the bytes of every tensor of the result in the order of writing; the next is read while one is merged."""
    jobs = [plan.jobs[tensor.name] for shard in plan.shards for tensor in shard.tensors]
    for job, following in zip(jobs, [*jobs[1:], None], strict=True):
        hashing = []
        for model in plan.models:
            if following is not None:
                model.weights.expect(following.sources[model.name])
            hashing.append(thread_pools.hashers[model.name].submit(model.weights.hash, job.sources[model.name]))
        yield _merged(plan, job, thread_pools)
        for each in hashing:
            each.result()
        for model in plan.models:
            model.weights.release(job.sources[model.name])


def _merged(plan: Plan, job: Job, thread_pools: _ThreadPools) -> Raw:
    """Return the bytes of one tensor of the result, in an array of their own."""
    contents = {model.name: model.weights.read(job.sources[model.name]) for model in plan.models}
    result = thread_pools.memory.take(job.result.bytes)
    if not job.merged:
        result[:] = _same(job, contents)
        return result
    numbers = {model: _numbers(plan, job, model, contents) for model in contents}
    merging = plan.merge
    work = Merging(
        name=job.result.name,
        shape=job.result.shape,
        models=[numbers[model] for model in merging.models],
        base=numbers[merging.base_model] if merging.rules.needs_base and merging.base_model else None,
        seed=merging.seed,
        pool=thread_pools.pool,
        scratch=thread_pools.scratch,
    )
    formula = FORMULAS[merging.method](work, job.own, job.shared)
    numbers_out = result.view(STORED_TYPES[job.result.dtype])

    def place(span: Span) -> None:
        if not narrowed(formula(span), job.result.dtype, numbers_out[span.first : span.last]):
            raise MergeError(
                f"{job.result.name} becomes too large for {job.result.dtype}: "
                "lower the weights, or set out_dtype: bfloat16"
            )

    work.each(place)
    return result


def _same(job: Job, contents: dict[str, Raw]) -> Raw:
    """Return the bytes of a tensor that is no weight and must be equal in all models."""
    first, *others = contents.items()
    for model, content in others:
        if not np.array_equal(content, first[1]):
            raise MergeError(
                f"{job.result.name} is {job.result.dtype} and differs between {first[0]} and {model}, "
                "expected equal: only weights are merged; leave one of the models out"
            )
    return first[1]


def _numbers(plan: Plan, job: Job, model: str, contents: dict[str, Raw]) -> Floats:
    """Return a tensor of a model as numbers, its rows in the order of the result's tokens."""
    content, dtype = contents[model], _dtype(plan, job, model)
    label = f"{job.sources[model]} of {model}"
    rows = plan.rows[model] if by_token(job.result.name) else None
    if rows is None or plan.choice.tokenizer is None:
        return Floats(content, dtype, label)
    chosen = plan.choice.tokenizer.model
    filled, theirs = contents[chosen], _dtype(plan, job, chosen)
    if dtype != theirs:
        content, filled, dtype = _as_f32(content, dtype), _as_f32(filled, theirs), "F32"
    return Floats(taken_by_row(content, rows, filled), dtype, label)


def _dtype(plan: Plan, job: Job, model: str) -> str:
    return plan.model(model).weights.tensor(job.sources[model]).dtype


def _as_f32(content: Raw, dtype: str) -> Raw:
    stored = content.view(STORED_TYPES[dtype])
    wide = np.empty(len(stored), dtype=np.float32)
    widened(stored, dtype, wide)
    return wide.view(np.uint8)


# --- besides the weights ------------------------------------------------------------------------------------------


def _write_rest(plan: Plan, folder: Path, record: dict[str, Any]) -> None:
    """Write tokenizer, configurations, card and records."""
    write_tokenizer(plan.choice, folder)
    for name, content in _extra_files(plan).items():
        write_bytes(folder / name, content)
    write_bytes(folder / "mergekit_config.yml", merge_yaml(plan.merge).encode())
    if len(plan.shards) > 1:
        write_bytes(folder / INDEX, _text(index(plan.shards)))
    write_bytes(folder / "config.json", _text(plan.config))
    write_bytes(folder / "README.md", merge_card(record).encode())
    write_bytes(folder / RECORD, _text(record))


def _extra_files(plan: Plan) -> dict[str, bytes]:
    """Return the files copied unchanged from one model: generation settings, and its own code."""
    origin = plan.models[0]
    code = sorted(origin.folder.glob("*.py")) if origin.config.get("auto_map") else []
    files = {path.name: path.read_bytes() for path in code}
    return {**files, **_generation(plan)}


def _generation(plan: Plan) -> dict[str, bytes]:
    """Return generation_config.json of the speaker, with the end token of the chat template."""
    path, end = plan.model(plan.choice.speaker).folder / "generation_config.json", plan.choice.end
    if not path.is_file():
        return {}  # config.json says where generation ends
    content = path.read_bytes()
    values = json.loads(content)
    stops = ids(values.get("eos_token_id"))
    if end is None or end[1] in stops:
        return {path.name: content}
    return {path.name: _text({**values, "eos_token_id": [*stops, end[1]]})}


def _record(plan: Plan, folder: Path) -> dict[str, Any]:
    """Return the record of a merge: inputs by content hash, and results."""
    license = joint(model.license for model in plan.models)
    return {
        "license": license,
        "license_conflict": contradiction(license),
        "lineage": describe_step("merge", None, [dict(model.origin) for model in plan.models]),
        "config": dict(plan.merge.raw),
        "method": {"name": plan.merge.method, "paper": plan.merge.rules.paper},
        "inputs": [
            {
                "model": model.name,
                "revision": model.revision,
                "license": model.license,
                "release": model.release,
                "files": {
                    file.path.name: {"bytes": file.path.stat().st_size, "xxh3_128": file.digest()}
                    for file in model.weights.files
                },
            }
            for model in plan.models
        ],
        "tensors": len(plan.jobs),
        "bytes": plan.bytes,
        "files": {shard.name: (folder / shard.name).stat().st_size for shard in plan.shards},
        **plan.choice.describe(),
        "notes": list(plan.notes),
        "libraries": {
            "sabila": version("sabila"),
            "numpy": version("numpy"),
            "numba": version("numba"),
            "python": platform.python_version(),
        },
    }


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
