"""Hubs that this home has heard of, kept over restarts: who could still hold what was deleted.

A setting, `known_hubs`: device → when it was last connected to this node, in ms; 0 where it was only heard of.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from node.home import Home
from node.mesh import Mesh
from store.ids import AuthorId, NotAnId, from_text, to_text

SETTING: Final = "known_hubs"

MAX_HUBS: Final = 1_000
"""Remembered; those connected longest ago go first. A federation of 50 sections has some hundred."""

MAX_SILENCE_MS: Final = 180 * 86_400_000
"""A hub that nobody connected to for so long is forgotten."""


def read_hubs(home: Home) -> dict[AuthorId, int]:
    """Hubs that were heard of, and when each was last connected; empty where nothing can be read."""
    try:
        plain = json.loads(home.tables.setting(SETTING) or b"{}")
        return {AuthorId(from_text(device)): int(seen_ms) for device, seen_ms in plain.items()}
    except (ValueError, TypeError, AttributeError, NotAnId):
        return {}


def merged(known: Mapping[AuthorId, int], heard: Mapping[AuthorId, int], now_ms: int) -> dict[AuthorId, int]:
    """What is known, with what was heard since, within bounds. Pure."""
    both = {device: max(known.get(device, 0), heard.get(device, 0)) for device in {*known, *heard}}
    fresh = {
        device: seen_ms
        for device, seen_ms in both.items()
        if device in heard or now_ms - seen_ms < MAX_SILENCE_MS
    }
    kept = sorted(fresh, key=lambda device: (-fresh[device], device))[:MAX_HUBS]
    return {device: fresh[device] for device in kept}


def heard_of(mesh: Mesh, others: Iterable[AuthorId] = ()) -> dict[AuthorId, int]:
    """The hubs that the mesh has heard of since the start, and when each was last connected."""
    return {device: mesh.state_of(device).seen_ms for device in {*mesh.hubs(), *others}}


def write_hubs(home: Home, hubs: Mapping[AuthorId, int]) -> None:
    """Keep them. Raises: StorageFull."""
    plain = {to_text(device): seen_ms for device, seen_ms in hubs.items()}
    home.tables.set({SETTING: json.dumps(plain).encode()})
