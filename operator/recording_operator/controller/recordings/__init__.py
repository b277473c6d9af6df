"""Carries out the actions of the engine: one row of a table for each type of action."""
