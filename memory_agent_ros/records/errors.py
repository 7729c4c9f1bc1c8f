"""Our own small set of errors. Each message says what to do."""


class MemoryAgentError(Exception):
    """Base of every error this package raises on purpose."""


class BadInputError(MemoryAgentError):
    """Input was refused at the border; nothing was stored.

    Attributes:
        reason: short snake_case code, counted in diagnostics (e.g. ``depth_size``).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StoreError(MemoryAgentError):
    """A map file cannot be opened or written (corrupted, newer schema, locked)."""


class MissingExtraError(MemoryAgentError):
    """An optional dependency is not installed; the message names the extra to install."""
