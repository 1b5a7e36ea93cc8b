"""`aster peer …`: who is let in, and where they are."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, count_of, show_duration
from cli.session import Json, Session
from cli.texts import check_argument


def add(
    device: Annotated[
        str,
        typer.Argument(
            metavar="DEVICE", help="A device id, or an address that ends in /p2p/…", show_default=False
        ),
    ],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What you call this device.")] = None,
    address: Annotated[
        list[str] | None, typer.Option(metavar="MULTIADDR", help="Where it is. Repeatable.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let a device in: connect to it, and carry what it publishes.

    The other side does the same with your address; `aster status` prints the line that they need to type.
    In a federation the roster says who is let in: there this only tells where a device is.

    Examples:
    aster peer add /ip4/192.168.1.7/tcp/4711/p2p/12D3KooW... --name bob
    aster peer add k3jd7wq2... --name bob --address /dns/hub.example.org/tcp/4711
    """
    screen = Screen(as_json, quiet)
    given = check_argument(device)
    answer = Session().call(
        "peer/add",
        address=given if given.startswith("/") else None,
        device=None if given.startswith("/") else given,
        addresses=[check_argument(each) for each in address] if address else None,
        name=None if name is None else check_argument(name),
    )
    if as_json:
        screen.emit(answer)
        return
    if answer.get("federation"):
        screen.say(f"{answer['name']} ({answer['device']}) will be looked for at:")
    else:
        screen.say(f"{answer['name']} ({answer['device']}) is let in.")
    for each in answer["addresses"]:
        screen.say(f"    {each}")
    if not answer["addresses"]:
        screen.note("No address is known: wait until it connects here, or add one with --address.")


def list_peers(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the devices that are let in; of a federation those that this node met or was told of.

    Examples:
    aster peer list
    """
    screen = Screen(as_json, quiet)
    peers = Session().call("peer/list")["peers"]
    if as_json:
        for peer in peers:
            screen.emit(peer)
        return
    called = named_apart(peers)
    screen.table(
        (
            (
                called(peer),
                peer["device"],
                "connected" if peer["connected"] else show_last_seen(peer["last_seen_ms"]),
                ", ".join(peer["addresses"][:2]) + (" …" if len(peer["addresses"]) > 2 else ""),
            )
            for peer in peers
        ),
        ("NAME", "DEVICE", "", "ADDRESSES"),
    )
    if peers:
        screen.note(f"{count_of(len(peers), 'device')}.")
    else:
        screen.note("There is nobody yet. In a circle begin with: aster peer add ADDRESS --name NAME")


def called(row: Json) -> str:
    """What a device is called: its member's name with its own, or its name."""
    return f"{row['name']} ({row['device_name']})" if row.get("device_name") else str(row["name"])


def named_apart(rows: list[Json]) -> Callable[[Json], str]:
    """What devices are called in a list: by their members' names, with their own where one has several."""
    devices = defaultdict[str, set[str]](set)
    for row in rows:
        devices[row["name"]].add(row.get("device") or row["author"])
    return lambda row: called(row) if len(devices[row["name"]]) > 1 else str(row["name"])


def show_last_seen(time_ms: int | None) -> str:
    """How long ago a peer was connected."""
    if not time_ms:
        return "never seen"
    return f"seen {show_duration(max(0.0, time.time() - time_ms / 1000))} ago"


def remove(
    device: Annotated[
        str,
        typer.Argument(metavar="DEVICE", help="A name, an id or the beginning of one.", show_default=False),
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let a device in no longer. What it published so far stays here. In a federation: forget where it is.

    Examples:
    aster peer remove bob
    """
    screen = Screen(as_json, quiet)
    answer = Session().call("peer/remove", device=check_argument(device))
    if as_json:
        screen.emit(answer)
    else:
        what = "is forgotten" if answer.get("federation") else "is let in no longer"
        screen.say(f"{answer['name']} ({answer['device']}) {what}.")
