"""Evaluation of models: items, both modes of multiple choice, statistics, paired comparison."""
