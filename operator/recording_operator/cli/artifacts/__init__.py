"""Stored artifacts of a Recording: found in the store with the user's own rights, presigned, restored, read."""
