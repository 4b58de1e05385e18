"""Merging of models of one architecture, tensor by tensor."""
