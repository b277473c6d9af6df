"""Recordings of files and of lost clusters: import, rebuild."""
