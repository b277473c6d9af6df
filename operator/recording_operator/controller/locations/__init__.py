"""Checks StorageLocations, and provides their stores."""
