"""Receives the webhooks of providers: verifies each delivery, and makes a Recording of it."""
