"""The thin shell around the engine: turns what happens into facts, and the engine's actions into calls."""
