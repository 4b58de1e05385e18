"""Preference pairs: proposed, checked, capped."""
