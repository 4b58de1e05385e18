"""Steps, caches, releases and the command line; no domain logic."""
