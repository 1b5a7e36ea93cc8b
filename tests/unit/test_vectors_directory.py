"""The frozen vectors of `docs/protocol/directory.md`, read as a second implementation would read them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.affairs.census import MemberNames, member_names, take_census
from node.apps.directory.bodies import Profile, SectionProfile, parse
from node.apps.directory.service import Published, Said
from node.contacts.choosing import of_members
from node.federation.roster import Roster
from node.testing.citizens import Citizen, found, inception
from store.ids import LOG_PROFILE, AuthorId

FOLDER = Path(__file__).parents[1] / "vectors"
NAMES = ("directory-accept.json", "directory-refuse.json")
ACCEPT, REFUSE = (json.loads((FOLDER / name).read_text(encoding="utf-8"))["cases"] for name in NAMES)

Case = dict[str, Any]


def plain(fields: Any) -> Any:
    if fields is None:
        return None
    return [
        {
            "number": field.number,
            "tag": field.tag,
            "public": field.public,
            **({"text": field.value} if isinstance(field.value, str) else {"bytes": field.value.hex()}),
        }
        for field in fields
    ]


@pytest.mark.parametrize(
    "case", [case for case in ACCEPT if case["what"] == "profile"], ids=lambda case: ascii(case["name"])
)
def test_a_profile_is_understood(case: Case) -> None:
    profile = parse(bytes.fromhex(case["body"]))
    assert isinstance(profile, Profile | SectionProfile)
    assert {
        "name": profile.name if isinstance(profile, Profile) else None,
        "section": profile.section.hex() if isinstance(profile, SectionProfile) else None,
        "fields": plain(profile.fields),
    } == case["found"]


@pytest.mark.parametrize("case", REFUSE, ids=lambda case: ascii(case["name"]))
def test_of_what_is_no_profile_nothing_is_shown(case: Case) -> None:
    assert parse(bytes.fromhex(case["body"])) is None


@pytest.mark.parametrize(
    "case", [case for case in ACCEPT if case["what"] == "choose"], ids=lambda case: case["name"]
)
def test_of_several_profiles_of_a_member_the_right_ones_count(case: Case) -> None:
    alice = Citizen("alice")
    charter = found([inception("Lyon", [alice])])
    device = alice.device(charter.network_id(), "laptop")
    roster = Roster(charter)
    roster.add(device.log)
    census = take_census(roster, device.id)
    template = census.devices[device.id]
    ids = {AuthorId(bytes.fromhex(each["device"])) for each in case["profiles"]}
    census = census._replace(
        devices={each: template._replace(id=each) for each in ids}, owners=dict.fromkeys(ids, alice.root)
    )
    published = [
        Published(AuthorId(bytes.fromhex(each["device"])), each["seq"], each["time_ms"], each["name"])
        for each in case["profiles"]
    ]
    names: MemberNames = member_names(census, published, LOG_PROFILE, 10_000, 0)
    assert names.names[alice.root] == case["found"]["name"]
    said = [
        Said(each.device, each.seq, each.time_ms)
        for each, given in zip(published, case["profiles"], strict=True)
        if given["fields"]
    ]
    counts = of_members(census, device.id, said, 10_000, 0).by_bearer.get(alice.root)
    assert (None if counts is None else [counts.device.hex(), counts.seq]) == case["found"]["fields"]


def test_the_files_are_what_the_scripts_write(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "make_directory_vectors.py"), str(tmp_path)]
    subprocess.run(command, check=True, cwd=FOLDER)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
