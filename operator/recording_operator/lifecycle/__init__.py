"""Lifecycle rules of buckets: from a StorageLocation's spec, and how they are merged with rules of others. No I/O."""
