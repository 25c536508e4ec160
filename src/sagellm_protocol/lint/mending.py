"""How findings can be mended without a doubt: the places of the text to replace."""

from __future__ import annotations

import ast

from sagellm_protocol.lint.files import Source
from sagellm_protocol.lint.finding import Edit, Import, Mend
from sagellm_protocol.lint.following.modules import PACKAGE

EVOLVE: Import = (PACKAGE, "evolve", "evolve")
CODECS: Import = (PACKAGE, "codecs", "codecs")
TO_PLAIN: Import = (f"{PACKAGE}.model", "to_plain", "to_plain")
FROM_PLAIN: Import = (f"{PACKAGE}.model", "from_plain", "from_plain")


def around(source: Source, node: ast.expr, before: str, after: str) -> tuple[Edit, Edit]:
    """Write something before and after an expression."""
    begin, end = source.begin(node), source.end(node)
    return Edit(begin, begin, before), Edit(end, end, after)


def as_list(source: Source, node: ast.expr) -> Mend:
    """``list(x)`` in place of ``x``."""
    return Mend(around(source, node, "list(", ")"))


def replaced(source: Source, node: ast.AST, text: str, *imports: Import) -> Mend:
    """Something else in place of an expression."""
    return Mend((Edit(source.begin(node), source.end(node), text),), imports)


def method_called(source: Source, node: ast.Call, function: str, after: str, *imports: Import) -> Mend | None:
    """``function(x)`` in place of ``x.method()``; None where a comment would be lost."""
    assert isinstance(node.func, ast.Attribute)
    value = node.func.value
    begin, end = source.begin(value), source.end(value)
    tail = source.text[end : source.end(node)]
    if "#" in tail or "\n" in tail.strip() or not tail.lstrip().startswith("."):
        return None
    return Mend((Edit(begin, begin, f"{function}("), Edit(end, source.end(node), f"){after}")), imports)


def class_called(source: Source, node: ast.Call, before: str, after: str, *imports: Import) -> Mend | None:
    """``before data after`` in place of ``Request.model_validate(data)``; None where a comment would be lost."""
    begin, end = source.begin(node.args[0]), source.end(node.args[0])
    opened = source.text[source.end(node.func) : begin]
    closed = source.text[end : source.end(node) - 1]
    if "#" in opened + closed or opened.count("(") != 1 or ")" in closed:
        return None
    blanks = opened[opened.index("(") + 1 :]
    closed = after + closed.lstrip(",") if after else closed
    edits = (Edit(source.begin(node), begin, before + blanks), Edit(end, source.end(node) - 1, closed))
    return Mend(edits, imports)


def copied(source: Source, node: ast.Call, update: ast.Dict | None) -> Mend | None:
    """``evolve(x, field=value)`` in place of ``x.model_copy(update={"field": value})``."""
    if update is None or not update.keys:
        return method_called(source, node, EVOLVE[1], "", EVOLVE)
    assert isinstance(node.func, ast.Attribute)
    begin, end = source.begin(node.func.value), source.end(node.func.value)
    keys, values = [key for key in update.keys if key is not None], update.values
    opened = source.text[end : source.begin(keys[0])]
    closed = source.text[source.end(values[-1]) : source.end(node)]
    between = [source.text[source.begin(key) : source.begin(value)] for key, value in zip(keys, values, strict=True)]
    if "#" in "".join([opened, closed, *between]) or any("(" in gap or "\n" in gap for gap in between):
        return None
    if not opened.lstrip().startswith(".") or opened.count("(") != 1 or closed.count(")") != 1:
        return None
    inside = opened[opened.rindex("{") + 1 :]
    edits = [Edit(begin, begin, f"{EVOLVE[1]}("), Edit(end, source.begin(keys[0]), "," + (inside or " "))]
    for key, value in zip(keys, values, strict=True):
        assert isinstance(key, ast.Constant)
        place = source.begin(key)
        name = Edit(place, source.begin(value), f"{key.value!s}=")
        edits = (
            [*edits[:-1], Edit(edits[-1].start, name.end, edits[-1].text + name.text)]
            if key is keys[0]
            else [*edits, name]
        )
    last = closed[: closed.index("}")]
    line_end = closed[closed.rindex("}") + 1 :].removesuffix(")").lstrip(",")
    ending = last.rstrip() + line_end if "\n" in line_end else last.rstrip(", ")
    edits.append(Edit(source.end(values[-1]), source.end(node), ending + ")"))
    return Mend(tuple(edits), (EVOLVE,))


def as_tuple(source: Source, node: ast.List) -> Mend | None:
    """``(1, 2)`` in place of ``[1, 2]``, and of the lists in it."""
    edits: list[Edit] = []
    waiting: list[ast.expr] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.List):
            begin, end = source.begin(part), source.end(part)
            comma = "," if len(part.elts) == 1 and "," not in source.text[source.end(part.elts[0]) : end] else ""
            edits += [Edit(begin, begin + 1, "("), Edit(end - 1, end, f"{comma})")]
            waiting += part.elts
    return Mend(tuple(sorted(edits)))


def also_caught(source: Source, caught: ast.expr) -> Mend:
    """Our error beside pydantic's, in ``except`` or in a call."""
    name = "ProtocolValidationError"
    imports = ((PACKAGE, "ValidationError", name),)
    if isinstance(caught, ast.Tuple) and caught.elts:
        end = source.end(caught.elts[-1])
        return Mend((Edit(end, end, f", {name}"),), imports)
    return Mend(around(source, caught, "(", f", {name})"), imports)
