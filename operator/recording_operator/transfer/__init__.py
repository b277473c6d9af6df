"""Moving bytes from a source to a store, proved on arrival."""
