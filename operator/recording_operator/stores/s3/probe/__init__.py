"""Whether a bucket can be used, and what its store can do."""
