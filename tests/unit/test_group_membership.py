"""Who belongs to a group: removal wins, whatever the order in which operations arrive."""
# long because the rules stand here a second time, read word for word

from collections.abc import Iterable, Sequence
from itertools import count, pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.apps.messenger import operations
from node.apps.messenger.membership import Membership, Placed
from node.apps.messenger.operations import MAX_DEPS, MAX_MEMBERS, Add, Change, Create, Promote, Remove, Rename
from node.testing.people import NETWORK
from store.ids import AuthorId


def person(name: str) -> bytes:
    return name.encode().ljust(32, b".")


def device(name: str) -> AuthorId:
    return AuthorId(name.encode().ljust(32, b"!"))


class Group:
    """A group that is written by hand: each operation says on which it stands and where it lies."""

    def __init__(self, *members: str, admins: Sequence[str] = ("ann",)) -> None:
        self.salts = count(1)
        self.all: dict[bytes, Placed] = {}
        named = [(person(who), who in admins) for who in sorted({*admins, *members})]
        self.id = b""
        self.root = self.op(admins[0], Create("start", tuple(named)), [], 1)
        self.id = self.all[self.root].operation.conversation

    def op(self, who: str, change: Change, deps: Sequence[bytes], seq: int) -> bytes:
        salt = next(self.salts).to_bytes(8, "big")
        data = operations.compose(self.id, person(who), device(who), sorted(deps), salt, change)
        operation = operations.parse(NETWORK, data)
        assert operation is not None
        self.all[operation.id] = Placed(operation, seq)
        return operation.id

    def add(self, who: str, whom: str, deps: Sequence[bytes], seq: int = 10, *, admin: bool = False) -> bytes:
        return self.op(who, Add((person(whom),), admin), deps, seq)

    def remove(self, who: str, whom: str, deps: Sequence[bytes], seq: int = 10, seen: int = 5) -> bytes:
        return self.op(who, Remove(person(whom), ((device(whom), seen),)), deps, seq)

    def promote(self, who: str, whom: str, deps: Sequence[bytes], seq: int = 10) -> bytes:
        return self.op(who, Promote(person(whom)), deps, seq)

    def rename(self, who: str, title: str, deps: Sequence[bytes], seq: int = 10) -> bytes:
        return self.op(who, Rename(title), deps, seq)

    def fold(self, placed: Iterable[Placed] | None = None) -> Membership:
        return Membership(self.id, self.all.values() if placed is None else placed)

    def members(self) -> dict[str, bool]:
        return {who.decode().rstrip("."): is_admin for who, is_admin in sorted(self.fold().members.items())}

    def counts(self, op: bytes) -> bool:
        fold = self.fold()
        return next(
            bool(is_counted)
            for each, is_counted in zip(fold.operations, fold.counted, strict=True)
            if each.operation.id == op
        )

    def may_speak(self, who: str, seq: int, heads: Sequence[bytes]) -> bool:
        return self.fold().may_speak(person(who), device(who), seq, heads)


# --- what admins may ----------------------------------------------------------------------------------


def test_who_creates_a_group_is_in_it_as_an_admin() -> None:
    assert Group("bob").members() == {"ann": True, "bob": False}


def test_a_group_whose_author_is_not_among_its_admins_is_none() -> None:
    group = Group()
    data = operations.compose(
        b"", person("eve"), device("eve"), (), bytes(8), Create("x", ((person("ann"), True),))
    )
    operation = operations.parse(NETWORK, data)
    assert operation is not None
    assert not Membership(operation.conversation, [Placed(operation, 1)]).members
    assert group.members() == {"ann": True}


@pytest.mark.parametrize("what", ["add", "remove", "promote", "rename"])
@pytest.mark.parametrize("who", ["bob", "eve"])
def test_only_an_admin_changes_a_group(who: str, what: str) -> None:
    group = Group("bob", "carol")
    match what:
        case "add":
            group.add(who, "dora", [group.root])
        case "remove":
            group.remove(who, "carol", [group.root])
        case "promote":
            group.promote(who, "bob", [group.root])
        case _:
            group.rename(who, "mine", [group.root])
    fold = group.fold()
    assert group.members() == {"ann": True, "bob": False, "carol": False}
    assert fold.title == "start"
    assert fold.heads == (group.root,)
    assert len(fold.refused) == 1


def test_nothing_stands_on_what_was_done_without_authority() -> None:
    group = Group("bob")
    bad = group.promote("bob", "bob", [group.root])
    group.add("bob", "eve", [bad])
    group.add("ann", "dora", [bad])
    assert group.members() == {"ann": True, "bob": False}


def test_a_promoted_member_is_an_admin_from_then_on() -> None:
    group = Group("bob")
    group.add("bob", "eve", [group.root])
    up = group.promote("ann", "bob", [group.root])
    group.add("bob", "dora", [up])
    assert group.members() == {"ann": True, "bob": True, "dora": False}


def test_only_a_member_is_promoted() -> None:
    group = Group()
    group.promote("ann", "eve", [group.root])
    assert group.members() == {"ann": True}


def test_a_member_leaves_by_himself_and_the_last_admin_leaves_all_as_admins() -> None:
    group = Group("bob", "carol")
    gone = group.remove("bob", "bob", [group.root])
    assert group.members() == {"ann": True, "carol": False}
    left = group.remove("ann", "ann", [gone])
    assert group.members() == {"carol": True}
    group.add("carol", "dora", [left])
    assert group.members() == {"carol": True, "dora": True}


def test_the_last_name_counts_and_where_two_did_not_know_each_other_all_agree() -> None:
    group = Group("bob", admins=("ann", "bob"))
    one = group.rename("ann", "one", [group.root])
    group.rename("bob", "two", [group.root])
    last = group.rename("ann", "later", [one])
    titles = {group.fold(order).title for order in permutations(group.all.values())}
    assert titles == {"later"}
    assert last in group.fold().heads


# --- removal wins -------------------------------------------------------------------------------------


def test_removal_wins_over_an_add_that_does_not_know_it() -> None:
    group = Group("bob", "carol", admins=("ann", "bob"))
    group.remove("ann", "carol", [group.root])
    group.add("bob", "carol", [group.root])
    assert group.members() == {"ann": True, "bob": True}


def test_an_add_that_knows_of_the_removal_brings_back() -> None:
    group = Group("carol")
    gone = group.remove("ann", "carol", [group.root])
    group.add("ann", "carol", [gone], 11)
    assert group.members() == {"ann": True, "carol": False}


def test_who_comes_back_is_no_admin_by_what_he_was() -> None:
    group = Group("bob", admins=("ann", "bob"))
    gone = group.remove("ann", "bob", [group.root])
    group.add("ann", "bob", [gone], 11)
    assert group.members() == {"ann": True, "bob": False}


def test_two_admins_who_remove_each_other_both_go() -> None:
    group = Group("bob", "carol", "dora", admins=("ann", "bob", "carol"))
    group.remove("ann", "bob", [group.root])
    group.remove("bob", "ann", [group.root])
    assert group.members() == {"carol": True, "dora": False}


def test_three_who_remove_each_other_in_a_circle_all_go() -> None:
    group = Group("dora", admins=("ann", "bob", "carol"))
    group.remove("ann", "bob", [group.root])
    group.remove("bob", "carol", [group.root])
    group.remove("carol", "ann", [group.root])
    assert group.members() == {"dora": True}


def test_what_a_removed_admin_did_before_stays_and_what_he_dates_back_is_void() -> None:
    group = Group("bob", admins=("ann", "bob"))
    before = group.add("bob", "carol", [group.root], 4)
    unseen = group.add("bob", "dora", [group.root], 5)
    late = group.add("bob", "eve", [group.root], 6, admin=True)
    group.remove("ann", "bob", [before], seen=5)
    assert group.members() == {"ann": True, "carol": False, "dora": False}
    assert group.counts(unseen)
    assert not group.counts(late)


def test_what_stands_on_a_void_grant_is_void() -> None:
    group = Group("bob", "carol", admins=("ann", "bob", "carol"))
    group.remove("ann", "bob", [group.root], seen=5)
    up = group.add("bob", "eve", [group.root], 6, admin=True)
    group.remove("eve", "carol", [up])
    group.add("eve", "mallory", [up])
    assert group.members() == {"ann": True, "carol": True}


def test_who_is_removed_takes_nobody_along_but_who_removed_him() -> None:
    group = Group("dora", admins=("ann", "bob", "carol"))
    group.remove("ann", "bob", [group.root], seen=5)
    group.remove("bob", "carol", [group.root], 6)
    up = group.add("bob", "eve", [group.root], 7, admin=True)
    group.remove("eve", "carol", [up])
    group.remove("eve", "ann", [up])
    assert group.members() == {"carol": True, "dora": False}


def test_a_backdated_removal_takes_nobodys_authority_away() -> None:
    """Bob is removed, then says that he had removed Carol: she goes on as before, though she knows both."""
    group = Group("carol", "bob", admins=("ann", "bob", "carol"))
    gone = group.remove("ann", "bob", [group.root], seen=5)
    false = group.remove("bob", "carol", [group.root], 6)
    assert not group.counts(false)
    added = group.add("carol", "dora", [gone, false])
    assert group.counts(added)
    assert group.members() == {"ann": True, "carol": True, "dora": False}
    assert group.may_speak("carol", 20, [gone, false])
    assert group.may_speak("carol", 20, [added])


def test_a_member_by_a_void_add_is_not_raised_by_who_believed_it() -> None:
    group = Group("bob", "carol", admins=("ann", "bob", "carol"))
    group.remove("ann", "bob", [group.root], seen=5)
    in_ = group.add("bob", "mallory", [group.root], 6)
    up = group.promote("carol", "mallory", [in_])
    group.remove("mallory", "carol", [up])
    assert group.members() == {"ann": True, "carol": True}


# --- what may be heard --------------------------------------------------------------------------------


def test_a_message_counts_from_members_as_far_as_their_removal_names_it() -> None:
    group = Group("bob")
    assert group.may_speak("bob", 3, [group.root])
    assert not group.may_speak("eve", 3, [group.root])
    gone = group.remove("ann", "bob", [group.root], seen=5)
    assert group.may_speak("bob", 5, [group.root])
    assert not group.may_speak("bob", 6, [group.root])
    assert not group.may_speak("bob", 5, [gone])
    assert not group.fold().may_speak(person("bob"), device("bob-2"), 1, [group.root])
    back = group.add("ann", "bob", [gone], 11)
    assert group.may_speak("bob", 7, [back])
    assert not group.may_speak("bob", 6, [group.root])


def test_a_message_that_stands_on_what_has_no_authority_does_not_count() -> None:
    group = Group("bob")
    bad = group.promote("bob", "bob", [group.root])
    assert not group.may_speak("bob", 3, [bad])


def test_what_is_missed_is_named_and_waits() -> None:
    group = Group("bob")
    one = group.add("ann", "carol", [group.root])
    two = group.add("ann", "dora", [one])
    late = [group.all[group.root], group.all[two]]
    fold = group.fold(late)
    assert fold.lacking == {one}
    assert fold.heads == (group.root,)
    assert not fold.knows([two])
    assert fold.knows([group.root])
    assert group.fold().knows([two])
    assert not group.fold().lacking


def test_operations_of_another_group_count_for_nothing() -> None:
    group, other = Group("bob"), Group("carol")
    assert group.fold([*group.all.values(), *other.all.values()]).members == group.fold().members
    assert not Membership(bytes(16), group.all.values()).members


def test_who_did_not_know_of_newcomers_is_told_of() -> None:
    group = Group("bob", "carol", admins=("ann", "bob"))
    add = group.add("ann", "dora", [group.root])
    gone = group.remove("bob", "carol", [group.root])
    title = group.rename("bob", "later", [add])
    fold = group.fold()
    assert fold.is_news_for(device("ann"), gone)
    assert fold.is_news_for(device("bob"), add)
    assert not fold.is_news_for(device("bob"), title)
    assert not fold.is_news_for(device("ann"), title)
    assert not fold.is_news_for(device("ann"), bytes(16))


# --- bounds -------------------------------------------------------------------------------------------


def test_more_members_than_a_group_may_have_are_cut_in_one_order_for_all() -> None:
    group = Group(admins=("ann", "bob"))
    for at in range(0, 1_200, 400):
        whom = tuple(person(f"{number:04}") for number in range(at, at + 400))
        group.op("ann", Add(whom, False), [group.root], 10 + at)
    fold = group.fold()
    assert len(fold.members) == MAX_MEMBERS
    assert fold.members == group.fold(reversed(list(group.all.values()))).members
    assert fold.members[person("ann")]


def test_no_more_heads_are_named_than_one_may_name() -> None:
    group = Group()
    for number in range(30):
        group.rename("ann", f"name {number}", [group.root])
    heads = group.fold().heads
    assert len(heads) == MAX_DEPS
    assert sorted(heads) == list(heads)


def test_a_long_history_full_of_merges_after_a_conflict_is_folded() -> None:
    group = Group(*(f"m{number:03}" for number in range(200)), admins=("ann", "bob", "carol", "dora"))
    heads = [group.remove("ann", "bob", [group.root]), group.remove("bob", "ann", [group.root])]
    for number in range(150):
        heads = [group.rename(who, f"{who} {number}", heads, number + 11) for who in ("carol", "dora")]
    fold = group.fold()
    assert len(fold.members) == 202
    assert not fold.refused


# --- laws ---------------------------------------------------------------------------------------------

NAMES = ("ann", "bob", "carol", "dora")
Move = tuple[str, int, str, int, int, bool]
MOVES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.integers(0, 4),
        st.sampled_from((*NAMES, "eve")),
        st.integers(0, 2**16 - 1),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=12,
)


def told(moves: Sequence[Move]) -> Group:
    """A history in which each operation stands on any that were there: honest, late or dated back."""
    group = Group("carol", "dora", admins=("ann", "bob"))
    for number, (who, kind, whom, choice, seen, flag) in enumerate(moves):
        there = list(group.all)
        deps = sorted({there[(choice >> shift) % len(there)] for shift in (0, 5)})
        seq = number + 2
        match kind:
            case 0:
                group.add(who, whom, deps, seq, admin=flag)
            case 1 | 2:
                group.remove(who, whom, deps, seq, seen)
            case 3:
                group.promote(who, whom, deps, seq)
            case _:
                group.rename(who, f"name {number}", deps, seq)
    return group


def picture(fold: Membership) -> object:
    counted = {
        each.operation.id
        for each, is_counted in zip(fold.operations, fold.counted, strict=True)
        if is_counted
    }
    return dict(fold.members), fold.title, fold.heads, counted, sorted(fold.refused), fold.lacking


@settings(max_examples=80, deadline=None)
@given(MOVES, st.randoms(use_true_random=False))
def test_a_group_is_the_same_for_every_order_of_arrival(moves: list[Move], chance: object) -> None:
    group = told(moves)
    order = list(group.all.values())
    chance.shuffle(order)  # type: ignore[attr-defined]
    assert picture(group.fold(order)) == picture(group.fold())


@settings(max_examples=80, deadline=None)
@given(MOVES, st.integers(0, 12))
def test_authority_once_had_is_never_lost_nor_gained(moves: list[Move], held: int) -> None:
    group = told(moves)
    some = group.fold(list(group.all.values())[: held + 1])
    here = {each.operation.id for each in some.operations}
    assert sorted(some.refused) == sorted(here.intersection(group.fold().refused))


@settings(max_examples=80, deadline=None)
@given(MOVES)
def test_nobody_belongs_to_a_group_whose_removal_nothing_outlived(moves: list[Move]) -> None:
    group = told(moves)
    fold = group.fold()
    good = {
        each.operation.id: each.operation
        for each, is_counted in zip(fold.operations, fold.counted, strict=True)
        if is_counted
    }
    for removal in good.values():
        if not isinstance(removal.change, Remove):
            continue
        after = [
            each for each in good.values() if removal.id in past(group, each) and isinstance(each.change, Add)
        ]
        if not any(
            removal.change.member in each.change.members for each in after if isinstance(each.change, Add)
        ):
            assert removal.change.member not in fold.members


def past(group: Group, operation: operations.Operation) -> set[bytes]:
    found: set[bytes] = set()
    todo = list(operation.deps)
    while todo:
        dep = todo.pop()
        if dep not in found:
            found.add(dep)
            todo += group.all[dep].operation.deps
    return found


@settings(max_examples=120, deadline=None)
@given(MOVES)
def test_the_fold_is_that_of_the_plain_reading_of_its_rules(moves: list[Move]) -> None:
    group = told(moves)
    reading = Reading(group)
    assert group.fold().members == reading.members()


class Reading:
    """The rules of docs/protocol/secrecy.md, "Groups", read word for word with sets."""

    def __init__(self, group: Group) -> None:
        self.ops = {op: placed.operation for op, placed in group.all.items()}
        self.seqs = {op: placed.seq for op, placed in group.all.items()}
        self.past = {op: frozenset(past(group, operation)) for op, operation in self.ops.items()}
        self.good: set[bytes] = set()
        self.needs: dict[bytes, list[set[bytes]]] = {}
        for op in sorted(self.ops, key=lambda op: len(self.past[op])):
            self.judge(op)

    def judge(self, op: bytes) -> None:
        operation, here = self.ops[op], self.past[op]
        change = operation.change
        if isinstance(change, Create):
            self.good.add(op)
            self.needs[op] = []
            return
        if not here <= self.good:
            return
        counted = self.counted(here)
        joined = self.grants(operation.author, counted, admin=False)
        raised = self.grants(operation.author, counted, admin=True)
        is_leaving = isinstance(change, Remove) and change.member == operation.author
        if not joined:
            return
        if isinstance(change, Remove | Promote) and not self.grants(change.member, counted, admin=False):
            return
        if not is_leaving and not raised and any(self.members_of(counted).values()):
            return
        self.good.add(op)
        self.needs[op] = [joined, raised] if raised and not is_leaving else [joined]

    def gives(self, op: bytes, who: bytes, *, admin: bool) -> bool:
        match self.ops[op].change:
            case Create(_, members):
                return any(each == who and (is_admin or not admin) for each, is_admin in members)
            case Add(members, is_admin):
                return who in members and (is_admin or not admin)
            case Promote(member):
                return admin and member == who
            case _:
                return False

    def removes(self, op: bytes, who: bytes) -> bool:
        change = self.ops[op].change
        return isinstance(change, Remove) and change.member == who

    def grants(self, who: bytes, counted: set[bytes], *, admin: bool) -> set[bytes]:
        removals = {op for op in counted if self.removes(op, who)}
        return {op for op in counted if self.gives(op, who, admin=admin) and removals <= self.past[op]}

    def members_of(self, counted: set[bytes]) -> dict[bytes, bool]:
        """Without the rule of a group that has no admin any more."""
        people = {person(name) for name in (*NAMES, "eve")}
        return {
            who: bool(self.grants(who, counted, admin=True))
            for who in people
            if self.grants(who, counted, admin=False)
        }

    def members(self) -> dict[bytes, bool]:
        found = self.members_of(self.counted(self.good))
        return found if any(found.values()) else dict.fromkeys(found, True)

    def voids(self, removal: bytes, op: bytes) -> bool:
        change = self.ops[removal].change
        if removal == op or not isinstance(change, Remove) or change.member != self.ops[op].author:
            return False
        if removal in self.past[op] or op in self.past[removal]:
            return False
        return self.seqs[op] > dict(change.cuts).get(self.ops[op].device, 0)

    def counted(self, known: Iterable[bytes]) -> set[bytes]:
        known = set(known)
        voiders = {op: {other for other in known if self.voids(other, op)} for op in known}
        good: set[bytes] = set()
        void: set[bytes] = set()
        while good | void != known:
            open_ = known - good - void
            voided = {
                op for op in open_ if voiders[op] & good or any(need <= void for need in self.needs[op])
            }
            fine = {
                op
                for op in open_ - voided
                if voiders[op] <= void and all(need & good for need in self.needs[op])
            }
            if not voided and not fine:
                fine = {
                    op
                    for op in open_
                    if isinstance(self.ops[op].change, Remove) and self.is_in_source(op, open_, voiders)
                }
            void |= voided
            good |= fine
        return good

    def is_in_source(self, op: bytes, open_: set[bytes], voiders: dict[bytes, set[bytes]]) -> bool:
        """Does everything open on which this hangs hang on this in turn?"""
        return all(op in self.behind(other, open_, voiders) for other in self.behind(op, open_, voiders))

    def behind(self, op: bytes, open_: set[bytes], voiders: dict[bytes, set[bytes]]) -> set[bytes]:
        found: set[bytes] = set()
        todo = [op]
        while todo:
            at = todo.pop()
            for other in voiders[at].union(*self.needs[at]) & open_ - found:
                found.add(other)
                todo.append(other)
        return found


# --- what many make together to keep others busy ----------------------------------------------------------


def test_a_long_chain_of_removals_is_decided_link_by_link(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"a{number:02}" for number in range(80)]
    group = Group(admins=["ann", *names])
    chain = [group.remove(who, whom, [group.root]) for who, whom in pairwise(reversed(names))]
    asked: list[int] = []
    verdict = Membership._verdict

    def asking(fold: Membership, at: int, known: int, counted: int, open_: int) -> bool | None:
        asked.append(at)
        return verdict(fold, at, known, counted, open_)

    monkeypatch.setattr(Membership, "_verdict", asking)
    fold = group.fold()
    counted = {op.operation.id: counts for op, counts in zip(fold.operations, fold.counted, strict=True)}
    assert [counted[op] for op in chain] == [place % 2 == 0 for place in range(len(chain))]
    assert len(chain) - 1 <= len(asked) <= 3 * len(chain)


def test_two_who_remove_each_other_again_and_again_are_both_out() -> None:
    group = Group("cid", admins=["ann", "bob"])
    for _ in range(40):
        group.remove("ann", "bob", [group.root])
        group.remove("bob", "ann", [group.root])
    assert group.members() == {"cid": True}
