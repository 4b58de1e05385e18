"""Personal data found in texts and masked."""
