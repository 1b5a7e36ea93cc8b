"""The four package names are ours alone, and the check in `cli.house` says so where they are not."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.house import EXIT_CONFIG, PACKAGES, check_house
from premises import package_folder

CHECK = "from cli.house import check_house; check_house(); print('at home')"


def run_check(*first_on_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the check in a process of its own with some folders before all others on the path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, first_on_path))}
    return subprocess.run(
        [sys.executable, "-c", CHECK],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_our_own_house_is_in_order():
    check_house()
    assert run_check().stdout == "at home\n"


@pytest.mark.parametrize("name", [name for name in PACKAGES if name != "cli"])
def test_a_strangers_package_is_named_and_never_run(tmp_path, name):
    stranger = tmp_path / name / "__init__.py"
    stranger.parent.mkdir()
    stranger.write_text("raise RuntimeError('a stranger ran')\n")
    done = run_check(tmp_path)
    assert done.returncode == EXIT_CONFIG
    assert str(stranger) in done.stderr
    assert "uv tool install" in done.stderr
    assert "a stranger ran" not in done.stderr
    assert done.stdout == ""


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "cli").symlink_to(package_folder("cli"))
    alone = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {CHECK}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", alone],  # no site-packages: nothing of ours but cli
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == EXIT_CONFIG
    assert "'node' at no file at all" in done.stderr


def test_each_of_the_four_names_belongs_to_asterism_alone():
    owners = importlib.metadata.packages_distributions()
    claimed = {name: set(owners.get(name, ["asterism"])) for name in PACKAGES}
    assert claimed == {name: {"asterism"} for name in PACKAGES}
