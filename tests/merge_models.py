"""Checkpoints of random weights in Llama's shape, of any size, written without torch: for merges to work on."""

import json

import numpy as np

from training.merging.number_types import STORED_TYPES, narrowed
from training.merging.shards import INDEX, ShardWriter, Tensor, divide, index

TINY = {"layers": 4, "rows": 24, "width": 8, "inner": 16}
BILLION = {"layers": 16, "rows": 128_256, "width": 2048, "inner": 8192, "values": 512}  # Llama 3.2 1B


def shapes(layers, rows, width, inner, values=None, tied=True):
    values = values or width
    yield "model.embed_tokens.weight", (rows, width)
    for layer in range(layers):
        at = f"model.layers.{layer}"
        yield f"{at}.input_layernorm.weight", (width,)
        yield f"{at}.mlp.down_proj.weight", (width, inner)
        yield f"{at}.mlp.gate_proj.weight", (inner, width)
        yield f"{at}.mlp.up_proj.weight", (inner, width)
        yield f"{at}.post_attention_layernorm.weight", (width,)
        yield f"{at}.self_attn.k_proj.weight", (values, width)
        yield f"{at}.self_attn.o_proj.weight", (width, width)
        yield f"{at}.self_attn.q_proj.weight", (width, width)
        yield f"{at}.self_attn.v_proj.weight", (values, width)
    yield "model.norm.weight", (width,)
    if not tied:
        yield "lm_head.weight", (rows, width)


def config(layers, rows, width, inner, values=None, tied=True, **more):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64 or 2,
        "num_key_value_heads": (values or width) // 64 or 2,
        "vocab_size": rows,
        "tie_word_embeddings": tied,
        "dtype": "bfloat16",
        **more,
    }


def write_weights(folder, tensors, dtype="BF16", shard_bytes=5_000_000_000):
    """Write tensors by name, each a shape and what gives its numbers, in a type."""
    folder.mkdir(parents=True, exist_ok=True)
    made = dict(tensors)
    shards = divide([Tensor(name=n, dtype=dtype, shape=make[0]) for n, make in made.items()], shard_bytes)
    for shard in shards:
        writer = ShardWriter(folder / shard.name, shard)
        for tensor in shard.tensors:
            numbers = np.ascontiguousarray(made[tensor.name][1](), dtype=np.float32).reshape(-1)
            held = np.empty(len(numbers), dtype=STORED_TYPES[dtype])
            narrowed(numbers, dtype, held)
            writer.write(held.view(np.uint8))
        writer.close()
    if len(shards) > 1:
        (folder / INDEX).write_text(json.dumps(index(shards)))


def make(folder, seed=0, dtype="BF16", shard_bytes=5_000_000_000, changed=None, scale=0.02, **size):
    """Write a checkpoint; ``changed`` replaces tensors by name (None leaves one out)."""
    shape = {**TINY, **size}
    random = np.random.default_rng(seed)
    tensors = {
        name: (dims, lambda dims=dims: random.standard_normal(dims, dtype=np.float32) * np.float32(scale))
        for name, dims in shapes(**shape)
    }
    for name, numbers in (changed or {}).items():
        if numbers is None:
            del tensors[name]
        else:
            tensors[name] = (np.shape(numbers), lambda numbers=numbers: numbers)
    write_weights(folder, tensors, dtype, shard_bytes)
    (folder / "config.json").write_text(json.dumps(config(**shape)))
    return folder


def read(folder):
    """Return the tensors of a folder as float32 by name, read without the code under test's checks."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        header.pop("__metadata__")
        for name, entry in header.items():
            first, last = (start + offset for offset in entry["data_offsets"])
            held = np.frombuffer(content[first:last], dtype=STORED_TYPES[entry["dtype"]])
            numbers = (held.astype(np.uint32) << 16).view(np.float32) if entry["dtype"] == "BF16" else held
            found[name] = numbers.astype(np.float32).reshape(entry["shape"])
    return found
