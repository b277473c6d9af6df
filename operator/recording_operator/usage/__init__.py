"""Facts about usage: what was stored, uploaded and downloaded, by day and owner. No prices, no reports, no I/O."""
