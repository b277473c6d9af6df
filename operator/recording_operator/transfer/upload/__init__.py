"""Uploads of content from a source into an object of a store."""
