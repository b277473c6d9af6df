"""Completion in shells: the names that a cluster offers, kubectl's protocol, and the files that shells read."""
