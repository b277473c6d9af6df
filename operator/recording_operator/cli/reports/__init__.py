"""Costs and usage, of StorageReports and of samples in a bucket."""
