"""Cleaning, deduplication, decontamination, privacy and scores: functions from rows to the rows that stay.

Nothing here writes a file or calls a model.
"""
