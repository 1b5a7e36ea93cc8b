"""Steps begun and ended: what was gathered on the way is written before the transaction ends."""

from collections.abc import Callable

from node.apps.messenger import messages, receipts
from node.apps.messenger.desk import Desk
from node.signing import Draft
from store.entry import Entry

Step = Callable[[Desk], None]


def run(desk: Desk, step: Step) -> list[Draft]:
    """Do a step, keep what it did, and give what it wants written.

    What is to be noted of the entries comes later in the same transaction, with the last of them.
    """
    step(desk)
    desk.ratchets.keep()
    if not desk.drafts:
        _finish(desk)
        return []
    *before, last = desk.drafts

    def ended(key: int, entry: Entry) -> None:
        if last.then is not None:
            last.then(key, entry)
        _finish(desk)

    return [*before, last._replace(then=ended)]


def _finish(desk: Desk) -> None:
    messages.keep(desk)
    receipts.keep(desk)
