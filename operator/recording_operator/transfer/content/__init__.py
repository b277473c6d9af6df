"""Checks whether the content is what the spec declares."""
