"""Refreshes StorageReports: schedule, counting and status."""
