"""mDNS: find devices in the local network, and be found. Runs only where it was asked for.

While it runs, everybody in the same network (a café's, say) sees that this device exists and where. It
speaks libp2p's mDNS: service `_p2p._udp.local.` under a random name, one TXT string `dnsaddr=<multiaddr
with /p2p/…>` for each address. So strangers of other libp2p networks appear too; the host sorts them out.

Zeroconf works in threads of its own; here is where they meet trio.
"""

import functools
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import trio

from gossip.errors import BadAddress
from gossip.net.address import parse_address
from store.ids import AuthorId

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

SERVICE: Final = "_p2p._udp.local."
"""libp2p's name, so that other implementations are found too."""

MAX_ADDRESSES: Final = 16
"""Addresses taken from one answer, and told of ourselves."""

MAX_WAITING: Final = 64
"""Names that wait to be looked up; in a crowded network further ones are left out."""

RESOLVE_MS: Final = 3_000
"""How long a device may take to answer with its addresses."""

REFRESH_S: Final = 60.0
"""How often we look whether our own addresses changed."""

_log = logging.getLogger(__name__)


class Discovery:
    """Announces one device and reports others."""

    def __init__(
        self,
        device: AuthorId,
        addresses: Callable[[], tuple[str, ...]],
        found: Callable[[AuthorId, tuple[str, ...]], None],
        interfaces: Sequence[str] | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            device: who we are.
            addresses: where we listen now, multiaddrs with /p2p/…
            found: called with a device and its addresses (without /p2p/…) each time one answers.
            interfaces: IP addresses of the networks to use; None: all.
        """
        self._device = device
        self._addresses = addresses
        self._found = found
        self._interfaces = interfaces
        self._name = f"{secrets.token_hex(16)}.{SERVICE}"

    async def run(self) -> None:
        """Announce and look until cancelled, then take the announcement back. Where mDNS does not work (no
        usable network, say) that is logged, and nothing is found."""
        try:
            zeroconf = await trio.to_thread.run_sync(self._opened)
            try:
                await self._look_and_tell(zeroconf)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(zeroconf.close)
        except Exception as error:  # noqa: BLE001 - a convenience, whose library must not end the host
            _log.warning("mDNS does not work here: %r", error)

    def _opened(self) -> "Zeroconf":
        from zeroconf import InterfaceChoice, Zeroconf

        return Zeroconf(
            interfaces=InterfaceChoice.All if self._interfaces is None else list(self._interfaces)
        )

    async def _look_and_tell(self, zeroconf: "Zeroconf") -> None:
        from zeroconf import ServiceBrowser

        send, receive = trio.open_memory_channel[str](MAX_WAITING)
        token = trio.lowlevel.current_trio_token()

        def changed(
            zeroconf: "Zeroconf", service_type: str, name: str, state_change: "ServiceStateChange"
        ) -> None:
            with_name = functools.partial(_offer, send, name)
            if state_change.name != "Removed" and name != self._name:
                try:
                    token.run_sync_soon(with_name, idempotent=False)
                except trio.RunFinishedError:
                    return

        browser = await trio.to_thread.run_sync(
            functools.partial(ServiceBrowser, zeroconf, SERVICE, handlers=[changed])
        )
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._announce, zeroconf)
                async for name in receive:
                    await self._resolve(zeroconf, name)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(browser.cancel)

    async def _announce(self, zeroconf: "Zeroconf") -> None:
        told: ServiceInfo | None = None
        while True:
            info = _service(self._name, self._addresses())
            if told is None or told.properties != info.properties:
                announce = zeroconf.register_service if told is None else zeroconf.update_service
                await trio.to_thread.run_sync(announce, info)
                told = info
            await trio.sleep(REFRESH_S)

    async def _resolve(self, zeroconf: "Zeroconf", name: str) -> None:
        from zeroconf import ServiceInfo

        # Unlike `get_service_info` this is content with the TXT strings; IP addresses are not needed.
        info = ServiceInfo(SERVICE, name)
        await trio.to_thread.run_sync(info.request, zeroconf, RESOLVE_MS)
        by_device: dict[AuthorId, list[str]] = {}
        for key, value in list(info.properties.items())[:MAX_ADDRESSES]:
            if not key.startswith(b"dnsaddr") or value is None:
                continue
            try:
                address = parse_address(value.decode("ascii"))
            except (BadAddress, UnicodeDecodeError):
                continue
            if address.peer is not None and address.peer != self._device:
                by_device.setdefault(address.peer, []).append(address.text)
        for device, addresses in by_device.items():
            self._found(device, tuple(addresses))


def _offer(send: trio.MemorySendChannel[str], name: str) -> None:
    try:
        send.send_nowait(name)
    except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
        return


def _service(name: str, addresses: tuple[str, ...]) -> "ServiceInfo":
    from zeroconf import ServiceInfo

    places = [parse_address(text) for text in addresses[:MAX_ADDRESSES]]
    return ServiceInfo(
        SERVICE,
        name,
        port=places[0].port if places else 1,
        properties={f"dnsaddr{number or ''}": place.full_text for number, place in enumerate(places)},
        server=f"{name.partition('.')[0]}.local.",
        parsed_addresses=[place.host for place in places if place.is_ip],
    )
