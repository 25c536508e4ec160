"""Run by the Python that has the built wheel and nothing else: ``python -I smoke.py core|extras native|pure``.

The second word says how messages are to be read and written: by the compiled core, or by Python alone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

DISTRIBUTION = "isagellm-protocol"
BIN = Path(sys.executable).parent


def check_core() -> None:
    """The package is whole, and works on its core dependencies alone."""
    import sagellm_protocol
    from sagellm_protocol import ErrorCode, Metrics, Request, codecs
    from sagellm_protocol.model.native import in_use

    home = Path(sagellm_protocol.__file__).parent
    assert home.is_relative_to(sys.prefix), f"imported from {home}, not from the wheel"
    assert (home / "py.typed").is_file()
    metadata = importlib.metadata.metadata(DISTRIBUTION)
    assert metadata["License"] == "Proprietary - IntelliStream"
    for extra in ("click", "hypothesis", "msgspec", "pydantic", "rich"):
        assert importlib.util.find_spec(extra) is None, f"{extra} is not a core dependency"

    assert in_use() == WAY, f"the wheel is {in_use()}"
    request = Request(request_id="r", trace_id="t", model="m", prompt="p", max_tokens=1, stream=False)
    metrics = Metrics(ttft_ms=45.2, tbt_ms=12.5, throughput_tps=80.0, peak_mem_mb=24576, error_rate=0.0)
    for name in ("json", "msgpack", "dict"):
        codec = codecs.get(name)
        for message in (request, metrics):
            assert codec.decode(codec.encode(message), type(message)) == message, (name, message)
    assert ErrorCode.INVALID_ARGUMENT.value == "invalid_argument"

    done = subprocess.run([BIN / "sagellm-protocol"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert f"{DISTRIBUTION}[cli]" in done.stderr, done.stderr


def check_extras() -> None:
    """The command line upgrades a file, and has the texts that it writes a package from."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "log.jsonl"), Path(folder, "out")
        payload = {"event": "delta", "request_id": "r", "trace_id": "t", "chunk": "Hi", "chunk_tokens": [1]}
        source.write_text(json.dumps(payload) + "\n", encoding="utf-8")
        subprocess.run([BIN / "sagellm-protocol", "upgrade", source, "--output", output], check=True)
        upgraded = json.loads(Path(output, "log.jsonl").read_text(encoding="utf-8"))
        assert upgraded["content"] == "Hi"
        subprocess.run([BIN / "sagellm-protocol", "new", "fleet", "--path", folder], check=True)
        assert Path(folder, "fleet/src/fleet/published.lock").is_file()


if __name__ == "__main__":
    PART, WAY = sys.argv[1:]
    {"core": check_core, "extras": check_extras}[PART]()
    print(f"{DISTRIBUTION} {importlib.metadata.version(DISTRIBUTION)}: {PART} works as installed, {WAY}")
