"""Counts StorageLocations, and keeps the samples."""
