"""Weights in safetensors files, read and written one tensor at a time to bound memory.

The format (huggingface/safetensors, "Format"): eight bytes with the length of a JSON header, the header with type,
shape and position of every tensor, then their bytes without gaps. The safetensors library writes a file from tensors
that are all in memory, five gigabytes for a shard of the usual size; hence this reader and writer.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from training.training_errors import MergeError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

WIDTHS = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2}
WIDTHS |= {"F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1}

FLOATS = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}

HEADER_LIMIT = 100_000_000
GAP = 1 << 20

Raw = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor in a file: type by safetensors' name, shape, and the position of its bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int = 0

    @property
    def bytes(self) -> int:
        """Length in the file."""
        return math.prod(self.shape) * WIDTHS[self.dtype]


# --- reading -------------------------------------------------------------------------------------------------------


class ShardFile:
    """One file of weights, mapped into memory, and hashed while its tensors are read in order.

    Pages are read from disk on use and freed by ``release``. A disk failure under a mapping ends the process (SIGBUS),
    as with every reader of safetensors.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tensors = {tensor.name: tensor for tensor in _header(path)}
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._digest, self._hashed = xxhash.xxh3_128(), 0

    def read(self, tensor: Tensor) -> Raw:
        """Return the bytes of a tensor of this file, read from disk on use."""
        return np.frombuffer(self._map, dtype=np.uint8, count=tensor.bytes, offset=tensor.start)

    def expect(self, tensor: Tensor) -> None:
        """Start reading the bytes of a tensor."""
        self._advise(mmap.MADV_WILLNEED, tensor.start, tensor.bytes)

    def release(self, tensor: Tensor) -> None:
        """Release the memory of a tensor."""
        self._advise(mmap.MADV_DONTNEED, tensor.start, tensor.bytes)

    def hash(self, tensor: Tensor) -> None:
        """Add the bytes of a tensor, and the gap before it, to the file's hash.

        A tensor out of order is skipped; ``digest`` reads missing bytes again.
        """
        if 0 <= tensor.start - self._hashed <= GAP:
            self._advance(tensor.start + tensor.bytes)

    def digest(self) -> str:
        """Return the hash of the whole file (XXH3 of 128 bits): SHA-256 took a third of all the work of a merge."""
        while self._hashed < len(self._map):
            first, last = self._hashed, min(len(self._map), self._hashed + 64 * GAP)
            self._advance(last)
            self._advise(mmap.MADV_DONTNEED, first, last - first)
        return self._digest.hexdigest()

    def _advance(self, end: int) -> None:
        self._digest.update(
            np.frombuffer(self._map, dtype=np.uint8, count=end - self._hashed, offset=self._hashed).data
        )
        self._hashed = end

    def _advise(self, advice: int, start: int, length: int) -> None:
        page = start - start % mmap.PAGESIZE
        if length:
            self._map.madvise(advice, page, start + length - page)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The weights of a model folder: its files, and the file of each tensor."""

    folder: Path
    files: tuple[ShardFile, ...]
    places: Mapping[str, ShardFile]

    def tensor(self, name: str) -> Tensor:
        """Return the header entry of a tensor, without reading it."""
        return self.places[name].tensors[name]

    def read(self, name: str) -> Raw:
        """Return the bytes of a tensor, read from disk on use."""
        return self.places[name].read(self.tensor(name))

    def expect(self, name: str) -> None:
        """Start reading the bytes of a tensor."""
        self.places[name].expect(self.tensor(name))

    def hash(self, name: str) -> None:
        """Add the bytes of a tensor to the hash of its file."""
        self.places[name].hash(self.tensor(name))

    def release(self, name: str) -> None:
        """Release the memory of a tensor."""
        self.places[name].release(self.tensor(name))

    def names(self) -> list[str]:
        """Return the names of all tensors, in the order of the files and of their positions there."""
        return [t.name for file in self.files for t in sorted(file.tensors.values(), key=lambda t: t.start)]


def open_checkpoint(folder: Path) -> Checkpoint:
    """Return the weights of a model folder; ``MergeError`` where there are none, or a file is invalid."""
    files = tuple(ShardFile(folder / name) for name in _file_names(folder))
    places: dict[str, ShardFile] = {}
    for file in files:
        for name in file.tensors:
            if name in places:
                raise MergeError(f"{name} is in {places[name].path} and in {file.path}, expected it once: fetch again")
            places[name] = file
    return Checkpoint(folder=folder, files=files, places=places)


def _file_names(folder: Path) -> list[str]:
    if (folder / INDEX).is_file():
        return _indexed(folder)
    if (folder / SINGLE).is_file():
        return [SINGLE]
    other = sorted(
        path.name for pattern in ("*.safetensors", "*.bin", "*.gguf", "*.pt*") for path in folder.glob(pattern)
    )
    raise MergeError(f"{folder} has no {SINGLE} and no {INDEX}{_advice(other)}")


def _advice(other_files: Sequence[str]) -> str:
    if "adapter_model.safetensors" in other_files:
        return ", but an adapter: merge it into its base first (peft's merge_and_unload), then name that folder"
    if other_files:
        return f", but {other_files[0]}: load the model with transformers and save it again, which writes safetensors"
    return ", expected the folder of a model as transformers saves it"


def _indexed(folder: Path) -> list[str]:
    path = folder / INDEX
    try:
        names = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MergeError(f"{path} is not an index of weights ({error!r}): fetch it again") from error
    for name in map(str, names):
        if Path(name).name != name or not (folder / name).is_file():
            raise MergeError(f"{path} names {name}, which is not in {folder}: fetch it again")
    return names


def _header(path: Path) -> list[Tensor]:
    """Return the tensors listed in a file's header, after checking that the file has exactly their bytes."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length) if length <= HEADER_LIMIT else b"")
            header.pop("__metadata__", None)
            tensors, end = [_entry(name, entry, 8 + length) for name, entry in header.items()], 8 + length
    except OSError as error:
        raise MergeError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MergeError(
            f"{path} does not begin with the header of a safetensors file ({error}): fetch it again"
        ) from error
    for tensor in sorted(tensors, key=lambda tensor: tensor.start):
        if tensor.start != end:
            raise MergeError(f"{path} places {tensor.name} at byte {tensor.start}, expected {end}: fetch it again")
        end += tensor.bytes
    if (size := path.stat().st_size) != end:
        raise MergeError(f"{path} has {size:,} bytes, expected {end:,} by its own header: fetch it again")
    return tensors


def _entry(name: str, entry: dict[str, Any], data: int) -> Tensor:
    first, last = entry["data_offsets"]
    if entry["dtype"] not in WIDTHS:
        raise ValueError(f"{name} is of type {entry['dtype']}, expected one of {', '.join(WIDTHS)}")
    tensor = Tensor(name=name, dtype=entry["dtype"], shape=tuple(entry["shape"]), start=data + first)
    if tensor.bytes != last - first:
        raise ValueError(f"{name} has {last - first} bytes")
    return tensor


# --- writing -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A file to write: its name, and its tensors in the order of writing."""

    name: str
    tensors: tuple[Tensor, ...]


def divide(tensors: Iterable[Tensor], most: int) -> tuple[Shard, ...]:
    """Return the files for tensors in their order, each of ``most`` bytes or fewer unless one tensor alone is larger.

    Within a file wider types come first, which keeps every tensor aligned to its type.
    """
    groups: list[list[Tensor]] = [[]]
    room = most
    for tensor in tensors:
        if groups[-1] and tensor.bytes > room:
            groups.append([])
            room = most
        groups[-1].append(tensor)
        room -= tensor.bytes
    count = len(groups)
    names = [SINGLE] if count == 1 else [f"model-{n:05d}-of-{count:05d}.safetensors" for n in range(1, count + 1)]
    by_width = [tuple(sorted(group, key=lambda tensor: -WIDTHS[tensor.dtype])) for group in groups]
    return tuple(Shard(name=name, tensors=group) for name, group in zip(names, by_width, strict=True))


class ShardWriter:
    """Writes one shard, tensor after tensor; the file is complete when it is closed."""

    def __init__(self, path: Path, shard: Shard) -> None:
        self._file = path.open("xb", buffering=0)
        header = np.frombuffer(_header_bytes(shard), dtype=np.uint8)
        # Allocated in advance, so that a full disk is reported before the work.
        os.posix_fallocate(self._file.fileno(), 0, len(header) + sum(tensor.bytes for tensor in shard.tensors))
        self.write(header)

    def write(self, content: Raw) -> None:
        """Append the bytes of the next tensor."""
        left = content.data
        while left:
            left = left[self._file.write(left) or 0 :]

    def close(self) -> None:
        """Sync the file and close it."""
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close the file without completing it."""
        self._file.close()


def _header_bytes(shard: Shard) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for tensor in shard.tensors:
        offsets = [place, place + tensor.bytes]
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        place = offsets[1]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def index(shards: Sequence[Shard]) -> dict[str, Any]:
    """Return the content of the index over several shards."""
    places = {tensor.name: shard.name for shard in shards for tensor in shard.tensors}
    size = sum(tensor.bytes for shard in shards for tensor in shard.tensors)
    return {"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))}
