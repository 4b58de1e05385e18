"""What a model's output answers."""
