"""Questions written from passages."""
