"""Attacks, the answers to them, and safety pairs."""
