"""Pure decisions: facts in, actions out. Knows the api, and no library that touches the world."""
