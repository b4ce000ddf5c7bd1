"""The check of code blocks runs them in order and catches failures and outputs that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.snippets import main, matches, page_faults, read_snippets


def page(folder: Path, *blocks: tuple[str, str]) -> Path:
    """Write a page with the given (kind, body) blocks."""
    path = folder / "page.md"
    path.write_text(
        "# Page\n\n" + "\n".join(f"```{kind}\n{body}\n```\n" for kind, body in blocks), encoding="utf-8"
    )
    return path


GOOD = {
    "output": [("python", "print(6 * 7)"), ("text", "42")],
    "names are shared": [("python", "a = 1"), ("python", "print(a)"), ("text", "1")],
    "folder is shared": [
        ("python", 'import pathlib; _ = pathlib.Path("f").write_text("hi\\n")'),
        ("console", "$ cat f\nhi\n$ echo a \\\n> b\na b"),
    ],
    "no output shown": [("python", "print(1)")],
    "anything": [("python", "print('took', 3.2, 's')"), ("text", "took ... s")],
    "other kinds are not run": [("sh", "exit 1"), ("toml", "a = 1"), ("text", "free")],
    "error stream of a command": [("console", "$ echo bad >&2\nbad")],
}

BAD = {
    "exception": ([("python", "1 / 0")], "ZeroDivisionError"),
    "syntax": ([("python", "1 +")], "SyntaxError"),
    "output": ([("python", "print(1)"), ("text", "2")], "the output differs"),
    "command's output": ([("console", "$ echo 1\n2")], "the output differs"),
    "silent command that speaks": ([("console", "$ echo 1")], "the output differs"),
    "unknown command": ([("console", "$ no-such-command-here")], "the output differs"),
}


@pytest.mark.parametrize("blocks", GOOD.values(), ids=GOOD)
def test_good_pages_pass(tmp_path: Path, blocks: list[tuple[str, str]]) -> None:
    assert list(page_faults(page(tmp_path, *blocks))) == []


@pytest.mark.parametrize(("blocks", "message"), BAD.values(), ids=BAD)
def test_a_wrong_page_is_caught(tmp_path: Path, blocks: list[tuple[str, str]], message: str) -> None:
    (found,) = page_faults(page(tmp_path, *blocks))
    assert message in found


def test_exit_code_says_whether_all_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(page(tmp_path, *GOOD["output"]))]) == 0
    assert main([str(page(tmp_path, *BAD["output"][0]))]) == 1
    assert "1 run from 1 pages, 1 wrong" in capsys.readouterr().out


def test_faults_name_the_line_of_the_block(tmp_path: Path) -> None:
    (found,) = page_faults(page(tmp_path, ("python", "a = 1"), ("python", "1 / 0")))
    assert found.startswith(f"{tmp_path / 'page.md'}:8:")


def test_text_far_below_a_block_is_not_its_output() -> None:
    text = "```python\nprint(1)\n```\n\nAnother thing:\n\n```text\n2\n```\n"
    assert [snippet.shown for snippet in read_snippets(text)] == [None]


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n", "a", True),
        ("a  \nb", "a\nb  ", True),
        ("a", "ab", False),
        ("a...", "a\nb", True),
        ("a.c", "abc", False),
    ],
)
def test_matching(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_write_renews_the_outputs_that_differ(tmp_path: Path) -> None:
    blocks = [
        ("python", "print(1)\nprint(2)"),
        ("text", "old"),
        ("console", "$ echo 3\n$ echo 4\nold\nolder"),
    ]
    path = page(tmp_path, *blocks)
    assert main(["--write", str(path)]) == 0
    assert "```text\n1\n2\n```" in path.read_text(encoding="utf-8")
    assert "$ echo 3\n3\n$ echo 4\n4\n```" in path.read_text(encoding="utf-8")
