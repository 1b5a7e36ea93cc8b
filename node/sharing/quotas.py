"""How much room files may take on the disk, and what goes when there is too little. Pure.

What is pinned stays. Of the rest goes first what was unused for longest. What was used within the last hour
stays, so that nothing goes between being fetched and being looked at; what is being fetched stays for a day
after it was begun.

What a node keeps without being asked for counts against whoever names it in an entry. A blob is kept as long
as one of those who name it has room for it, as a member and in one of his sections.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from node.config import HUB_FILES_GIB, LAPTOP_FILES_GIB, Config

GIB: Final = 2**30
USED_KEPT_MS: Final = 3_600_000
"""What was used within this time stays: an hour."""

BEGUN_KEPT_MS: Final = 24 * 3_600_000
"""What was begun stays for so long before it counts as given up: a day."""

RESERVE_BYTES: Final = 512 * 2**20
"""Room on the disk that files leave free: entries, views and the search index need it."""

MAX_SPARE_BYTES: Final = 256 * 2**20
"""Most that is made free beyond what is needed."""

_SPARE_SHARE: Final = 100
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
    begun_bytes: int
    """What blobs that were begun still lack; it has its room already."""


def lacking_bytes(stock: Stock, quotas: Quotas, wanted_bytes: int) -> int:
    """How many bytes are lacking for `wanted_bytes` more, beside what was begun; 0: there is room."""
    most = min(quotas.all_bytes, stock.used_bytes + stock.free_bytes - RESERVE_BYTES)
    return max(0, stock.used_bytes + stock.begun_bytes + wanted_bytes - most)


def spare_bytes(quotas: Quotas) -> int:
    """How much more than needed is made free at a time, so that it is not done for every small file."""
    return min(quotas.all_bytes // _SPARE_SHARE, MAX_SPARE_BYTES)


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
