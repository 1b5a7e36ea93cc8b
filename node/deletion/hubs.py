"""Hubs that this home has heard of, kept over restarts: who could still hold what was deleted.

A setting, `known_hubs`: device → [when it was last connected to this node, when it was last heard of], Unix
time in ms.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from node.home import Home
from node.mesh import Mesh
from store.ids import AuthorId, NotAnId, from_text, to_text

SETTING: Final = "known_hubs"

MAX_HUBS: Final = 1_000
"""Remembered; those heard of longest ago go first. A federation of 50 sections has some hundred."""

MAX_SILENCE_MS: Final = 180 * 86_400_000
"""A hub that was not heard of for so long is forgotten."""


class Heard(NamedTuple):
    """What is known of a hub."""

    connected_ms: int
    """When it was last connected to this node; 0: never."""
    heard_ms: int


def read_hubs(home: Home) -> dict[AuthorId, Heard]:
    """Hubs that were heard of; none where nothing can be read."""
    try:
        plain = json.loads(home.tables.setting(SETTING) or b"{}")
        return {AuthorId(from_text(device)): Heard(*map(int, times)) for device, times in plain.items()}
    except (ValueError, TypeError, AttributeError, NotAnId):
        return {}


def merged(known: Mapping[AuthorId, Heard], heard: Mapping[AuthorId, Heard]) -> dict[AuthorId, Heard]:
    """What is known, with what was heard since, within bounds. Pure."""
    both = {**known}
    for device, news in heard.items():
        both[device] = Heard(*map(max, news, both.get(device, Heard(0, 0))))
    now_ms = max((news.heard_ms for news in both.values()), default=0)
    fresh = [device for device in both if now_ms - both[device].heard_ms < MAX_SILENCE_MS]
    fresh.sort(key=lambda device: (-both[device].heard_ms, device))
    return {device: both[device] for device in fresh[:MAX_HUBS]}


def heard_of(mesh: Mesh, now_ms: int) -> dict[AuthorId, Heard]:
    """The hubs that the mesh has heard of since the start."""
    return {device: Heard(mesh.state_of(device).seen_ms, now_ms) for device in mesh.hubs()}


def write_hubs(home: Home, hubs: Mapping[AuthorId, Heard]) -> None:
    """Keep them. Raises: StorageFull."""
    home.tables.set(
        {SETTING: json.dumps({to_text(device): times for device, times in hubs.items()}).encode()}
    )
