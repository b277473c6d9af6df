"""Providers of recordings: verify their webhooks, read their events, ask them for URLs."""
