"""Text normalisation that keeps the meaning, and the rules that drop rows."""
