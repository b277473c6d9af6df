"""How signed requests reach a store."""
