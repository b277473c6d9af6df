"""Executes the actions of the engine: a table with one row for each type of action."""
