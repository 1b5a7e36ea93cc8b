"""May an invite still be used? What hosts ask of a claim, and what a claim in a passport is worth. Pure.

Answers are codes of `guest_messages`; None means yes.
"""

from collections.abc import Set as AbstractSet

from node.federation import limits
from node.federation.guest_messages import EXPIRED, NOT_ENDORSED, REVOKED, USED_UP
from node.federation.names import RootId
from node.federation.statements import FOR_MEMBERS
from node.federation.views import ClaimState, GrantState
from store.ids import AuthorId, EntryId


class UsesUnderWay:
    """Uses of invites that a host is about to take in: two guests must not get the last one. One a host."""

    def __init__(self) -> None:
        self._roots: dict[EntryId, list[RootId]] = {}

    def begin(self, grant: EntryId, root: RootId) -> None:
        """Count a use. Call `end` once it is in the roster, or came to nothing."""
        self._roots.setdefault(grant, []).append(root)

    def end(self, grant: EntryId, root: RootId) -> None:
        """Count it no longer."""
        roots = self._roots[grant]
        roots.remove(root)
        if not roots:
            del self._roots[grant]

    def of(self, grant: EntryId) -> frozenset[RootId]:
        """Who is about to use a grant."""
        return frozenset(self._roots.get(grant, ()))


def why_no_use(
    grant: GrantState,
    device: AuthorId,
    root: RootId | None,
    under_way: AbstractSet[RootId],
    now_ms: int,
) -> int | None:
    """Why a host takes in no claim by this device, if it does not; `root` None: not known yet.

    A claim that stands already is taken in again, so that a join which was cut off can be finished.
    """
    if not grant.counts:
        return REVOKED
    mine = [claim for claim in grant.claims if claim.device == device or claim.root == root]
    uses, expired = grant.grant.uses, now_ms > grant.grant.expires_ms
    if grant.settled is not None:
        if any(claim.stands or claim.section in grant.settled for claim in mine):
            return None
        return EXPIRED if expired else USED_UP if len(grant.settled) >= uses else REVOKED
    if mine:
        return None
    if expired:
        return EXPIRED
    used = {claim.root for claim in grant.claims} | under_way
    return USED_UP if root not in used and len(used) >= uses else None


def why_no_member(grant: GrantState, root: RootId, claim: EntryId) -> int | None:
    """Why the claim with this entry id makes no member of `root`, if it does not.

    The claim's own signatures are the caller's to check. It need not be in the roster.
    """
    if not grant.counts:
        return REVOKED
    if grant.grant.purpose != FOR_MEMBERS:
        return NOT_ENDORSED
    if grant.settled is not None:
        return None if root in grant.settled else REVOKED
    if len(grant.claims) < limits.MAX_STANDING_CLAIMS:
        return None
    before = sum(_is_other(other, root) and other.entry < claim for other in grant.claims)
    return USED_UP if before >= limits.MAX_STANDING_CLAIMS else None


def _is_other(claim: ClaimState, root: RootId) -> bool:
    return claim.stands and claim.root != root
