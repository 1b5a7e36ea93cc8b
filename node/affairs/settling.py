"""When a steward's node closes invites, and who is in then. Pure.

Claims on an invite stand as they come, until a steward settles it: he lists who is in, and later claims
count for nothing. The node that made the invite does so by itself, as soon as it is used up, or has expired:
whoever saw the code could still make claims whose ids push out the ones that were first. A further device of
the same steward does so where that one does not, and after a day any other steward of the section, for they
may be lost. Of too many claims those stand that this node saw first.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from node.federation.names import RootId, SectionId
from node.federation.statements import FOR_MEMBERS
from node.federation.views import ClaimState, GrantState
from store.ids import AuthorId, EntryId

WAIT_MS: Final = 30_000
"""After expiry: claims that were made at another hub in the last moment come in within seconds."""

STEP_IN_MS: Final = 3_600_000
"""How much longer the steward's other devices leave it to the one that made the invite."""

OTHERS_STEP_IN_MS: Final = 86_400_000
"""How much longer the section's other stewards do, after its expiry."""


class Settling(NamedTuple):
    """An invite that is to be settled."""

    grant: EntryId
    section: SectionId
    roots: tuple[RootId | SectionId, ...]
    """Who is in: members, or sections where the invite is for sections."""


def due(
    grants: Iterable[GrantState],
    steward: RootId,
    device: AuthorId,
    stewarded: frozenset[SectionId],
    seen: Callable[[EntryId], int],
    now_ms: int,
) -> list[Settling]:
    """The invites that a steward's device has to settle now.

    `stewarded`: sections of which he is steward. `seen`: the order in which entries came to this node.
    """
    found = []
    for grant in grants:
        at_ms = due_ms(grant, steward, device)
        if at_ms is not None and at_ms <= now_ms and grant.section in stewarded:
            found.append(Settling(grant.entry, grant.section, who_is_in(grant, seen)))
    return found


def due_ms(grant: GrantState, steward: RootId, device: AuthorId) -> int | None:
    """From when on a steward's device settles an invite, Unix time; None: it does not count, or is closed.

    Times that claims name play no part where this device made the invite: they may be lies.
    """
    if not grant.counts or grant.settled is not None:
        return None
    expiry_ms = grant.grant.expires_ms + WAIT_MS
    if grant.by != steward:
        return expiry_ms + OTHERS_STEP_IN_MS
    is_used_up = grant.used >= grant.grant.uses
    if grant.granted_by == device:
        return 0 if is_used_up else expiry_ms
    since_ms = min(expiry_ms, _first_ms(grant)) if is_used_up else expiry_ms
    return since_ms + STEP_IN_MS


def who_is_in(grant: GrantState, seen: Callable[[EntryId], int]) -> tuple[RootId | SectionId, ...]:
    """Who is in: those whose claims came first, as many as the invite allows; late claims last."""
    claims = sorted(grant.claims, key=lambda claim: (claim.late, seen(claim.entry), claim.entry))
    found = dict.fromkeys(who for claim in claims if (who := brought_in(grant, claim)) is not None)
    return tuple(found)[: grant.grant.uses]


def brought_in(grant: GrantState, claim: ClaimState) -> RootId | SectionId | None:
    """Whom a claim brings in: its member, or the section that he began."""
    return claim.root if grant.grant.purpose == FOR_MEMBERS else claim.section


def _first_ms(grant: GrantState) -> int:
    return min((claim.time_ms for claim in grant.claims), default=grant.grant.expires_ms)
