"""Help texts of the settings of a training run, for the command line."""

from __future__ import annotations

SETTINGS: dict[str, str] = {
    # data
    "sources": "Corpora to train on, by the names of their folders in the release, separated by commas; none: all.",
    "limit": "Train on this many rows at most, sampled from all sources by the seed; for trial runs.",
    "too_long": "Rows longer than --sequence: end the run, drop them, or keep the turns that fit.",
    "unfit": "Rows that the chat template refuses or rewrites: drop and list them, or end the run.",
    "special_tokens": "Rows that spell control tokens such as <|im_end|>: learn them as text, drop, or end the run.",
    "system": "System turns refused by the template: put them before the first user turn, or keep them.",
    "eval_share": "Share of the rows held out for the loss after each epoch; a validation split replaces it. 0: none.",
    "template_date": "Date written by chat templates that write today's date, so that rows do not depend on the day.",
    # schedule
    "epochs": "Passes over the rows; for pairs, in each chunk.",
    "max_steps": "Stop after this many optimiser steps, for pairs in each chunk; for trial runs.",
    "learning_rate": "Peak learning rate.",
    "early_stopping": "Stop after this many checkpoints without a lower loss on held-out rows; keep the best.",
    "scheduler": "How the learning rate falls after the warm-up.",
    "warmup_steps": "Steps over which the learning rate rises to its peak.",
    "weight_decay": "Weight decay of the optimiser.",
    "max_grad_norm": "Largest norm of the gradients; larger ones are scaled down.",
    "optimizer": "Optimiser, by transformers' name; adamw_bnb_8bit needs bitsandbytes.",
    "seed": "Seed of the order of rows, the sample of --limit and dropout.",
    # batch
    "sequence": "Longest row in tokens, and the length of a pack.",
    "global_batch": "Rows (or packs) of one optimiser step, over all devices.",
    "device_batch": "Rows (or packs) per device and pass; gradients are accumulated up to --global-batch.",
    "packing": "Fill sequences with several whole rows; switched off where the model would attend across rows.",
    # precision
    "weights": "Type of the weights during training; bf16 halves the memory and loses small steps.",
    "compute": "Type of a forward and backward pass.",
    "gradient_checkpointing": "Recompute activations instead of storing them: less memory, a third more work.",
    "attention": "Attention kernels; auto uses flash attention where it is installed and supported by the model.",
    "liger": "Liger's fused kernels; auto uses them on a GPU where liger-kernel is installed.",
    # adapter
    "kind": "Train all weights, low-rank adapters (LoRA), or adapters over a model in 4 bits (QLoRA).",
    "rank": "Rank of the low-rank adapters.",
    "alpha": "Scale of the adapters, divided by their rank.",
    "dropout": "Dropout before the adapters.",
    # saving
    "every_steps": "Steps between checkpoints; an interrupted run resumes from the last.",
    "keep": "Checkpoints to keep, at least two.",
    "best": "Keep the checkpoint with the lowest loss on held-out rows, measured at each; needs --eval-share.",
    "saved_as": "Type of the weights in the result; start: as the start model. run.json records the loss by rounding.",
    # launch
    "parallel": "Parallelism over several devices; --dry-run prints the launch command.",
    "processes": "Total number of processes, one per device.",
    "machines": "Number of machines.",
    "machine_rank": "Number of this machine, from 0.",
    "main_address": "Address of machine 0, for several machines.",
    "main_port": "Port on machine 0 for the rendezvous of processes.",
    # power
    "watts": "Power of one process in watts, where no meter (NVML) is available.",
    "co2_grams_per_kwh": "Grams of CO2 per kWh; 480 is the world's mean of 2023.",
    "tflops": "Rate of one device in TFLOP/s for the estimate of time, e.g. 989 for an H100 in bf16; none: measured.",
    # of the stage
    "base_license": "Licence of a start model that states none, as an SPDX id.",
    "chat_template": "File with a chat template, for a model that has none.",
    "report_to": "Trackers to report to, separated by commas: tensorboard, wandb, trackio, mlflow; none: no tracker.",
    # preference
    "beta": "Strength of the pull towards the reference model; larger is closer.",
    "loss": "Losses of preference optimisation by TRL's names, separated by commas.",
    "loss_weights": "Weights of the losses, separated by commas; none: 1 each.",
    "label_smoothing": "Assumed share of pairs with swapped labels.",
    "chunks": "Number of chunks of the pairs, trained one after the other.",
    "reference": "Reference model of a chunk: the start model, or the model at the start of the chunk.",
    "precompute_reference": "Compute the reference's log-probabilities before training: less memory, one more pass.",
}
"""Help texts by the name of the field, without its group."""
