"""What the engine asks for, carried out: one row of a table for each type of action."""
