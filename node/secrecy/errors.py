"""What can go wrong with secrets. Errors say that it did, never how far it got."""


class SecrecyError(Exception):
    """Root of every error of this room."""


class Unopenable(SecrecyError):
    """It was not written to this key, or it was damaged, or opened before. Which, is not told."""

    def __init__(self) -> None:
        super().__init__("cannot be opened")


class BadBundle(SecrecyError):
    """Published keys that cannot be used."""
