"""What costs a look at all profiles is kept for as long as nobody's changes."""

from node.looking import Look
from node.naming import NameBook
from node.testing.homes import temporary_home
from node.testing.people import Person
from store.ids import LOG_PROFILE


def test_what_was_made_is_made_again_once_a_profile_comes_or_goes() -> None:
    alice = Person("alice")
    with temporary_home(friends=[alice]) as home:
        look = Look(home, NameBook(home, lambda: 0), lambda: 0)
        made: list[int] = []

        def make() -> int:
            made.append(len(made))
            return made[-1]

        assert [look.kept("one", make) for _ in range(3)] == [0, 0, 0]
        assert look.kept("another", lambda: "other") == "other"
        entry = alice.write([64, "alice", []], LOG_PROFILE)
        home.shelf.append([[entry]], checked=True, durable=False)
        assert [look.kept("one", make) for _ in range(2)] == [1, 1]
        home.shelf.drop_body(entry.id)
        assert look.kept("one", make) == 2
        home.shelf.append([[alice.post("not a profile")]], checked=True, durable=False)
        assert look.kept("one", make) == 2
