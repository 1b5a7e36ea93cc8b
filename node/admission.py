"""Who is let in: this home's own device and the devices on its list of peers.

The list itself lies in the store (`store.sqlite.home`); this is its image in memory, which is asked often
and from the trio thread only.
"""

from collections.abc import Callable, Iterable

from node.budgets.bounds import Bounds
from store.ids import AuthorId
from store.log import LogId


class AllowList:
    """`gossip.proto.admission.Admission` over a list of devices that a person keeps."""

    def __init__(self, own: AuthorId, devices: Iterable[AuthorId] = ()) -> None:
        self._own = own
        self._devices = frozenset(devices)
        self._listener: Callable[[], None] = lambda: None
        self.bounds = Bounds()
        """Of whom no more is carried, because he has filled his bound."""

    def admits_peer(self, device: AuthorId) -> bool:
        """Is this our device, or one on the list?"""
        return device in self._devices or device == self._own

    def last_carried(self, log_id: LogId) -> int:
        """Logs of the devices that may connect are carried, as far as budgets go; of others nothing."""
        return self.bounds.last_taken(log_id) if self.admits_peer(log_id.author) else 0

    def section_ids_of(self, author: AuthorId) -> frozenset[bytes]:
        """A circle has no sections."""
        return frozenset()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change; gossip then asks again about everyone."""
        self._listener = listener

    def tell(self) -> None:
        """Call the listener."""
        self._listener()

    def replace(self, devices: Iterable[AuthorId]) -> None:
        """Set the list, and tell the listener if it is another one."""
        before, self._devices = self._devices, frozenset(devices)
        if before != self._devices:
            self._listener()
