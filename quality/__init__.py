"""Cleaning, deduplication, decontamination, privacy and scores: functions from rows to the kept rows.

Nothing here writes a file or calls a model.
"""
