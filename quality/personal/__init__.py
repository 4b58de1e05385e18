"""Rules that find personal data in a text: who, how to reach them, where they live, what numbers stand for them."""
