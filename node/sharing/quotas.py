"""How much room files may take on the disk, and what goes when there is too little. Pure.

What is pinned stays. Of the rest goes first what no entry names any more, then what was unused for longest.
What was used within the last hour stays, so that nothing goes between being fetched and being looked at; what
is being fetched stays for a day after it was begun.

What a node keeps without being asked for counts against whoever names it in an entry. A blob is kept as long
as one of those who name it has room for it, as a member and in one of his sections.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from node.config import HUB_FILES_GIB, LAPTOP_FILES_GIB, Config
from store.blob_interface import BlobState

GIB: Final = 2**30
USED_KEPT_MS: Final = 3_600_000
"""What was used within this time stays: an hour."""

BEGUN_KEPT_MS: Final = 24 * 3_600_000
"""What was begun stays for so long before it counts as given up: a day."""

RESERVE_BYTES: Final = 512 * 2**20
"""Room on the disk that files leave free: entries, views and the search index need it."""

_MEMBER_SHARE: Final = 10
_SECTION_SHARE: Final = 2


class Quotas(NamedTuple):
    """What files may take, in bytes on the disk."""

    all_bytes: int
    member_bytes: int
    """What is kept unasked of one member."""
    section_bytes: int
    """What is kept unasked of one section."""


def quotas_of(config: Config, hub: bool) -> Quotas:
    """The quotas that the settings of a home say."""
    gib = config.files_gib or (HUB_FILES_GIB if hub or config.hub else LAPTOP_FILES_GIB)
    return Quotas(
        gib * GIB,
        config.files_member_gib * GIB or gib * GIB // _MEMBER_SHARE,
        config.files_section_gib * GIB or gib * GIB // _SECTION_SHARE,
    )


class Stock(NamedTuple):
    """What the disk holds."""

    used_bytes: int
    """Of all chunks."""
    free_bytes: int
    """Of the disk, for anybody."""
    blobs: Sequence[BlobState]


def lacking_bytes(stock: Stock, quotas: Quotas, wanted_bytes: int) -> int:
    """How many bytes are lacking for `wanted_bytes` more, beside what was begun; 0: there is room."""
    begun = sum(state.size - state.held_bytes for state in stock.blobs)
    most = min(quotas.all_bytes, stock.used_bytes + stock.free_bytes - RESERVE_BYTES)
    return max(0, stock.used_bytes + begun + wanted_bytes - most)


def may_go(
    blobs: Iterable[BlobState], is_named: Callable[[BlobState], bool], now_ms: int
) -> list[tuple[BlobState, bool]]:
    """What may go, in that order, and whether any entry still names it. `now_ms`: Unix time."""
    free = [state for state in blobs if not state.pinned and not _is_fresh(state, now_ms)]
    told = [(state, is_named(state)) for state in free]
    return sorted(told, key=lambda each: (each[1], each[0].used_ms, each[0].blob))


def _is_fresh(state: BlobState, now_ms: int) -> bool:
    kept_ms = USED_KEPT_MS if state.is_complete else BEGUN_KEPT_MS
    return now_ms - state.used_ms < kept_ms


def has_share(
    size: int,
    members: Iterable[tuple[bytes, Sequence[bytes]]],
    held_of_member: Mapping[bytes, int],
    held_of_section: Mapping[bytes, int],
    quotas: Quotas,
) -> bool:
    """May a blob of `size` bytes be kept unasked? `members`: who names it, each with his sections."""
    return any(
        held_of_member.get(member, 0) + size <= quotas.member_bytes
        and (
            not sections
            or any(held_of_section.get(one, 0) + size <= quotas.section_bytes for one in sections)
        )
        for member, sections in members
    )
