"""Several models of one architecture become one, tensor by tensor."""
