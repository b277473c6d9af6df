"""How bytes get from a source into a store's object."""
