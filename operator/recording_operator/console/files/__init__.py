"""Stored files: URLs of them, and the bytes of those that are in a directory."""
