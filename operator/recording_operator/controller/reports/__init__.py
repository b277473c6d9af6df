"""StorageReports: when each is refreshed, what is counted, and what the status says."""
