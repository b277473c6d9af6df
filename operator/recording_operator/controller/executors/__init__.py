"""Executes transfers in threads of this process."""
