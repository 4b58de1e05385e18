"""Texts normalized and judged by rules: which edits leave the meaning alone, and which rows stay."""
