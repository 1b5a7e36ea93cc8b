"""Every page of `examples/` goes as it says, with real processes."""

import pytest

from page_runner import run_page
from premises import BIN, ROOT

PAGES = sorted((ROOT / "examples").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_goes_as_it_says(page, tmp_path):
    run_page(page.read_text(encoding="utf-8"), tmp_path, BIN)
