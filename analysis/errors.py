"""The one refusal of this package: input for which a number would be wrong."""


class AnalysisError(ValueError):
    """Input that must be refused, because any number returned for it would mislead.

    `kind` is a short code for programs (for example ``invalid_counts``,
    ``empty_stratum``); the message is an English sentence for people who read logs.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.kind = kind
