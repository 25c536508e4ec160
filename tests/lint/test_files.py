"""Which files are looked at, how they find each other, and what is said of those that cannot be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sagellm_protocol.lint import LintError, Problem, lint, lint_text
from sagellm_protocol.lint.files import MAX_BYTES, newer_syntax, python_files

WRONG = "from sagellm_protocol import Request\ndef f(r: Request):\n    r.prompt = ''\n"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def places(folder: Path, *paths: Path) -> list[str]:
    report = lint(paths or [folder])
    assert report.problems == ()
    return [f"{Path(found.path).relative_to(folder).as_posix()}:{found.line}" for found in report.findings]


def test_folders_are_walked_in_order_and_foreign_ones_left_out(tmp_path: Path) -> None:
    names = ["b.py", "a/z.py", "a/b.pyi", "c.txt", ".git/x.py", "venv/x.py", "node_modules/x.py", "__pycache__/x.py"]
    write(tmp_path, {**dict.fromkeys(names, ""), "own/pyvenv.cfg": "", "own/lib/x.py": "", ".hidden.py": ""})
    found = [path.relative_to(tmp_path).as_posix() for path in python_files([tmp_path])]
    assert found == [".hidden.py", "b.py", "a/b.pyi", "a/z.py"]


def test_a_file_is_looked_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": WRONG})
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    assert len(lint([tmp_path, tmp_path / "a.py", tmp_path]).findings) == 1


def test_links_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.py": WRONG})
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "itself.py").symlink_to(tmp_path / "itself.py")
    report = lint([tmp_path])
    assert len(report.findings) == 1
    assert [problem.reason for problem in report.problems] == ["is no file"]


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    for name in ("nothing", "no\0thing"):
        with pytest.raises(LintError, match="there is no"):
            lint([tmp_path / name])


BROKEN = {
    "syntax.py": (b"x = = 1\n", 1, f"cannot be parsed by Python {HERE}"),
    "nothing.py": (b"x = '\0'\n", None, "null bytes"),
    "bytes.py": (b"x = '\xff'\n", 0, "cannot be read as text"),
    "coding.py": (b"# coding: nothing\n", 0, "cannot be read as text"),
    "deep.py": (b"x = " + b"-" * 100_000 + b"1\n", 0, "nests too deep to be parsed"),
    "large.py": (b"#" * (MAX_BYTES + 1), 0, "is larger than"),
    "newer.py": (b"x = 1\nexcept A, B:\n", 2, "is written for Python 3.14 or newer"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on(name: str, tmp_path: Path) -> None:
    data, line, reason = BROKEN[name]
    if name == "newer.py" and sys.version_info >= (3, 14):
        pytest.skip("this Python can read it")
    write(tmp_path, {"a.py": WRONG})
    (tmp_path / name).write_bytes(data)
    report = lint([tmp_path])
    (problem,) = report.problems
    assert isinstance(problem, Problem)
    assert problem.path == os.fspath(tmp_path / name)
    assert line is None or problem.line == line
    assert reason in problem.reason
    assert len(report.findings) == 1
    assert report.exit_code == 2


@pytest.mark.skipif(os.name != "posix", reason="has no such files")
def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (problem,) = lint([tmp_path]).problems
    assert problem.reason == "is no file"


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": WRONG})

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    (problem,) = lint([tmp_path]).problems
    assert problem.reason == "cannot be read: Permission denied"


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": WRONG, "closed/b.py": WRONG})
    real = os.scandir

    def scandir(path: str) -> object:
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = lint([tmp_path])
    assert [(problem.path, problem.reason) for problem in report.problems] == [
        (os.fspath(tmp_path / "closed"), "cannot be read: Permission denied")
    ]
    assert len(report.findings) == 1


def test_what_ast_itself_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    import ast

    def refuse(text: str) -> None:
        raise ValueError("source code string cannot contain null bytes")

    monkeypatch.setattr(ast, "parse", refuse)
    (problem,) = lint_text("x").problems
    assert problem.reason == "cannot be parsed: source code string cannot contain null bytes"


@pytest.mark.parametrize(
    ("line", "since"),
    [
        ("except* ValueError:", "3.11"),
        ("type X = int", "3.12"),
        ("def f[T](x: T):", "3.12"),
        ("class A[T]:", "3.12"),
        ("async def f[T]():", "3.12"),
        ("except A, B:", "3.14"),
        ("x = 1", None),
        ("type(x)", None),
        ("", None),
        ("def f[T](x: '''", "3.12"),
    ],
)
def test_syntax_of_newer_pythons(line: str, since: str | None) -> None:
    assert newer_syntax(line) == since


PACKAGE = {
    "src/app/__init__.py": "from .models import Job as Job\nfrom . import models, nothing\n",
    "src/app/models.py": "from sagellm_protocol import Request\n"
    "class Job:\n    request: Request\n_hidden = Request\nclass Kept(Request):\n    pass\n",
    "src/app/deep/__init__.py": "",
    "src/app/deep/er.py": "from ..models import Job, Kept\nfrom .. import models\nfrom ... import beyond\n"
    "from ..nothing import x\nfrom . import er\n"
    "def a(j: Job):\n    j.request.prompt = ''\ndef b(j: models.Job):\n    j.request.prompt = ''\n"
    "def c(k: Kept):\n    k.prompt = ''\n",
}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("from app.models import Job\ndef f(j: Job): j.request.prompt = ''\n", [2]),
        ("from app import Job\ndef f(j: Job): j.request.prompt = ''\n", [2]),
        ("import app.models\ndef f(j: app.models.Job): j.request.prompt = ''\n", [2]),
        ("import app.models as m\ndef f(j: m.Job): j.request.prompt = ''\n", [2]),
        ("from app.models import *\ndef f(j: Job, r: _hidden):\n  j.request.prompt = ''\n  r.prompt = ''\n", [3]),
        ("from app import models\ndef f(j: models.Job): j.request.prompt = ''\n", [2]),
        ("from app import deep\ndef f(j: deep.er.Job): j.request.prompt = ''\n", [2]),
        ("from nowhere import *\nfrom nowhere import x\ndef f(j: x): j.prompt = ''\n", []),
        ("from app.models import nothing\ndef f(j: nothing): j.prompt = ''\n", []),
        ("from sagellm_protocol.types import *\ndef f(r: Request): r.prompt = ''\n", [2]),
        ("from sagellm_protocol import *\ndef f(r: Request): r.prompt = ''\n", [2]),
        ("from sagellm_protocol.kv import *\ndef f(r: KVBlock): r.ref_count = 1\n", [2]),
        ("import sagellm_protocol.kv.types\ndef f(r: sagellm_protocol.kv.types.KVBlock): r.ref_count = 1\n", [2]),
    ],
)
def test_modules_find_each_other(text: str, lines: list[int], tmp_path: Path) -> None:
    write(tmp_path, {**PACKAGE, "main.py": text})
    found = places(tmp_path)
    assert [place for place in found if place.startswith("main")] == [f"main.py:{line}" for line in lines]
    assert [place for place in found if "er.py" in place] == [f"src/app/deep/er.py:{line}" for line in (7, 9, 11)]


def test_of_modules_of_one_name_that_beside_is_meant(tmp_path: Path) -> None:
    other = "class Request:\n    pass\n"
    main = "from shared import Request\ndef f(r: Request): r.prompt = ''\n"
    write(
        tmp_path,
        {
            "a/shared.py": "from sagellm_protocol import Request\n",
            "b/shared.py": other,
            "a/main.py": main,
            "b/main.py": main,
            "c/main.py": main,
        },
    )
    assert places(tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "c") == ["a/main.py:2"]


def test_files_that_are_given_find_each_other(tmp_path: Path) -> None:
    write(tmp_path, PACKAGE)
    files = [tmp_path / name for name in PACKAGE]
    assert len(places(tmp_path, *files)) == 3


def test_progress_is_told(tmp_path: Path) -> None:
    write(tmp_path, PACKAGE)
    told: list[tuple[int, int]] = []
    lint([tmp_path], progress=lambda done, total: told.append((done, total)))
    assert told == [(step, 12) for step in range(1, 13)]


def test_nothing_is_run(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": f"open({os.fspath(tmp_path / 'made')!r}, 'w')\nraise SystemExit\n{WRONG}"})
    assert len(lint([tmp_path]).findings) == 1
    assert not (tmp_path / "made").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "a.py"]
