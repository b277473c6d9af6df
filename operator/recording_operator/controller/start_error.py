"""Why a process cannot start. All processes use it, also those that need nothing else of the operator."""


class StartError(Exception):
    """The process cannot start. The text is one line that says what to do."""
