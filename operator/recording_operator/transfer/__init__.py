"""Moving bytes from a source to a store, verified on arrival."""
