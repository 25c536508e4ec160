"""Run lines of code, each with a namespace of its own, and tell what came of them. For a process of its own.

Asked on standard input, as JSON: ``begun``, the code that each line begins with, and ``codes``. Answers with a list of
``said`` (the value of the last expression as text, or the class of the error) and ``warned``.
"""

from __future__ import annotations

import ast
import json
import sys
import warnings
from typing import Any

sys.path[:0] = sys.argv[1:]


def outcome(begun: str, code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(begun, namespace)
    body = ast.parse(code).body
    last = body.pop()
    assert isinstance(last, ast.Expr), f"ends in no expression: {code}"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(ast.Module(body, []), code, "exec"), namespace)
            said = repr(eval(compile(ast.Expression(last.value), code, "eval"), namespace))
        except Exception as error:  # whatever it is: it is told
            said = type(error).__name__
    return {"said": said, "warned": sorted({found.category.__name__ for found in caught})}


asked = json.load(sys.stdin)
json.dump([outcome(asked["begun"], code) for code in asked["codes"]], sys.stdout)
