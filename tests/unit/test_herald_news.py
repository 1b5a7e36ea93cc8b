"""What is told of a roster that changed: who joined, who left, which sections and devices."""

from node.affairs.census import Census, take_census
from node.herald import roster_news
from node.naming import Names
from node.testing.citizens import Device
from node.testing.federations import Federation, cut_at
from store.ids import to_text


class Watch:
    """A federation, and how its roster looked when it was last looked at."""

    def __init__(self) -> None:
        self.federation = Federation()
        [[self.alice]] = self.federation.stewards
        self._before = self._look()

    def _look(self) -> Census:
        return take_census(self.federation.roster(), self.alice.id)

    def news(self) -> list[dict[str, object]]:
        before, self._before = self._before, self._look()
        called: dict[bytes, str] = {
            device.citizen.root: device.citizen.name for device in self.federation.devices.values()
        }
        return roster_news(before, self._before, Names({}, called, self._before.owners))

    def joins(self, name: str) -> Device:
        return self.federation.join(name, self.federation.invite(self.alice))


def test_nothing_is_told_where_nothing_happened() -> None:
    assert Watch().news() == []


def test_who_joins_and_who_leaves_is_told_once() -> None:
    watch = Watch()
    bob = watch.joins("bob")
    place = {"section": to_text(watch.federation.sections[0]), "section_name": "section 0"}
    who = {"member": to_text(bob.citizen.root), "name": "bob"}
    assert watch.news() == [{"event": "joined", **who, **place}]
    assert watch.news() == []
    watch.alice.end(watch.federation.state(), bob.citizen.root, [cut_at(bob)])
    assert watch.news() == [{"event": "left", **who, **place}]


def test_a_section_is_told_of_when_it_comes_and_when_it_is_in() -> None:
    watch = Watch()
    carol = watch.federation.newcomer("carol")
    invite = watch.federation.invite(watch.alice, purpose=1)
    berlin = watch.federation.begin("Berlin", [carol], invite)
    told = {"event": "section", "id": to_text(berlin), "name": "Berlin"}
    assert watch.news() == [{**told, "valid": False}]
    watch.alice.endorse(watch.federation.state(), berlin)
    joined = {"event": "joined", "member": to_text(carol.citizen.root), "name": "carol"}
    place = {"section": to_text(berlin), "section_name": "Berlin"}
    assert watch.news() == [{**told, "valid": True}, {**joined, **place}]


def test_a_revoked_device_is_told_of_and_a_new_one_is_not() -> None:
    watch = Watch()
    bob = watch.joins("bob")
    watch.news()
    phone = watch.federation.device(bob.citizen, "phone")
    assert watch.news() == []
    phone.cut(cut_at(bob))
    [news] = watch.news()
    assert news == {"event": "revoked", "device": to_text(bob.id), "name": "bob", "device_name": "laptop"}
