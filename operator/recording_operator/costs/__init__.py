"""Computes the costs of stored recordings from usage and prices. No I/O; all amounts of money are Decimal."""
