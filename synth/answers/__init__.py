"""The answers of model outputs."""
