"""Strategies of inference: several samples and a vote, solved examples, adaptive stopping, their costs."""
