"""Numbers of things as people read them."""


def recordings(count: int) -> str:
    """`1 Recording`, or `3 Recordings`."""
    return f"{count} Recording{'' if count == 1 else 's'}"
