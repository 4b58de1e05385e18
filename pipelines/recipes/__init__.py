"""One file a recipe; read one from top to bottom and you have seen the system."""
