"""Sends events to applications: CloudEvents in structured mode, signed as Standard Webhooks."""
