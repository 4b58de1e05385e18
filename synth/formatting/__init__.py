"""Rows as a model is trained on them: prompts, instructions, mixes, formats of trainers."""
