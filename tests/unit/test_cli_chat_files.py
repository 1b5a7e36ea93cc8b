"""`aster chat save`, `export`, `import`, `history`: what they ask of the daemon, and what they say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from cli.session import Session

Asked = list[tuple[str, dict[str, Any]]]
DONE: dict[str, list[dict[str, Any]]] = {
    "chat/save": [
        {"event": "fetching", "state": "nobody", "bytes": 0, "total": 9, "files": 0, "of": 1, "peers": 0},
        {"event": "saving", "bytes": 5, "total": 5},
        {
            "event": "result",
            "saved": [{"path": "/x/a.txt", "name": "a\x1b.txt", "media_type": "text/plain", "bytes": 5}],
        },
    ],
    "chat/export": [
        {"event": "writing", "messages": 1, "of": 2},
        {"event": "result", "path": "/x/m.aster", "messages": 2, "conversations": 1, "bytes": 900},
    ],
    "chat/import": [
        {"event": "reading", "messages": 1, "of": 2},
        {"event": "result", "messages": 1, "known": 1},
    ],
    "chat/history-give": [
        {"event": "result", "device": "d" * 52, "name": "phone", "messages": 2, "bytes": 9_000}
    ],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """What the daemon was asked; it answers at once."""
    seen: Asked = []
    answer = {
        "asked": False,
        "wanted": [{"device": "k" * 52, "name": "phone"}],
        "offered": [{"device": "l" * 52, "name": "laptop"}],
    }

    def call(session: Session, method: str, extra_timeout_s: float = 0, **params: Any) -> dict[str, Any]:
        seen.append((method, params))
        return answer

    def stream(session: Session, method: str, **params: Any) -> Iterator[dict[str, Any]]:
        seen.append((method, params))
        yield from DONE[method]

    monkeypatch.setattr(Session, "call", call)
    monkeypatch.setattr(Session, "stream", stream)
    monkeypatch.chdir(tmp_path)
    return seen


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A file with a passphrase."""
    file = tmp_path / "passphrase"
    file.write_text("several unusual words\n")
    file.chmod(0o600)
    return str(file)


def test_files_are_saved_in_this_folder_or_another(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "save", "k3jd7wq2"]) == 0
    assert run(["chat", "save", "k3jd7wq2", "there/", "--force", "--timeout", "3"]) == 0
    assert [params["out"] for _, params in asked] == [str(tmp_path), f"{tmp_path}/there/"]
    assert asked[1][1]["force"]
    assert asked[1][1]["timeout_s"] == 3
    captured = capsys.readouterr()
    assert captured.out == "/x/a.txt\n" * 2
    assert "Saved 1 file, 5 bytes." in captured.err


def test_a_passphrase_comes_from_a_file_and_goes_into_no_output(
    asked: Asked, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "export", "m.aster", "--passphrase-file", words]) == 0
    assert run(["chat", "import", "m.aster", "--passphrase-file", words]) == 0
    for _, params in asked:
        assert params["passphrase"] == "several unusual words"
        assert params["path"] == str(tmp_path / "m.aster")
    captured = capsys.readouterr()
    assert "2 messages of 1 conversation, 900 bytes." in captured.err
    assert "1 message came in." in captured.out
    assert "unusual" not in captured.out + captured.err


def test_without_a_file_and_a_terminal_nothing_is_asked(asked: Asked) -> None:
    assert run(["chat", "export", "m.aster"]) == 77
    assert run(["chat", "import", "m.aster"]) == 77
    assert asked == []


def test_history_says_who_asks_and_what_to_type(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "history"]) == 0
    captured = capsys.readouterr()
    assert "phone asks for history: aster chat history give kkkkkkkkkk" in captured.out
    assert "laptop has given its history: take it with: aster chat history ask" in captured.out
    assert run(["chat", "history", "ask"]) == 0
    assert run(["chat", "history", "give", "phone"]) == 0
    assert [method for method, _ in asked] == ["chat/history", "chat/history-ask", "chat/history-give"]
    assert "Given to phone: 2 messages" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["give"], ["ask", "phone"], ["take"]])
def test_history_of_another_kind_is_a_wrong_argument(asked: Asked, arguments: list[str]) -> None:
    assert run(["chat", "history", *arguments]) == 64
    assert asked == []


def test_what_came_of_it_is_one_object_with_json(
    asked: Asked, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["chat", "import", "m.aster", "--passphrase-file", words, "--json"]) == 0
    assert capsys.readouterr().out == '{"messages": 1, "known": 1}\n'
