"""Help texts of the settings of a training run, for the command line."""

from __future__ import annotations

SETTINGS: dict[str, str] = {
    # data
    "sources": "Corpora to train on, by the names of their folders in the release, separated by commas; none: all.",
    "limit": "Train on so many rows at most, drawn over all sources by the seed; for a trial.",
    "too_long": "Rows longer than --sequence: end the run, drop them, or keep the turns that fit.",
    "unfit": "Rows that the chat template refuses or rewrites: drop and list them, or end the run.",
    "special_tokens": "Rows that spell control tokens such as <|im_end|>: learn them as text, drop, or end the run.",
    "system": "Where the template refuses a system turn: put it before the first user turn, or keep it.",
    "eval_share": "Share of the rows that is held out; the loss on them is measured after each epoch. 0: none.",
    "template_date": "Date that a chat template writes which would write today's, so that a row is the same any day.",
    # schedule
    "epochs": "How often every row is seen; for pairs, in each chunk.",
    "max_steps": "End after so many optimiser steps, for pairs in each chunk; for a trial.",
    "learning_rate": "Peak learning rate.",
    "early_stopping": "End after so many checkpoints in a row without a lower loss on held-out rows; keep the best.",
    "scheduler": "How the learning rate falls after the warm-up.",
    "warmup_steps": "Steps over which the learning rate rises to its peak.",
    "weight_decay": "Weight decay of the optimiser.",
    "max_grad_norm": "Gradients are scaled down to this norm.",
    "optimizer": "Optimiser, by transformers' name; adamw_bnb_8bit needs bitsandbytes.",
    "seed": "Seed of the order of rows, of the draw of --limit and of dropout.",
    # batch
    "sequence": "Longest row in tokens, and the length of a pack.",
    "global_batch": "Rows (or packs) of one optimiser step, over all devices.",
    "device_batch": "Rows (or packs) that one device holds at once; the rest is accumulated.",
    "packing": "Fill sequences with several whole rows; switched off by itself where the model would mix them up.",
    # precision
    "weights": "Type of the weights while they are trained; bf16 halves the memory and loses small steps.",
    "compute": "Type of a forward and backward pass.",
    "gradient_checkpointing": "Compute activations again instead of keeping them: less memory, a third more work.",
    "attention": "Kernels of attention; auto takes flash attention where it is installed and the model has it.",
    "liger": "Liger's fused kernels; auto takes them on a GPU where liger-kernel is installed.",
    # adapter
    "kind": "Train all weights, low-rank additions (LoRA), or those over a model in 4 bits (QLoRA).",
    "rank": "Rank of the low-rank additions.",
    "alpha": "Scale of the low-rank additions, divided by their rank.",
    "dropout": "Dropout before the low-rank additions.",
    # saving
    "every_steps": "Steps from one checkpoint to the next; a killed run goes on from the last.",
    "keep": "Checkpoints to keep, two at least.",
    "best": "Keep the checkpoint with the lowest loss on held-out rows, measured at each; needs --eval-share.",
    "saved_as": "Type of the weights in the result; start: that of the start model. run.json says what rounding left.",
    # launch
    "parallel": "How several devices share the work; the command to start is shown by --dry-run.",
    "processes": "Processes in all, one for each device.",
    "machines": "Machines that take part.",
    "machine_rank": "Number of this machine, from 0.",
    "main_address": "Address of machine 0, where there are several.",
    "main_port": "Port on machine 0 over which processes find each other.",
    # power
    "watts": "Power of a process in watts, where no meter (NVML) can be read.",
    "co2_grams_per_kwh": "Grams of CO2 of a kWh; 480 is the world's mean of 2023.",
    "tflops": "Rate of one device in TFLOP/s for the estimate of time, e.g. 989 for an H100 in bf16; none: measured.",
    # of the stage
    "base_license": "Licence of the start model, where it states none, as an SPDX id.",
    "chat_template": "File with a chat template, for a model that has none.",
    "report_to": "Trackers to report to, separated by commas: tensorboard, wandb, trackio, mlflow; none: no tracker.",
    # preference
    "beta": "How close the model is kept to the reference; larger is closer.",
    "loss": "Losses of preference optimisation by TRL's names, separated by commas.",
    "loss_weights": "A weight for each loss, separated by commas; none: 1 each.",
    "label_smoothing": "Share of pairs that is taken to be labelled the wrong way round.",
    "chunks": "Parts that the pairs are cut into, trained one after the other.",
    "reference": "Reference model of a chunk: the start model, or the model as the chunk found it.",
    "precompute_reference": "Compute the reference's figures before training: less memory, one more pass.",
}
"""Help texts by the name of the field, without its group."""
