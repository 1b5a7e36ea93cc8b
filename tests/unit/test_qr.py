"""QR codes in a terminal: what is drawn is the symbol, and it fits."""

import subprocess
import sys

import pytest
import segno

from cli.qr import draw

CODE = "A2" * 74 + "B"
HALVES = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}


@pytest.mark.parametrize("length", [124, 149, 150])
def test_a_code_fits_a_terminal_of_24_lines(length: int) -> None:
    lines = draw((CODE + "A")[:length])
    assert len(lines) <= 21
    assert {len(line) for line in lines} == {41}


def test_what_is_drawn_is_the_symbol() -> None:
    """Each character stands for two squares, one above the other; light ones are drawn."""
    rows: list[list[int]] = []
    for line in draw(CODE):
        pairs = [HALVES[char] for char in line]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    symbol = segno.make_qr(CODE, error="L", boost_error=False)
    expected = [[int(dark) for dark in row] for row in symbol.matrix_iter(border=2)]
    assert rows[: len(expected)] == expected
    assert symbol.mode == "alphanumeric"


def test_colours_make_it_light_on_dark_on_any_terminal() -> None:
    plain, coloured = draw(CODE), draw(CODE, colours=True)
    assert coloured == [f"\x1b[97;40m{line}\x1b[0m" for line in plain]


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    command = [sys.executable, "-c", "import cli.qr, sys; sys.exit('segno' in sys.modules)"]
    subprocess.run(command, check=True, timeout=60)
