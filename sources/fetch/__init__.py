"""Origins of raw files: a local mirror, or the Hugging Face Hub."""
