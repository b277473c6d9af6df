"""What is read: requests to a source, and what its responses mean."""
