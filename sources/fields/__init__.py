"""What single fields may hold: dates, names, and the base of all models of JSON."""
