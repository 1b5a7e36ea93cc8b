"""Every page of `examples/` goes as it says, with real processes."""

import pytest

from cli.verbs import VERBS, Group
from page_runner import parse_page, run_page
from premises import BIN, ROOT

PAGES = sorted((ROOT / "examples").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_goes_as_it_says(page, tmp_path):
    run_page(page.read_text(encoding="utf-8"), tmp_path, BIN)


def verbs():
    """Every verb as it is typed after `aster`."""
    found = []
    for name, entry in VERBS.items():
        found += [f"{name} {verb}" for verb in entry.verbs] if isinstance(entry, Group) else [name]
    return found


def test_every_verb_stands_on_some_page():
    steps = [step for page in PAGES for step in parse_page(page.read_text(encoding="utf-8"))]
    commands = " ".join(" ".join(step.command.split()) + " " for step in steps)
    unseen = [verb for verb in verbs() if f"aster {verb} " not in commands]
    assert unseen == ["demo"]  # README.md shows it, and a test of its own runs it
