"""What the store says is wrong, in the words of the node: for whoever answers a person.

Intake and author know better what each error means to them and do not use this.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from node.errors import DamagedHome, DiskFull, Missing, NodeError, TextTooLarge, Unavailable
from store.errors import (
    Damaged,
    NotFound,
    StorageFull,
    StoreError,
    StoreLocked,
    TooLarge,
    WrongKey,
)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an error of the store into one with advice. Also a decorator for functions, not for generators.

    Raises:
        NodeError: in place of the matching `StoreError`.
    """
    try:
        yield
    except StoreError as error:
        raise plain_error(error) from error


def plain_error(error: StoreError) -> NodeError:
    """What a person is told of an error of the store."""
    match error:
        case StorageFull():
            return DiskFull()
        case StoreLocked():
            return Unavailable("The store is busy with another program.", "Try again in a moment.")
        case NotFound():
            return Missing("It is not here any more: it was removed a moment ago.", "Look again.")
        case TooLarge():
            return TextTooLarge(f"That is too large: {error}.", "Ask for less, or give less.")
        case Damaged() | WrongKey():
            return DamagedHome(
                f"A part of the store cannot be read: {error}.",
                "See what is damaged: aster check. What peers hold can be fetched again.",
            )
    return Unavailable(f"The store does not answer: {error}.", "Try again, or start the daemon again.")
