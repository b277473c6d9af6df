"""Recordings: listed, shown, watched, created, changed, deleted."""
