"""Announces what happens to applications: keeps EventSinks and their statuses, and sends the events of the engine."""
