"""Usage times prices: what the recordings cost. Pure; all money and all shares of it are Decimal."""
