"""What is said where standard output takes nothing: it is full, or closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.join import show_home
from cli.render import OutputLost, Screen

HOME = {"name": "Eva", "member": "m", "device": "d", "network_name": "meadow", "network": "n"}


def end_of(redirection: str) -> subprocess.CompletedProcess[str]:
    """`aster --version`, with its standard output redirected by a shell."""
    command = f'"$0" -c "from cli.main import run; raise SystemExit(run([\'--version\']))" {redirection}'
    return subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize(
    ("redirection", "why"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_that_is_lost_is_one_line_and_an_exit_code(redirection: str, why: str) -> None:
    done = end_of(redirection)
    assert (done.returncode, done.stderr) == (74, f"aster: The output cannot be written: {why}.\n")


def test_a_closed_standard_error_takes_no_data_with_it() -> None:
    done = end_of("2>&-")
    assert done.returncode == 0
    assert done.stdout.startswith("aster ")


def test_a_home_that_was_made_is_told_of_though_its_lines_are_lost(capsys, monkeypatch) -> None:
    with open(os.open("/dev/full", os.O_WRONLY), "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputLost, match="No space left"):
            show_home(Screen(), HOME, None)
    assert "the home is made" in capsys.readouterr().err
