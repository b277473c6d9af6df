"""Connects the engine: turns events into facts, and executes the engine's actions."""
