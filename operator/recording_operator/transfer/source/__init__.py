"""Requests to a source, and the interpretation of its responses."""
