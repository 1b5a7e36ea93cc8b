"""What the makers of the vectors of `docs/protocol/federation.md` share: people, and values as JSON."""

from collections.abc import Iterable
from typing import Any

from entry_pieces import Case

from node.federation import bare
from node.federation.names import StateId
from node.testing.citizens import Citizen, Device, found, inception, section_of
from store.entry import Entry
from store.ids import NetworkId

ALICE, BOB, CAROL, DAVE = map(Citizen, ("alice", "bob", "carol", "dave"))
LYON = inception("Lyon", [ALICE])
CHARTER = found([LYON], name="Vectors")
NETWORK = CHARTER.network_id()
OTHER_NETWORK = NetworkId(bytes(32))
STATE = StateId(section_of(LYON))
SECRET = bytes(range(16))
INVITE_KEY = bare.invite_key(SECRET)
NONCE = bytes(range(32, 48))


def plain(value: Any) -> Any:
    """A value as JSON: bytes in hex, records as objects."""
    match value:
        case bytes():
            return value.hex()
        case tuple() if hasattr(value, "_asdict"):
            return {name: plain(item) for name, item in value._asdict().items()}
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case tuple() | list():
            return [plain(item) for item in value]
        case _:
            return value


def parts(entry: Entry) -> Case:
    """Header, signature and body of an entry."""
    assert entry.body is not None
    return {"header": entry.header.hex(), "signature": entry.signature.hex(), "body": entry.body.hex()}


def log(entries: Iterable[Entry]) -> list[Case]:
    """Entries of a log."""
    return [parts(entry) for entry in entries]


def logs(devices: Iterable[Device]) -> list[list[Case]]:
    """What devices said."""
    return [log(device.log) for device in devices]


def case(what: str, name: str, **fields: Any) -> Case:
    """A case with its fields as JSON."""
    return {"what": what, "name": name, **{field: plain(value) for field, value in fields.items()}}
