"""The only exception of this package: input for which any result would be wrong."""


class AnalysisError(ValueError):
    """Input that must be refused, because any number returned for it would be misleading.

    `kind` is a short code for programs (for example ``invalid_counts``,
    ``empty_stratum``); the message is an English sentence for people who read logs.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Store the code as `kind` next to the message."""
        super().__init__(message)
        self.kind = kind
