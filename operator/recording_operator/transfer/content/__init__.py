"""Whether the bytes are what the spec declares."""
