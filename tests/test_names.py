"""Names of the package and of the catalogue, loaded when they are asked for."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sagellm_protocol
from published import ROOT, revision_table, revisions
from sagellm_protocol import catalog, history, kv, kv_hooks
from sagellm_protocol.catalog import CATALOG, Catalog, UnknownMessageError
from sagellm_protocol.kv.types import KVHandle


def test_a_name_that_there_is_not() -> None:
    for module in (sagellm_protocol, kv):
        with pytest.raises(AttributeError, match="has no attribute 'Nope'"):
            _ = module.Nope  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            _ = module._private


def test_names_are_listed() -> None:
    assert {"Request", "codecs", "__version__"} <= {*dir(sagellm_protocol), "codecs", "__version__"}
    assert "Request" in dir(sagellm_protocol)
    assert "KVBlock" in dir(kv)
    starred: dict[str, object] = {}
    exec("from sagellm_protocol.kv import *", starred)
    assert starred["KVHandle"] is KVHandle


def test_the_version_stands_in_one_place() -> None:
    assert sagellm_protocol.__version__ == importlib.metadata.version("isagellm-protocol")
    home = Path(sagellm_protocol.__file__)
    texts = [ROOT / name for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    texts += [*home.parent.rglob("*.py"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").glob("*.py")]
    # Of a revision in the works, which has the number of the release to come, other texts may speak.
    written = re.compile(rf"version[\W_]{{1,9}}{re.escape(sagellm_protocol.__version__)}(?![\d.]*\d)")
    assert [text for text in texts if written.search(text.read_text(encoding="utf-8"))] == [home]


def test_without_metadata_the_version_is_known() -> None:
    program = (
        "import importlib.metadata, sys\n"
        "def none(*_): raise importlib.metadata.PackageNotFoundError\n"
        "importlib.metadata.distribution = importlib.metadata.Distribution.from_name = none\n"
        "import sagellm_protocol\n"
        "from sagellm_protocol import cli, history\n"
        "assert history.resolve(sagellm_protocol.__version__) == history.latest\n"
        "cli.main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"sagellm-protocol, version {sagellm_protocol.__version__}\n"


def test_stars_are_the_names_listed() -> None:
    for package in (sagellm_protocol, kv):
        starred: dict[str, object] = {}
        exec(f"from {package.__name__} import *", starred)
        starred.pop("__builtins__")
        assert sorted(starred) == package.__all__
        assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("package", [sagellm_protocol, kv])
def test_type_checkers_and_the_interpreter_find_the_same_names(package: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(package))
    listed = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.asname == alias.name
    }
    assert package.__all__ == sorted(listed)
    for name, module in listed.items():
        package.__dict__.pop(name, None)
        assert getattr(package, name) is getattr(importlib.import_module(module), name)
        assert package.__dict__[name] is getattr(package, name)


def test_an_installation_without_sources(tmp_path: Path) -> None:
    folder = tmp_path / "sagellm_protocol"
    shutil.copytree(Path(sagellm_protocol.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "compileall", "-b", "-q", str(folder)], check=True)
    for source in folder.rglob("*.py"):
        source.unlink()
    program = """
import importlib, pkgutil
from sagellm_protocol import *
import sagellm_protocol
from sagellm_protocol import catalog, codecs, history, kv
from sagellm_protocol.cli import main
from sagellm_protocol.schema import json_schema
assert sagellm_protocol.__file__ == __import__("sys").argv[1], sagellm_protocol.__file__
assert "Request" in dir(sagellm_protocol) and "KVBlock" in kv.__all__
request = Request(request_id="r", trace_id="t", max_tokens=1)
for name in ("json", "msgpack", "dict", "msgspec-json", "msgspec-msgpack"):
    for revision in ("latest", "0.1.2.4"):
        codec = codecs.get(name, revision=revision, lossy=True)
        assert codec.decode(codec.encode(request), Request).request_id == "r"
        assert codec.decode(codec.encode([request]), list[Request])[0].request_id == "r"
        assert codec.decode_envelope(codec.encode_envelope(request)).request_id == "r"
        assert codec.converter.structure(codec.converter.unstructure(request), Request).request_id == "r"
for module in pkgutil.walk_packages(sagellm_protocol.__path__, "sagellm_protocol."):
    compiled = module.name == "sagellm_protocol._native"
    endings = (".so", ".pyd") if compiled else ".pyc"
    assert importlib.import_module(module.name).__file__.endswith(endings), module
for name in kv.__all__:
    assert getattr(kv, name) is not None, name
for name, cls in catalog.messages().items():
    assert json_schema(cls)["$schema"], name  # without texts, which stand in the source alone
assert history.upgrade({"request_id": "r", "trace_id": "t", "max_tokens": 1}, "Request", since="0.1.0")["request_id"]
assert history.table("0.1.0")
try:
    Request(request_id=1)
except ValidationError as error:
    assert "must be str, got 1" in str(error) and error.to_error().code is ErrorCode.UNAVAILABLE
envelope = codecs.get("json").encode_envelope(request)
print(codecs.negotiate("application/json").decode_envelope(envelope) == request, flush=True)
main(["schema", "Request"])
"""
    command = [sys.executable, "-c", program, str(folder / "__init__.pyc")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    told, _, schema = done.stdout.partition("\n")
    assert (told, done.stderr, done.returncode) == ("True", "", 0)
    assert json.loads(schema)["$schema"]


def test_modules_are_found_like_names() -> None:
    program = "import sagellm_protocol as p; print(p.history.latest, p.kv.KVHandle.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [history.latest, "KVHandle"]
    sagellm_protocol.__dict__.pop("ports", None)
    assert sagellm_protocol.ports.SAGELLM_GATEWAY_PORT == 8889


def test_the_import_loads_no_message_and_no_format() -> None:
    program = (
        "import sys, sagellm_protocol\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'attr', 'cattrs', 'orjson', 'msgpack', 'pydantic'}))\n"
        "from sagellm_protocol import Request\n"
        "Request(request_id='r', trace_id='t', max_tokens=1)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'cattrs', 'orjson', 'msgpack', 'pydantic'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_messages_by_name() -> None:
    assert catalog.get("KVHandle") is kv_hooks.KVHandle
    assert catalog.get("kv.types.KVHandle") is KVHandle
    assert catalog.get(KVHandle) is KVHandle
    assert catalog.name("KVBlock") == "kv.types.KVBlock"
    assert catalog.messages().keys() >= revision_table(revisions()[-1])["messages"].keys()


@pytest.mark.parametrize("wanted", ["Nothing", "types.Nothing", str, ""])
def test_what_is_no_message(wanted: object) -> None:
    with pytest.raises(UnknownMessageError):
        CATALOG.get(wanted)  # type: ignore[arg-type]


def test_a_name_that_two_share_is_asked_back() -> None:
    without_preference = Catalog(CATALOG.modules)
    with pytest.raises(UnknownMessageError, match=r"kv\.types\.KVHandle or kv_hooks\.KVHandle"):
        without_preference.get("KVHandle")
