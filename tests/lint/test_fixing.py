"""What ``--fix`` makes of code works with this package, and keeps all else as it was."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lint.precision import CODEBASE
from lint.snippets import BROKEN, PREAMBLE
from lint.test_truth import run
from sagellm_protocol.lint import LintError, lint, lint_text
from sagellm_protocol.lint.fixing import Fixed, fix

HEAD = "from sagellm_protocol import ChatCompletionRequest, Error, Metrics, Request, Response, StreamEventDelta\n"


def fixed_text(text: str, folder: Path) -> str:
    path = folder / "module.py"
    path.write_bytes(text.encode())
    fix([path]).write()
    return path.read_bytes().decode()


def body(code: str, folder: Path, head: str = HEAD) -> str:
    """Code after it was mended, without its imports."""
    text = fixed_text(f"{head}\n\n{code}", folder)
    return text.partition("\n\n\n")[2]


MENDED = [
    (rule, code)
    for rule, codes in BROKEN.items()
    for code in codes
    if all(finding.mend is not None for finding in lint_text(PREAMBLE + code).findings)
]


def test_mended_code_works(tmp_path: Path) -> None:
    texts = [fixed_text(PREAMBLE + code, tmp_path) for _, code in MENDED]
    assert len(MENDED) >= 25
    answers = run(texts, "")
    assert {case: answer for case, answer in zip(MENDED, answers, strict=True) if answer is not None} == {}
    for text in texts:
        assert lint_text(text).findings == ()


DUMPED = "def f(r: Request):\n    "
ROWS = [
    (DUMPED + 'return r.model_dump(mode="json")', DUMPED + "return to_plain(r)"),
    (DUMPED + "return r.model_dump()", DUMPED + "return r.model_dump()"),
    (DUMPED + 'return r.model_dump(mode="json", exclude_none=True)',) * 2,
    (DUMPED + "return r.model_dump_json()", DUMPED + 'return codecs.get("json").encode(r).decode()'),
    (DUMPED + "return r.model_copy()", DUMPED + "return evolve(r)"),
    (DUMPED + 'return r.model_copy(update={"prompt": "x"})', DUMPED + 'return evolve(r, prompt="x")'),
    (DUMPED + "return r.copy(update={'prompt': 'x', 'model': f(1)})", DUMPED + "return evolve(r, prompt='x', model=f(1))"),
    (DUMPED + 'return r.model_copy(update={"promt": "x"})',) * 2,
    (DUMPED + 'return r.model_copy(update={"prompt": "x", **other})',) * 2,
    (DUMPED + 'return r.model_copy(update=dict(prompt="x"))',) * 2,
    (DUMPED + "return r.model_copy(deep=True)",) * 2,
    (
        DUMPED + 'return r.model_copy(\n        update={\n            "prompt": "x",\n            "model": "m",\n        }\n    )',
        DUMPED + 'return evolve(r,\n            prompt="x",\n            model="m",\n    )',
    ),
    (DUMPED + 'return r.model_copy(update={"prompt": "x"}  # why\n    )',) * 2,
    (DUMPED + "return r.model_dump(  # why\n        mode='json')",) * 2,
    (DUMPED + 'return f(r.model_copy(update={"prompt": r.model_dump_json()}))',
     DUMPED + 'return f(evolve(r, prompt=codecs.get("json").encode(r).decode()))'),
    (DUMPED + 'return (r or r).model_copy(update={"prompt": "x"})',) * 2,
    (DUMPED + "return (r).model_dump_json(), r.copy()", DUMPED + "return (r).model_dump_json(), evolve(r)"),
    (DUMPED + "return (r).copy(update={'prompt': ''}), r.copy()", DUMPED + "return (r).copy(update={'prompt': ''}), evolve(r)"),
    (DUMPED + "return r.copy().copy().copy()", DUMPED + "return evolve(evolve(evolve(r)))"),
    ("def f(d: dict):\n    return Request.model_validate(d)", "def f(d: dict):\n    return from_plain(Request, d)"),
    ("def f(d: dict):\n    return Request.parse_obj(\n        d,\n    )", "def f(d: dict):\n    return from_plain(Request, \n        d,\n    )"),
    ("def f(d: dict):\n    return Request.model_validate(d  # why\n    )",) * 2,
    ("def f(d):\n    return Request.model_validate(d)",) * 2,
    ("f(Request.model_validate_json(b))", 'f(codecs.get("json").decode(b, Request))'),
    ("f(Request.model_validate_json(\n    b,\n))", 'f(codecs.get("json").decode(\n    b, Request\n))'),
    ("f(Request.model_validate_json(b, strict=True))",) * 2,
    ("f(Request.model_validate_json((b)), Request.model_validate_json(b))",
     'f(Request.model_validate_json((b)), codecs.get("json").decode(b, Request))'),
    ("def f(r: Response):\n    return r.output_tokens == [1]", "def f(r: Response):\n    return r.output_tokens == (1,)"),
    ("def f(r: Response):\n    return [] != r.output_tokens", "def f(r: Response):\n    return () != r.output_tokens"),
    ("def f(r: Response):\n    return r.output_tokens == [1, ]", "def f(r: Response):\n    return r.output_tokens == (1, )"),
    ("def f(r: Response, x: list[int]):\n    return r.output_tokens == x",) * 2,
    ("def f(c: ChatCompletionRequest):\n    return isinstance(c.stop, list)", "def f(c: ChatCompletionRequest):\n    return isinstance(c.stop, (list, tuple))"),
    ("def f(c: ChatCompletionRequest):\n    return isinstance(c.stop, (str, list))", "def f(c: ChatCompletionRequest):\n    return isinstance(c.stop, (str, list, tuple))"),
    ("def f(c: ChatCompletionRequest):\n    return isinstance(c.stop, (str, list, dict))",) * 2,
    ("def f(r: Response):\n    return f'é', r.output_tokens + [1]  # é", "def f(r: Response):\n    return f'é', list(r.output_tokens) + [1]  # é"),
    ("def f(r: Response):\n    return (r.output_tokens or []) + [1]", "def f(r: Response):\n    return (r.output_tokens or []) + [1]"),
    ("def f(r: Response, a):\n    return a[r.output_tokens]", "def f(r: Response, a):\n    return a[list(r.output_tokens)]"),
    ("def f(r: Response):\n    return '%s' % r.output_tokens", "def f(r: Response):\n    return '%s' % (list(r.output_tokens),)"),
    ("def f(r: Response):\n    return r.output_tokens.copy()", "def f(r: Response):\n    return list(r.output_tokens)"),
    ("def f(r: Response):\n    return f'{r.output_tokens + [1]}'",) * 2,
    ("f(Request(request_id='r', trace_id='t', max_tokens='3', stream=\"no\"))", "f(Request(request_id='r', trace_id='t', max_tokens=3, stream=False))"),
    ("f(Metrics(ttft_ms='0.5'))", "f(Metrics(ttft_ms=0.5))"),
    ("f(StreamEventDelta(chunk='x', chunk_tokens=[]))", "f(StreamEventDelta(content='x', content_tokens=[]))"),
    ("f(StreamEventDelta.parse_obj({'chunk': 'x'}))", "f(from_plain(StreamEventDelta, {'content': 'x'}))"),
    ("f(Response(output_tokens={1}))", "f(Response(output_tokens=list({1})))"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), ROWS)
def test_what_is_written(before: str, after: str, tmp_path: Path) -> None:
    assert body(before, tmp_path) == after


@pytest.mark.parametrize(("before", "after"), ROWS)
def test_mending_again_changes_nothing(before: str, after: str, tmp_path: Path) -> None:
    once = fixed_text(f"{HEAD}\n\n{before}", tmp_path)
    ast.parse(once)
    assert fixed_text(once, tmp_path) == once


def test_errors_are_caught_beside_those_of_pydantic(tmp_path: Path) -> None:
    head = "from pydantic import ValidationError\nfrom sagellm_protocol import Request\n"
    text = fixed_text(
        f"{head}\n\ndef f():\n    try:\n        Request()\n    except ValidationError:\n        pass\n"
        "    try:\n        Request()\n    except (KeyError, ValidationError,) as error:\n        pass\n",
        tmp_path,
    )
    assert "except (ValidationError, ProtocolValidationError):" in text
    assert "except (KeyError, ValidationError, ProtocolValidationError,) as error:" in text
    assert "ValidationError as ProtocolValidationError" in text


@pytest.mark.parametrize(
    "taken",
    [
        "def evolve(): pass",
        "evolve = None",
        "class evolve: pass",
        "import evolve",
        "from other import evolve",
        "from other import *",
        "def g(evolve): pass",
        "def g():\n    from sagellm_protocol import evolve",
        "def g():\n    global evolve",
        "try:\n    pass\nexcept ValueError as evolve:\n    pass",
        "match 1:\n    case evolve: pass",
        "match 1:\n    case [*evolve]: pass",
    ],
)
def test_a_name_that_means_something_else_is_left(taken: str, tmp_path: Path) -> None:
    code = f"{HEAD}\n\n{taken}\n\n\ndef f(r: Request):\n    return r.model_copy()\n"
    assert fixed_text(code, tmp_path) == code


def test_what_is_imported_already_is_used(tmp_path: Path) -> None:
    head = "from sagellm_protocol import Request, evolve\n"
    assert body(DUMPED + "return r.copy()", tmp_path, head) == DUMPED + "return evolve(r)"
    assert (tmp_path / "module.py").read_text().startswith(head)


@pytest.mark.parametrize("text", ["\ufeff{}", "# coding: latin-1\n# é\n{}", "{}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends_are_kept(text: str, end: str, tmp_path: Path) -> None:
    code = text.format(f"{HEAD}\n\ndef f(r: Response):\n    return r.output_tokens == [1]\n").replace("\n", end)
    encoding = "latin-1" if "latin" in text else "utf-8"
    path = tmp_path / "module.py"
    path.write_bytes(code.encode(encoding))
    path.chmod(0o750)
    fixed = fix([path])
    assert fixed.mended == 1
    fixed.write()
    assert path.read_bytes() == code.replace("[1]", "(1,)").encode(encoding)
    assert path.stat().st_mode & 0o777 == 0o750
    assert list(tmp_path.iterdir()) == [path]


def test_the_code_base_is_mended_in_part_and_for_good(tmp_path: Path) -> None:
    copy = tmp_path / "codebase"
    for path in CODEBASE.rglob("*.py"):
        place = copy / path.relative_to(CODEBASE)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    before = lint([copy])
    fixed = fix([copy])
    fixed.write()
    after = lint([copy])
    assert fixed.mended >= len(before.findings) - len(after.findings) >= 10
    assert [finding.message for finding in fixed.report.findings] == [finding.message for finding in after.findings]
    assert fix([copy]).after == ()
    assert fixed.diff().count("\n+++ ") == len(fixed.after)


def test_a_file_that_changed_meanwhile_is_left(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"{HEAD}\n\ndef f(r: Request):\n    return r.copy()\n")
    fixed = fix([path])
    path.write_text("x = 1\n")
    with pytest.raises(LintError, match="changed while it was looked at"):
        fixed.write()
    path.unlink()
    with pytest.raises(LintError, match="cannot be written"):
        fixed.write()


def test_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "module.txt", tmp_path / "module.py"
    path.write_text(f"{HEAD}\n\ndef f(r: Response):\n    return r.output_tokens == [1]\n")
    link.symlink_to(path)
    fix([link]).write()
    assert link.is_symlink()
    assert "(1,)" in path.read_text()


def test_a_diff_ends_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"{HEAD}\n\ndef f(r: Response):\n    return r.output_tokens == [1]")
    fixed = fix([path])
    assert isinstance(fixed, Fixed)
    assert fixed.diff().endswith("+    return r.output_tokens == (1,)\n")


def test_what_libcst_cannot_read_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import libcst

    def fail(text: str) -> None:
        raise libcst.ParserSyntaxError("no", lines=[""], raw_line=1, raw_column=0)

    monkeypatch.setattr(libcst, "parse_module", fail)
    code = f"{HEAD}\n\ndef f(r: Request):\n    return r.copy()\n"
    assert fixed_text(code, tmp_path) == code


def test_without_the_extra() -> None:
    code = (
        "import sys; sys.modules['libcst'] = None\n"
        "from sagellm_protocol import MissingExtraError\n"
        "try:\n    import sagellm_protocol.lint.fixing\nexcept MissingExtraError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "isagellm-protocol[lint]" in done.stdout
