"""Detection and masking of personal data."""
