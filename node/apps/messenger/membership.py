"""Who belongs to a group: a fold over the set of its operations, the same for every order of arrival. Pure.

docs/protocol/secrecy.md, "Groups". In three steps:

    placed      all that an operation names is here; it descends from the one that creates the group
    authorised  by its own past alone: its author is an admin there, by what counts among the operations of
                that past. This never changes, whatever comes later
    counted     no removal of its author voids it: one that did not know it, that it did not know, and that
                does not name it. Where removals void each other in a circle, all of them count

Sets of operations are bits of an integer, so that a group of 2,048 operations is folded in some ten ms.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from node.apps.messenger.operations import (
    MAX_DEPS,
    MAX_MEMBERS,
    Add,
    Create,
    Operation,
    Promote,
    Remove,
    Rename,
)
from store.ids import AuthorId


class Placed(NamedTuple):
    """An operation and where it stood."""

    operation: Operation
    seq: int
    """Of the entry in the `sealed` log of its device; 0: not known."""


class Membership:
    """A group as some of its operations make it."""

    # long because the fold and what is asked of it share its bits

    def __init__(self, conversation: bytes, placed: Iterable[Placed]) -> None:
        """`conversation`: 16 bytes. Operations of other groups count for nothing."""
        self._order, self.lacking = _in_order(conversation, placed)
        self._number: dict[bytes, int] = {each.operation.id: at for at, each in enumerate(self._order)}
        self._past: list[int] = []
        self._depth: list[int] = []
        self._voiders: list[int] = []
        self._needs: list[tuple[int, ...]] = []
        """Of each operation sets of grants: of every set one has to count for the operation to count."""
        self._hanging: list[int] = []
        """Of each operation those that it may void or that need it: whose verdict may follow from its own."""
        self._good = 0
        """Those that are authorised."""
        self._contested = 0
        """Those that some removal may void."""
        self._joined: dict[bytes, int] = {}
        self._raised: dict[bytes, int] = {}
        """Who was made an admin, by which operations."""
        self._removals: dict[bytes, int] = {}
        self._written: dict[bytes, int] = {}
        self._known: dict[int, int] = {0: 0}
        for at, each in enumerate(self._order):
            self._place(at, each.operation)
        self._counted = self._counting(self._good)
        self.members: Mapping[bytes, bool] = self._members()
        """Who belongs to the group now, and whether he is an admin."""

    # --- what is asked --------------------------------------------------------------------------------

    @property
    def counted(self) -> tuple[bool, ...]:
        """Of each operation in `operations`, whether it counts."""
        return tuple(bool(self._counted >> at & 1) for at in range(len(self._order)))

    @property
    def title(self) -> str:
        """What the group is called; empty: it is not known yet."""
        return self._name()[0]

    @property
    def named_by(self) -> bytes:
        """Who called it so, 32 bytes; empty: it is not known yet."""
        return self._name()[1]

    def _name(self) -> tuple[str, bytes]:
        for at in reversed(range(len(self._order))):
            operation = self._order[at].operation
            if self._counted >> at & 1 and isinstance(operation.change, Create | Rename):
                return operation.change.title, operation.author
        return "", b""

    @property
    def heads(self) -> tuple[bytes, ...]:
        """Authorised operations that no other such names, ascending; of many those that stand on most."""
        named = {dep for at in _bits(self._good) for dep in self._order[at].operation.deps}
        loose = [op for at in _bits(self._good) if (op := self._order[at].operation.id) not in named]
        deepest = sorted(loose, key=lambda op: (self._depth[self._number[op]], op))[-MAX_DEPS:]
        return tuple(sorted(deepest))

    @property
    def operations(self) -> list[Placed]:
        """Those that are placed, each after all that it names."""
        return list(self._order)

    @property
    def refused(self) -> list[bytes]:
        """Ids of those that are placed and for ever without authority."""
        return [each.operation.id for at, each in enumerate(self._order) if not self._good >> at & 1]

    def knows(self, heads: Iterable[bytes]) -> bool:
        """Are all of these operations here, with all that they stand on?"""
        return all(head in self._number for head in heads)

    def may_speak(self, who: bytes, device: AuthorId, seq: int, heads: Iterable[bytes]) -> bool:
        """Does a message count that a device of this person sent as entry `seq` of its `sealed` log?

        `heads`: the operations that it knew then; `knows` has to be true of them.
        """
        known = 0
        for head in heads:
            number = self._number[head]
            known |= self._past[number] | 1 << number
        if known & ~self._good or not self._alive(self._joined, who, self._counting(known)):
            return False
        unknown = self._removals.get(who, 0) & self._counted & ~known
        return not any(seq > self._cut(at, device) for at in _bits(unknown))

    def is_news_for(self, device: AuthorId, op: bytes) -> bool:
        """Did an operation and one of this device's not know of each other, and one of both let people in?

        Then those who came with the one know nothing of the other, until it is told.
        """
        number = self._number.get(op)
        if number is None or not self._good >> number & 1:
            return False
        adds = isinstance(self._order[number].operation.change, Add)
        return any(
            self._order[at].operation.device == device
            and not self._past[at] >> number & 1
            and (adds or isinstance(self._order[at].operation.change, Add))
            for at in _bits(self._good & ~self._past[number] & ~(1 << number))
        )

    def brought_by(self, who: bytes) -> bytes | None:
        """Who brought somebody in last; None: nobody."""
        return self._last_author(self._joined.get(who, 0))

    def raised_by(self, who: bytes) -> bytes | None:
        """Who made somebody an admin last; None: nobody did, he is one where there is no other."""
        return self._last_author(self._raised.get(who, 0))

    def removed_by(self, who: bytes) -> bytes | None:
        """Who removed somebody last; None: nobody did, who brought him in had no right to."""
        return self._last_author(self._removals.get(who, 0))

    def _last_author(self, ops: int) -> bytes | None:
        found = ops & self._counted
        return self._order[found.bit_length() - 1].operation.author if found else None

    # --- placing and authority ------------------------------------------------------------------------

    def _place(self, at: int, operation: Operation) -> None:
        past, depth = 0, 0
        for dep in operation.deps:
            number = self._number[dep]
            past |= self._past[number] | 1 << number
            depth = max(depth, self._depth[number] + 1)
        self._past.append(past)
        self._depth.append(depth)
        self._voiders.append(0)
        self._needs.append(())
        self._hanging.append(0)
        needs = None if past & ~self._good else self._authority(operation, past)
        if needs is None:
            return
        bit = 1 << at
        self._good |= bit
        self._needs[at] = needs
        for grant in {grant for need in needs for grant in _bits(need)}:
            self._hanging[grant] |= bit
        # nothing in the past of this one can void it, and it can void nothing there
        self._known[past | bit] = self._counting(past) | bit
        match operation.change:
            case Create(_, members):
                self._grant(bit, (who for who, _ in members), (who for who, admin in members if admin))
            case Add(members, admin):
                self._grant(bit, members, members if admin else ())
            case Promote(who):
                self._grant(bit, (), (who,))
            case Remove(who, _):
                self._removals[who] = self._removals.get(who, 0) | bit
            case Rename():
                pass
        self._contest(at, operation, past)
        self._written[operation.author] = self._written.get(operation.author, 0) | bit

    def _grant(self, bit: int, joined: Iterable[bytes], raised: Iterable[bytes]) -> None:
        for who in joined:
            self._joined[who] = self._joined.get(who, 0) | bit
        for who in raised:
            self._raised[who] = self._raised.get(who, 0) | bit

    def _contest(self, at: int, operation: Operation, past: int) -> None:
        """Note which removals may void this operation, and which ones it may void."""
        for removal in _bits(self._removals.get(operation.author, 0) & ~past & ~(1 << at)):
            self._may_void(removal, at)
        if isinstance(operation.change, Remove):
            for other in _bits(self._written.get(operation.change.member, 0) & ~past):
                self._may_void(at, other)

    def _may_void(self, removal: int, at: int) -> None:
        operation, seq = self._order[at]
        if seq > self._cut(removal, operation.device):
            self._voiders[at] |= 1 << removal
            self._hanging[removal] |= 1 << at
            self._contested |= 1 << at

    def _cut(self, removal: int, device: AuthorId) -> int:
        change = self._order[removal].operation.change
        assert isinstance(change, Remove)
        return max((seq for named, seq in change.cuts if named == device), default=0)

    def _authority(self, operation: Operation, past: int) -> tuple[int, ...] | None:
        """What gives the author the right to this operation, see `_needs`; None: nothing does."""
        change, author = operation.change, operation.author
        if isinstance(change, Create):
            return () if (author, True) in change.members else None
        counted = self._counting(past)
        joined = self._alive(self._joined, author, counted)
        if not joined:
            return None
        if isinstance(change, Remove) and change.member == author:
            return (joined,)
        if isinstance(change, Remove | Promote) and not self._alive(self._joined, change.member, counted):
            return None
        raised = self._alive(self._raised, author, counted)
        if raised:
            return (joined, raised)
        return None if self._has_admin(counted) else (joined,)

    def _alive(self, grants: Mapping[bytes, int], who: bytes, counted: int) -> int:
        """The grants of somebody among the operations that count, which no removal among them undoes."""
        found, removals = grants.get(who, 0) & counted, self._removals.get(who, 0) & counted
        if not removals:
            return found
        return sum(1 << at for at in _bits(found) if not removals & ~self._past[at])

    def _has_admin(self, counted: int) -> bool:
        return any(
            self._alive(self._raised, who, counted) and self._alive(self._joined, who, counted)
            for who in self._raised
        )

    def _members(self) -> dict[bytes, bool]:
        alive = {who: self._alive(self._joined, who, self._counted) for who in self._joined}
        # where admins who did not know of each other added too many, those that came first are in
        found = sorted((next(_bits(grants)), who) for who, grants in alive.items() if grants)
        members = {
            who: bool(self._alive(self._raised, who, self._counted))
            for who in sorted(who for _, who in found[:MAX_MEMBERS])
        }
        return members if any(members.values()) else dict.fromkeys(members, True)

    # --- what counts ----------------------------------------------------------------------------------

    def _counting(self, known: int) -> int:
        """Which of these authorised operations count, if there are no others. `known` holds all pasts."""
        if known not in self._known:
            self._known[known] = self._decide(known)
        return self._known[known]

    def _decide(self, known: int) -> int:
        open_ = sum(1 << at for at in _bits(known & self._contested) if self._voiders[at] & known)
        if not open_:
            return known
        first = open_ & -open_
        for at in _bits(known & ~(first - 1)):  # what may fall with those that a removal may void
            if any(not need & ~open_ for need in self._needs[at]):
                open_ |= 1 << at
        counted, agenda = known & ~open_, open_
        while open_:
            while agenda:
                at = (agenda & -agenda).bit_length() - 1
                agenda &= agenda - 1
                verdict = self._verdict(at, known, counted, open_)
                if verdict is not None:
                    open_ &= ~(1 << at)
                    counted |= int(verdict) << at
                    agenda |= self._hanging[at] & open_
            removals = self._circles(open_)
            open_ &= ~removals
            counted |= removals
            for at in _bits(removals):
                agenda |= self._hanging[at] & open_
        return counted

    def _verdict(self, at: int, known: int, counted: int, open_: int) -> bool | None:
        """Does an operation count? None: that hangs on others that are open."""
        voiders = self._voiders[at] & known
        if voiders & counted or any(not need & (counted | open_) for need in self._needs[at]):
            return False
        if voiders & open_ or any(not need & counted for need in self._needs[at]):
            return None
        return True

    def _circles(self, open_: int) -> int:
        """Removals of those circles that hang on nothing else that is open. There is one: grants stand in the
        past of what they allow, so that no circle is without a removal."""
        edges: dict[int, int] = {}
        for at in _bits(open_):
            others = self._voiders[at]
            for need in self._needs[at]:
                others |= need
            edges[at] = others & open_
        back = {at: self._hanging[at] & open_ for at in edges}
        return sum(
            1 << at
            for circle in _free_circles(edges, back)
            for at in _bits(circle)
            if isinstance(self._order[at].operation.change, Remove)
        )


def _bits(mask: int) -> Iterator[int]:
    """The places of the bits that are set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _in_order(conversation: bytes, placed: Iterable[Placed]) -> tuple[list[Placed], frozenset[bytes]]:
    """Operations whose deps are all here, each after its deps; the order is a function of the set.

    With the ids of those that are named and not here.
    """
    waiting = {each.operation.id: each for each in placed if each.operation.conversation == conversation}
    order: list[Placed] = []
    done: set[bytes] = set()
    layer = [each for each in waiting.values() if isinstance(each.operation.change, Create)]
    followers: dict[bytes, list[bytes]] = {}
    lacking: dict[bytes, int] = {}
    for each in waiting.values():
        lacking[each.operation.id] = len(each.operation.deps)
        for dep in each.operation.deps:
            followers.setdefault(dep, []).append(each.operation.id)
    while layer:
        layer.sort(key=lambda each: each.operation.id)
        order += layer
        ready: list[Placed] = []
        for each in layer:
            done.add(each.operation.id)
            for follower in followers.get(each.operation.id, ()):
                lacking[follower] -= 1
                if not lacking[follower]:
                    ready.append(waiting[follower])
        layer = ready
    lost = {dep for each in waiting.values() for dep in each.operation.deps if dep not in waiting}
    return order, frozenset(lost)


def _free_circles(edges: Mapping[int, int], back: Mapping[int, int]) -> list[int]:
    """The strongly connected components from which no edge leads out (Kosaraju's algorithm), as bits.

    `edges`: by place the places that it hangs on; `back`: the same the other way round. No edge is looked at
    by itself: two who remove each other a thousand times each make a million of them.
    """
    left = sum(1 << at for at in edges)
    finished: list[int] = []
    for root in edges:
        if left >> root & 1:
            left &= ~(1 << root)
            path = [root]
            while path:
                further = edges[path[-1]] & left
                if further:
                    path.append((further & -further).bit_length() - 1)
                    left &= ~(1 << path[-1])
                else:
                    finished.append(path.pop())
    free: list[int] = []
    left = sum(1 << at for at in edges)
    for root in reversed(finished):
        circle, out, reached = 0, 0, left & 1 << root
        while reached:
            at = (reached & -reached).bit_length() - 1
            left &= ~(1 << at)
            circle |= 1 << at
            out |= edges[at]
            reached = (reached | back[at]) & left
        if circle and not out & ~circle:
            free.append(circle)
    return free
