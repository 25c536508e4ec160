"""FastAPI's documentation page in a browser.

It runs where there is a chromium, and where SWAGGER_UI_DIST names what ``npm install swagger-ui-dist`` brings: the page
itself loads that from a server of others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from sagellm_protocol import Metrics, kv_hooks
from sagellm_protocol.kv import types as kv_types
from web.serving import served

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCRIPTS = os.environ.get("SWAGGER_UI_DIST")


def application(scripts: str) -> FastAPI:
    app = FastAPI()
    app.mount("/scripts", StaticFiles(directory=scripts))

    @app.post("/move")
    def move(held: kv_types.KVHandle, to: kv_hooks.KVHandle) -> Metrics:
        raise NotImplementedError

    @app.get("/page", include_in_schema=False)
    def page() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="page",
            swagger_js_url="/scripts/swagger-ui-bundle.js",
            swagger_css_url="/scripts/swagger-ui.css",
            swagger_ui_parameters={"docExpansion": "full", "defaultModelsExpandDepth": 3},
        )

    return app


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium")
@pytest.mark.skipif(SCRIPTS is None, reason="SWAGGER_UI_DIST does not name the folder of swagger-ui-dist")
def test_the_page_shows_what_messages_say(tmp_path: Path) -> None:
    assert BROWSER is not None
    assert SCRIPTS is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=15000", "--window-size=1100,2600"]
    with served(application(SCRIPTS)) as address:
        command = [BROWSER, *flags, f"--user-data-dir={tmp_path}", "--dump-dom", f"{address}/page"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", done.stdout))
    assert "Resolver error" not in shown
    for text in ("POST /move", "kv_hooks.KVHandle", "kv.types.KVHandle", "ttft_ms", "Time to first token"):
        assert text.lower() in shown.lower(), text
