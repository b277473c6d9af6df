"""Sends a local file to the store in parts, with URLs from the console."""
