"""Who belongs to a group: a fold over the set of its operations, the same for every order of arrival. Pure.

docs/protocol/secrecy.md, "Groups". In three steps:

    placed      all that an operation names is here; it descends from the one that creates the group
    authorised  by its own past alone: its author was an admin there. This never changes
    counted     no removal of its author voids it: one that did not know it, that it did not know, and that
                does not name it. Where removals void each other in a circle, all of them count

Sets of operations are bits of an integer, so that a group of 2,048 operations is folded in some ten ms.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from node.apps.messenger.operations import (
    MAX_DEPS,
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


class _Grant(NamedTuple):
    """That an operation makes somebody a member, or an admin."""

    at: int
    admin: bool
    member: bool
    """False: it only promotes."""


class Membership:
    """A group as some of its operations make it."""

    def __init__(self, conversation: bytes, placed: Iterable[Placed]) -> None:
        """`conversation`: 16 bytes. Operations of other groups count for nothing."""
        self._conversation = conversation
        self._order = _in_order(conversation, placed)
        self._number: dict[bytes, int] = {each.operation.id: at for at, each in enumerate(self._order)}
        self._past: list[int] = []
        self._depth: list[int] = []
        self._grants: dict[bytes, list[_Grant]] = {}
        self._removals: dict[bytes, list[int]] = {}
        self._authorised: list[bool] = []
        for at, each in enumerate(self._order):
            self._place(at, each.operation)
        self.counted: tuple[bool, ...] = tuple(self._decide())
        """Of each operation in order, whether it counts."""
        self.members: Mapping[bytes, bool] = self._members()
        """Who belongs to the group now, and whether he is an admin."""

    # --- what is asked --------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What the group is called; empty: it is not known yet."""
        named = [
            (self._depth[at], each.operation.id, each.operation.change.title)
            for at, each in enumerate(self._order)
            if self.counted[at] and isinstance(each.operation.change, Create | Rename)
        ]
        return max(named)[2] if named else ""

    @property
    def heads(self) -> tuple[bytes, ...]:
        """Operations that no other names, ascending; of very many those that stand on most."""
        named = {dep for each in self._order for dep in each.operation.deps}
        loose = [each.operation.id for each in self._order if each.operation.id not in named]
        deepest = sorted(loose, key=lambda op: (self._depth[self._number[op]], op))[-MAX_DEPS:]
        return tuple(sorted(deepest))

    @property
    def operations(self) -> list[Placed]:
        """Those that are placed, each after all that it names."""
        return list(self._order)

    def knows(self, heads: Iterable[bytes]) -> bool:
        """Are all of these operations here, with all that they stand on?"""
        return all(head in self._number for head in heads)

    def may_speak(self, who: bytes, device: AuthorId, seq: int, heads: Iterable[bytes]) -> bool:
        """Does a message count that a device of this person sent as entry `seq` of its `sealed` log?

        `heads`: the operations that it knew then; `knows` has to be true of them.
        """
        known = self._with_past(heads)
        if not self._is_alive(who, known, admin=False):
            return False
        return not any(
            self.counted[at] and not known >> at & 1 and seq > self._cut(at, device)
            for at in self._removals.get(who, ())
        )

    def doer(self, who: bytes, *, gone: bool) -> bytes | None:
        """Who removed somebody (`gone`) or brought him in last; None: nobody."""
        if gone:
            found = [at for at in self._removals.get(who, ()) if self.counted[at]]
        else:
            found = [grant.at for grant in self._grants.get(who, ()) if self.counted[grant.at]]
        return self._order[max(found)].operation.author if found else None

    # --- placing and authority ------------------------------------------------------------------------

    def _place(self, at: int, operation: Operation) -> None:
        past, depth = 0, 0
        for dep in operation.deps:
            number = self._number[dep]
            past |= self._past[number] | 1 << number
            depth = max(depth, self._depth[number] + 1)
        self._past.append(past)
        self._depth.append(depth)
        self._authorised.append(self._may(operation, past))
        if not self._authorised[at]:
            return
        match operation.change:
            case Create(_, members):
                for who, admin in members:
                    self._grants.setdefault(who, []).append(_Grant(at, admin, True))
            case Add(members, admin):
                for who in members:
                    self._grants.setdefault(who, []).append(_Grant(at, admin, True))
            case Promote(who):
                self._grants.setdefault(who, []).append(_Grant(at, True, False))
            case Remove(who, _):
                self._removals.setdefault(who, []).append(at)
            case Rename():
                pass

    def _may(self, operation: Operation, past: int) -> bool:
        change, author = operation.change, operation.author
        if isinstance(change, Create):
            return (author, True) in change.members
        if not self._is_alive(author, past, admin=False):
            return False
        if isinstance(change, Remove) and change.member == author:
            return True
        return self._is_alive(author, past, admin=True) or not self._has_admin(past)

    def _alive(self, who: bytes, known: int, *, admin: bool) -> list[int]:
        """Grants among these operations that make somebody a member (or an admin) and that no removal among
        them undoes. Authority alone is looked at, not what counts."""
        return [
            grant.at
            for grant in self._grants.get(who, ())
            if known >> grant.at & 1
            and (grant.admin if admin else grant.member)
            and not any(
                known >> at & 1 and not self._past[grant.at] >> at & 1 for at in self._removals.get(who, ())
            )
        ]

    def _is_alive(self, who: bytes, known: int, *, admin: bool) -> bool:
        return bool(self._alive(who, known, admin=admin))

    def _has_admin(self, known: int) -> bool:
        return any(
            self._is_alive(who, known, admin=True) and self._is_alive(who, known, admin=False)
            for who, grants in self._grants.items()
            if any(grant.admin for grant in grants)
        )

    def _with_past(self, heads: Iterable[bytes]) -> int:
        known = 0
        for head in heads:
            number = self._number[head]
            known |= self._past[number] | 1 << number
        return known

    # --- what counts ----------------------------------------------------------------------------------

    def _cut(self, removal: int, device: AuthorId) -> int:
        change = self._order[removal].operation.change
        assert isinstance(change, Remove)
        return max((seq for named, seq in change.cuts if named == device), default=0)

    def _voiders(self, at: int) -> list[int]:
        """Removals that void an operation if they count."""
        operation, seq = self._order[at]
        return [
            removal
            for removal in self._removals.get(operation.author, ())
            if removal != at
            and not self._past[at] >> removal & 1
            and not self._past[removal] >> at & 1
            and seq > self._cut(removal, operation.device)
        ]

    def _supports(self, at: int) -> list[int] | None:
        """Operations one of which has to count for this one to count; None: it needs none."""
        operation = self._order[at].operation
        if isinstance(operation.change, Create):
            return None
        past = self._past[at]
        needs_admin = not (
            isinstance(operation.change, Remove) and operation.change.member == operation.author
        )
        admins = self._alive(operation.author, past, admin=True) if needs_admin else []
        return admins or self._alive(operation.author, past, admin=False)

    def _decide(self) -> list[bool]:
        voiders = {at: self._voiders(at) for at, good in enumerate(self._authorised) if good}
        supports = {at: self._supports(at) for at in voiders}
        decided: dict[int, bool] = {}
        while len(decided) < len(voiders):
            before = len(decided)
            for at in voiders:
                if at not in decided:
                    verdict = _verdict(voiders[at], supports[at], decided)
                    if verdict is not None:
                        decided[at] = verdict
            if len(decided) == before:
                self._break_circle(voiders, supports, decided)
        return [decided.get(at, False) for at in range(len(self._order))]

    def _break_circle(
        self,
        voiders: Mapping[int, Sequence[int]],
        supports: Mapping[int, Sequence[int] | None],
        decided: dict[int, bool],
    ) -> None:
        """Removals that void each other: all of a circle that hangs on no other circle count."""
        edges = {
            at: [other for other in (*voiders[at], *(supports[at] or ())) if other not in decided]
            for at in voiders
            if at not in decided
        }
        for circle in _free_circles(edges):
            removals = [at for at in circle if isinstance(self._order[at].operation.change, Remove)]
            for at in removals or circle:
                decided[at] = bool(removals)

    def _members(self) -> dict[bytes, bool]:
        members = {
            who: self._holds(who, admin=True) for who in sorted(self._grants) if self._holds(who, admin=False)
        }
        return members if any(members.values()) else dict.fromkeys(members, True)

    def _holds(self, who: bytes, *, admin: bool) -> bool:
        """Is there a grant that counts, without a removal that counts and that it does not know?"""
        return any(
            self.counted[grant.at]
            and (grant.admin if admin else grant.member)
            and not any(
                self.counted[at] and not self._past[grant.at] >> at & 1 for at in self._removals.get(who, ())
            )
            for grant in self._grants[who]
        )


def _verdict(
    voiders: Sequence[int], supports: Sequence[int] | None, decided: Mapping[int, bool]
) -> bool | None:
    """Does an operation count? None: that hangs on others that are not decided."""
    if any(decided.get(at) for at in voiders):
        return False
    if supports is not None and all(decided.get(at) is False for at in supports):
        return False
    if any(at not in decided for at in voiders):
        return None
    return True if supports is None or any(decided.get(at) for at in supports) else None


def _in_order(conversation: bytes, placed: Iterable[Placed]) -> list[Placed]:
    """Operations whose deps are all here, each after its deps; the order is a function of the set."""
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
    return order


def _free_circles(edges: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The strongly connected components from which no edge leads out (Tarjan's algorithm)."""
    # long because an explicit stack stands for the recursion
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    component: dict[int, int] = {}
    stack: list[int] = []
    components: list[list[int]] = []
    for root in edges:
        if root in index:
            continue
        work: list[tuple[int, int]] = [(root, 0)]
        while work:
            at, step = work.pop()
            if step == 0:
                index[at] = low[at] = len(index)
                stack.append(at)
            if step < len(edges[at]):
                work.append((at, step + 1))
                other = edges[at][step]
                if other not in index:
                    work.append((other, 0))
                elif other not in component:
                    low[at] = min(low[at], index[other])
                continue
            for other in edges[at]:
                if other not in component:
                    low[at] = min(low[at], low[other])
            if low[at] == index[at]:
                found: list[int] = []
                while not found or found[-1] != at:
                    found.append(stack.pop())
                    component[found[-1]] = len(components)
                components.append(sorted(found))
    return [
        circle
        for number, circle in enumerate(components)
        if all(component[other] == number for at in circle for other in edges[at])
    ]
