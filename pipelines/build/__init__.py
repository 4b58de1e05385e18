"""Recipes, plans and their runs."""
