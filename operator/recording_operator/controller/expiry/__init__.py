"""Expiry by lifecycle rules: what a bucket has deleted is found, and where no bucket does it, the operator deletes."""
