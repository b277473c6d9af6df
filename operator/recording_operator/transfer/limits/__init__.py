"""How fast bytes may move, and with how many connections."""
