"""What `aster doc` does with files and editors: nothing is overwritten, leaves its folder, or is lost."""

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import documents_export as exporting
from cli.documents import media_type_of
from cli.editor import drafting
from cli.render import Screen
from node.errors import BadRequest, Conflict, DiskFull

AGAIN = "aster doc put PATH --as plan"


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """An editor that does what a Python script says with the file ``path``."""
    program = tmp_path / "editor.py"
    program.write_text(f"import sys\npath = sys.argv[1]\n{script}\n", encoding="utf-8")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{sys.executable}' '{program}'")
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(drafts))


def refuse(text: str) -> None:
    raise Conflict(f"No: {text}")


def kept(tmp_path: Path) -> list[str]:
    return [file.read_text(encoding="utf-8") for file in (tmp_path / "drafts").rglob("*.md")]


def test_an_editor_gets_the_text_in_a_private_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor(monkeypatch, tmp_path, "open(path, 'a', encoding='utf-8').write('наш\\n')")
    with drafting(Screen(), "plan.md", 100, AGAIN) as draft:
        assert draft.edit("text\n") == "text\nнаш\n"
        assert draft.is_changed
        assert draft.path.suffix == ".md"
        assert stat.S_IMODE(draft.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(draft.path.parent.stat().st_mode) == 0o700
    assert not draft.path.parent.exists()


def test_what_was_typed_is_kept_where_something_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    editor(monkeypatch, tmp_path, "open(path, 'a').write('typed\\n')")
    with pytest.raises(Conflict), drafting(Screen(quiet=True), "plan.md", 100, AGAIN) as draft:
        refuse(draft.edit("text\n"))
    assert kept(tmp_path) == ["text\ntyped\n"]
    said = capsys.readouterr().err
    assert f"Your text is kept in {draft.path}" in said
    assert f"aster doc put {draft.path} --as plan" in said


def test_what_nobody_changed_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor(monkeypatch, tmp_path, "pass")
    with pytest.raises(Conflict), drafting(Screen(), "plan.md", 100, AGAIN) as draft:
        refuse(draft.edit("text\n"))
    assert kept(tmp_path) == []


def test_an_editor_that_fails_loses_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor(monkeypatch, tmp_path, "open(path, 'w').write('half'); sys.exit(3)")
    opened = drafting(Screen(), "plan.md", 100, AGAIN)
    with pytest.raises(BadRequest, match="ended with an error"), opened as draft:
        draft.edit("text\n")
    assert kept(tmp_path) == ["half"]


@pytest.mark.parametrize("named", ["/no/such/editor", "'unbalanced"])
def test_an_editor_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str) -> None:
    editor(monkeypatch, tmp_path, "")
    monkeypatch.setenv("VISUAL", named)
    with pytest.raises(BadRequest) as caught, drafting(Screen(), "plan.md", 100, AGAIN) as draft:
        draft.edit("text\n")
    assert "EDITOR" in caught.value.message + caught.value.advice
    assert kept(tmp_path) == []


@given(st.text())
def test_any_part_of_a_name_is_a_harmless_name_of_a_file(part: str) -> None:
    made = exporting.safe_part(part)
    assert made
    assert not made.startswith(".")
    assert "/" not in made.replace("/", "", part.count("/"))
    assert not set(made) & set('\\:*?"<>|\0\n\r')
    assert len(made.encode(errors="surrogatepass")) <= 201


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ("..", "_"),
        (".", "_"),
        ("", "_"),
        (".bashrc", "_.bashrc"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("a:b\n", "a_b_"),
        ("end. ", "end"),
        ("programme.md", "programme.md"),
        ("программа.md", "программа.md"),
    ],
)
def test_parts_of_names_as_files(part: str, made: str) -> None:
    assert exporting.safe_part(part) == made


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "a/../../../b", "~/x", "a//b"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    place = exporting.place_in(folder, name)
    assert place.resolve().is_relative_to(folder.resolve())


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict, match="link"):
        exporting.place_in(tmp_path / "out", "a/b")
    (tmp_path / "out" / "b").write_text("file")
    with pytest.raises(Conflict):
        exporting.place_in(tmp_path / "out", "b/c")


def test_what_is_there_is_not_overwritten_unless_that_is_said(tmp_path: Path) -> None:
    place = tmp_path / "plan.md"
    exporting.write_file(place, "one\r\n", force=False)
    assert place.read_bytes() == b"one\r\n"
    with pytest.raises(Conflict, match="there already"):
        exporting.write_file(place, "two", force=False)
    assert place.read_bytes() == b"one\r\n"
    exporting.write_file(place, "two", force=True)
    assert place.read_bytes() == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["plan.md"]


def test_a_link_at_the_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "plan.md").symlink_to(target)
    with pytest.raises(Conflict):
        exporting.write_file(tmp_path / "plan.md", "theirs", force=False)
    exporting.write_file(tmp_path / "plan.md", "theirs", force=True)
    assert target.read_text() == "mine"
    assert not (tmp_path / "plan.md").is_symlink()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="cannot be written"):
        exporting.write_file(tmp_path / "no" / "plan.md", "text", force=False)


def test_files_get_the_usual_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        exporting.write_file(tmp_path / "plan.md", "text", force=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "plan.md").stat().st_mode) == 0o640


def test_the_end_of_a_name_says_what_a_text_is() -> None:
    assert media_type_of("a/Plan.MD") == "text/markdown"
    assert media_type_of("plan") is None
