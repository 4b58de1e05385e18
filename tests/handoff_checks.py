"""What another trainer makes of an export: run by that trainer's own Python, ``handoff_checks.py TOOL FOLDER KIND``.

Prints one JSON object: the settings as the tool's parser has them, how many rows its reader takes, and the text of the
first row as it would be trained on. Packages that a tool imports and that need a GPU are stood in for.
"""

import argparse
import ast
import json
import os
import shlex
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def stand_in(*names):
    """Let a package that is not here be imported, whatever is taken from it."""
    for name in names:
        module = ModuleType(name)
        module.__spec__, module.__path__, module.__version__ = ModuleSpec(name, None), [], "2.8.3"
        module.__getattr__ = lambda _: MagicMock()
        sys.modules[name] = module


def tokenizer():
    """Return a tokenizer of single characters that writes conversations as ``TEMPLATE`` says."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = {chr(n): n for n in range(0x250)} | {"<unk>": 0x250, "<|end|>": 0x251, "<pad>": 0x252}
    made = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Split(Regex("."), "isolated"), decoders.Fuse()
    special = {"unk_token": "<unk>", "eos_token": "<|end|>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, chat_template=TEMPLATE, **special)


# --- LLaMA-Factory -------------------------------------------------------------------------------------------------


def llama_factory(kind):
    """Parse the YAML as ``llamafactory-cli train`` does, then read the dataset that it names."""
    stand_in("torchaudio")
    import yaml
    from llamafactory.data.loader import _load_single_dataset
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams.parser import get_train_args

    given = yaml.safe_load(Path(f"{kind}.yaml").read_text(encoding="utf-8"))
    model, data, training, tuning, _ = get_train_args({**given, "bf16": False})  # which wants a GPU
    [attributes] = get_dataset_list(data.dataset, data.dataset_dir)
    rows = _load_single_dataset(attributes, model, data, training)
    whole = [row for row in rows if row["_prompt"] and row["_response"]]
    return {
        "settings": {
            "stage": tuning.stage,
            "learning_rate": training.learning_rate,
            "epochs": training.num_train_epochs,
            "sequence": data.cutoff_len + bool(data.packing),
            "beta": tuning.pref_beta,
            "ranking": bool(attributes.ranking),
        },
        "rows": len(whole),
        "first": [turn["content"] for turn in (*whole[0]["_prompt"], *whole[0]["_response"])],
    }


# --- axolotl -------------------------------------------------------------------------------------------------------


def axolotl(kind):
    """Parse the YAML as ``axolotl train`` does, every key known, then read its dataset by its prompt strategy."""
    import yaml
    from axolotl.prompt_strategies import load as load_sft
    from axolotl.prompt_strategies.dpo import load as load_dpo
    from axolotl.utils.config import validate_config
    from axolotl.utils.data.shared import load_dataset_with_config
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig
    from axolotl.utils.schemas.datasets import DPODataset, SFTDataset

    given = yaml.safe_load(Path(f"{kind}.yaml").read_text(encoding="utf-8"))
    unknown = set(given) - set(AxolotlInputConfig.model_fields)
    unknown |= set(given["datasets"][0]) - set((SFTDataset if kind == "sft" else DPODataset).model_fields)
    assert not unknown, f"axolotl knows no {unknown}"
    config = validate_config(DictDefault(given))
    [source] = config.datasets
    rows = load_dataset_with_config(source, use_auth_token=False)
    if kind == "sft":
        strategy = load_sft(source.type, tokenizer(), config, source)
        tokens = [strategy.tokenize_prompt(row) for row in rows]
        learnt = [token for token in tokens[0]["labels"] if token != -100]
        first = [tokenizer().decode(tokens[0]["input_ids"]), tokenizer().decode(learnt)]
    else:
        transform, _ = load_dpo(source.type, config, dataset_idx=0)
        pairs = [transform(row, tokenizer()) for row in rows]
        first = [pairs[0][side] for side in ("prompt", "chosen", "rejected")]
    return {
        "settings": {
            "stage": config.rl or "sft",
            "learning_rate": float(config.learning_rate),
            "epochs": float(config.num_epochs),
            "sequence": config.sequence_len,
            "beta": config.rl_beta,
        },
        "rows": len(rows),
        "first": first,
    }


# --- OpenRLHF ------------------------------------------------------------------------------------------------------


def openrlhf(kind):
    """Parse the script's words by the trainer's own main block, then read its dataset by its own reader."""
    stand_in(
        "flash_attn", "flash_attn.bert_padding", "flash_attn.utils", "flash_attn.utils.distributed", "bitsandbytes"
    )
    from openrlhf.datasets import RewardDataset, SFTDataset
    from openrlhf.datasets.utils import blending_datasets

    script = Path(f"{kind}.sh").read_text(encoding="utf-8")
    call = shlex.split(script.replace("\\\n", " "), comments=True)
    assert call[:2] == ["deepspeed", "--module"]
    args = parsed(call[2], call[3:])
    strategy = SimpleNamespace(args=args, print=lambda *_: None, is_rank_0=lambda: False)
    rows = blending_datasets(args.data.dataset, None, strategy, max_count=args.data.max_samples)
    reader = {"num_processors": 1, "input_template": args.data.input_template}
    if kind == "sft":
        read = SFTDataset(rows, tokenizer(), args.data.max_len, strategy, multiturn=args.data.multiturn, **reader)
        first = [read.prompts[0], read.responses[0]]
    else:
        read = RewardDataset(rows, tokenizer(), args.data.max_len, strategy, is_dpo=True, **reader)
        first = [read.prompts[0], read.chosens[0], read.rejects[0]]
    return {
        "settings": {
            "learning_rate": args.adam.lr,
            "epochs": args.train.max_epochs,
            "sequence": args.data.max_len,
            "beta": getattr(args.model, "beta", None),
        },
        "rows": len(read),
        "first": first,
    }


def parsed(module, words):
    """Return what the block that the module runs as a program hands to its ``train``."""
    from importlib.util import find_spec

    tree = ast.parse(Path(find_spec(module).origin).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)]
    handed = []
    from datetime import datetime

    names = {"argparse": argparse, "os": os, "datetime": datetime, "train": handed.append}
    sys.argv = [module, *words]
    exec(compile(ast.Module(block.body, []), module, "exec"), names)
    return handed[0]


if __name__ == "__main__":
    tool, folder, kind = sys.argv[1:]
    os.chdir(folder)
    told = {"llama-factory": llama_factory, "axolotl": axolotl, "openrlhf": openrlhf}[tool](kind)
    print(json.dumps(told))
