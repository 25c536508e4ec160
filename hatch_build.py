"""Compiles ``native/`` into the wheel; where that cannot be done, the wheel holds Python alone and runs anywhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

MODULE = "sagellm_protocol._native"


class CompiledCore(BuildHookInterface[Any]):
    """``SAGELLM_PROTOCOL_PURE=1`` forbids the compiled core, ``SAGELLM_PROTOCOL_NATIVE=1`` demands it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell hatchling what there is to pack and for whom."""
        pure, demanded = (os.environ.get(f"SAGELLM_PROTOCOL_{it}", "") not in ("", "0") for it in ("PURE", "NATIVE"))
        if pure and demanded:
            raise SystemExit("SAGELLM_PROTOCOL_PURE=1 and SAGELLM_PROTOCOL_NATIVE=1 exclude each other")
        command = self._command()
        target = Path(command.get_ext_fullpath(MODULE))
        in_place = Path(self.root, "src", "sagellm_protocol", target.name)
        if version == "editable":
            in_place.unlink(missing_ok=True)  # one that an earlier build left there must not outlive its switch
        if pure or (sys.implementation.name != "cpython" and not demanded):
            return
        try:
            command.run()
        except (BaseError, CCompilerError) as failure:
            if demanded:
                raise
            self.app.display_warning(f"The compiled core cannot be built here; without it all works, slower: {failure}")
            return
        if version == "editable":
            target.replace(in_place)
        else:
            build_data["force_include"][str(target)] = f"sagellm_protocol/{target.name}"
        build_data.update(pure_python=False, infer_tag=True)

    def _command(self) -> build_ext:
        # A build frontend's working directory is the root; relative, no path of this machine gets into the objects.
        extension = Extension(MODULE, [str(source) for source in sorted(Path("native").glob("*.c"))])
        command = build_ext(Distribution({"name": "native", "ext_modules": [extension]}))
        command.build_lib = command.build_temp = str(Path("build", "native", sys.implementation.cache_tag))
        command.force = True  # the flags may be others than last time
        command.ensure_finalized()
        return command
