"""The frozen vectors of `docs/protocol/secrecy.md`: formats, ids and groups, read as by somebody else."""

import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import blake2b
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import pytest

from node.apps.messenger import bodies, conversations, operations
from node.apps.messenger.membership import Membership, Placed
from node.testing.people import NETWORK
from store.ids import AuthorId, LogNo

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("messenger-accept.json", "messenger-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)
READERS: dict[str, Callable[[bytes], object]] = {
    "body": bodies.parse,
    "envelope": bodies.read_olm,
    "packet": bodies.read_items,
    "message": bodies.read_message,
    "operation": lambda data: operations.parse(NETWORK, data),
}

Case = dict[str, Any]


def cases_of(cases: list[Case], *what: str) -> list[Any]:
    found = [pytest.param(case, id=ascii(case["name"])) for case in cases if case["what"] in what]
    assert found
    return found


def digest(*parts: bytes) -> bytes:
    return blake2b(b"".join(parts), digest_size=32).digest()


def part(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return [plain(each) for each in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", cases_of(ACCEPT, *READERS))
def test_what_has_a_meaning_is_read(case: Case) -> None:
    assert plain(READERS[case["what"]](part(case, "data"))) == case["found"]


@pytest.mark.parametrize("case", cases_of(REFUSE, *READERS))
def test_what_has_none_is_not(case: Case) -> None:
    assert READERS[case["what"]](part(case, "data")) is None


@pytest.mark.parametrize("case", cases_of(ACCEPT, "operation"))
def test_an_operation_has_its_ids(case: Case) -> None:
    data = part(case, "data")
    op, group = case["found"][:2]
    assert digest(b"asterism/op/1\x00", NETWORK, data)[:16].hex() == op
    if "create" in case["name"]:
        assert digest(b"asterism/group/1\x00", data)[:16].hex() == group


@pytest.mark.parametrize("case", cases_of(ACCEPT, "binding"))
def test_a_message_is_bound_to_its_place(case: Case) -> None:
    conversation, device = part(case, "conversation"), AuthorId(part(case, "device"))
    assert bodies.binding(NETWORK, conversation, device).hex() == case["found"]
    assert digest(b"asterism/bind/1\x00", NETWORK, conversation, device)[:16].hex() == case["found"]


@pytest.mark.parametrize("case", cases_of(ACCEPT, "info"))
def test_an_envelope_is_bound_to_its_place(case: Case) -> None:
    device, log = AuthorId(part(case, "device")), case["log"]
    assert bodies.packet_info(NETWORK, device, LogNo(log)).hex() == case["found"]
    assert (b"asterism/packet/1\x00" + NETWORK + device + bytes((log,))).hex() == case["found"]


@pytest.mark.parametrize("case", cases_of(ACCEPT, "box"))
def test_a_device_has_its_box(case: Case) -> None:
    device = AuthorId(part(case, "device"))
    assert bodies.box_of(device) == case["found"] == 16 + (digest(device)[0] >> 4)


@pytest.mark.parametrize("case", cases_of(ACCEPT, "direct"))
def test_two_people_have_one_conversation(case: Case) -> None:
    one, other = (bytes.fromhex(who) for who in case["people"])
    found = digest(b"asterism/direct/1\x00", NETWORK, *sorted((one, other)))[:16].hex()
    assert found == case["found"]
    assert conversations.direct_id(NETWORK, one, other).hex() == case["found"]
    assert conversations.direct_id(NETWORK, other, one).hex() == case["found"]


@pytest.mark.parametrize("case", cases_of(ACCEPT, "group"))
def test_a_group_is_what_its_operations_make_it_in_every_order(case: Case) -> None:
    placed = []
    for data, seq in case["operations"]:
        operation = operations.parse(NETWORK, bytes.fromhex(data))
        assert operation is not None
        placed.append(Placed(operation, seq))
    for order in islice(permutations(placed), 24):
        fold = Membership(part(case, "group"), order)
        assert fold.title == case["title"]
        assert [[who.hex(), is_admin] for who, is_admin in sorted(fold.members.items())] == case["members"]
        assert plain(fold.heads) == case["heads"]
        assert sorted(plain(tuple(fold.refused))) == case["refused"]
        assert sorted(plain(tuple(fold.lacking))) == case["lacking"]
        counted = [
            each.operation.id.hex()
            for each, is_counted in zip(fold.operations, fold.counted, strict=True)
            if is_counted
        ]
        assert sorted(counted) == case["counted"]


def test_the_script_writes_these_files(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, FOLDER / "make_messenger_vectors.py", tmp_path],
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": "."},
        timeout=60,
    )
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
