"""`download`: artifacts as files, in parallel ranges, resumed after an interruption and verified."""
