"""Where raw files come from: a local mirror, or the Hugging Face Hub."""
