"""A run of the suite that tests nothing is a failure."""

import subprocess
import sys

import pytest

from premises import ROOT


@pytest.mark.parametrize(
    ("source", "exit_code"),
    [
        ("", pytest.ExitCode.NO_TESTS_COLLECTED),
        (
            "import pytest\n@pytest.mark.parametrize('page', [])\ndef test_page(page): pass\n",
            pytest.ExitCode.INTERRUPTED,
        ),
    ],
)
def test_the_settings_of_the_suite_are_strict(tmp_path, source, exit_code):
    (tmp_path / "test_sample.py").write_text(source)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "0",
            "-c",
            ROOT / "pyproject.toml",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
