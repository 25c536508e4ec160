"""Write docs/architecture.svg from the layers that import-linter holds and the imports that there are.

Run by ``make docs``; a test compares. An arrow stands for imports; those that follow from other arrows are left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGE = ROOT / "src" / "sagellm_protocol"
STANDARD = {*sys.stdlib_module_names, "typing_extensions"}

VOCABULARY = "vocabulary"
"""The box that stands for the modules which share a layer with ``types``."""

BOXES = {
    "cli": (0, 6, "the command line"),
    "archive": (0, 0, "files of payloads"),
    "bridges": (4, 6, "OpenAI's messages and an engine's"),
    "streams": (4, 6, "event streams"),
    "pydantic_names": (2, 2, "the names of before"),
    "fastapi": (4, 4, "bodies, replies, errors"),
    "testing": (3, 3, "strategies, fixtures"),
    "ledger": (3, 3, "watches KV cache"),
    "measuring": (0, 0, "many metrics in one"),
    "lint": (1, 1, "what old code trips over"),
    "codecs": (0, 3, "messages to bytes and back"),
    "pydantic_schema": (4, 4, "in pydantic's models"),
    "history": (0, 4, "what changed when; upgrade, downgrade, detect"),
    "display": (6, 6, "notebooks, rich"),
    "schema": (5, 5, "JSON Schema, lock"),
    "catalog": (0, 6, "every message by name"),
    VOCABULARY: (0, 6, "what is said"),
    "model": (0, 6, "how a message is declared, and what it promises"),
}
"""The first and last column of each box, and what it is for. The rows are the layers."""

BY_NAME = ("catalog", VOCABULARY)
"""The one import that is made at run time, by module name, so that no import statement tells of it."""

COLUMN, GAP, HIGH, BETWEEN, LEFT, TOP = 190, 14, 62, 34, 10, 10
STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #1f2328; text-anchor: middle }
.name { font-weight: 600; font-size: 14px }
.brought { font-style: italic; fill: #59636e }
.box { fill: #e6edfb; stroke: #2f6fdb }
.arrow { stroke: #59636e; stroke-width: 1.5; fill: none; marker-end: url(#head) }
.by-name { stroke-dasharray: 4 3 }
#head path { fill: #59636e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .brought { fill: #9198a1 } .box { fill: #1c2738; stroke: #6ea8fe }
  .arrow { stroke: #9198a1 } #head path { fill: #9198a1 }
}"""


def layers() -> list[list[str]]:
    """The modules of each layer, highest first; those that are private or not there yet are left out."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = (contract for contract in contracts if contract["type"] == "layers")
    split = [layer.translate(str.maketrans(":|()", "    ")).split() for layer in contract["layers"]]
    found = [[name for name in names if not name.startswith("_") and _exists(name)] for names in split]
    return [names for names in found if names]


def vocabulary() -> list[str]:
    """The modules that share a layer with ``types``."""
    (found,) = (row for row in layers() if "types" in row)
    return found


def rows() -> list[list[str]]:
    """The boxes of each layer, highest first."""
    return [[VOCABULARY] if "types" in row else row for row in layers()]


def _exists(module: str) -> bool:
    return (PACKAGE / f"{module}.py").exists() or (PACKAGE / module).is_dir()


def _box(module: str, said: list[str]) -> str:
    return VOCABULARY if module in said else module


def imports() -> dict[str, set[str]]:
    """What the modules of each box import, as full names."""
    said = vocabulary()
    found: dict[str, set[str]] = {box: set() for row in rows() for box in row}
    for path in sorted(PACKAGE.rglob("*.py")):
        box = _box(path.relative_to(PACKAGE).with_suffix("").parts[0], said)
        if box in found:
            found[box].update(_imported(ast.parse(path.read_text(encoding="utf-8"))))
    return {
        box: {
            _box(name.split(".")[1], said) if name.startswith(f"{PACKAGE.name}.") else name.split(".")[0]
            for name in names
        }
        for box, names in found.items()
    }


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name:
            yield from (f"{PACKAGE.name}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def arrows(found: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports downwards or within a layer, without those that follow from others."""
    place = {box: number for number, box in enumerate(BOXES)}
    down = {box: {other for other in names if other in place and other != box} for box, names in found.items()}
    down[BY_NAME[0]].add(BY_NAME[1])
    # The exception that the contract names: an error that is turned into a message imports that message.
    down["model"].discard(VOCABULARY)

    def reached(box: str) -> set[str]:
        return down[box].union(*(reached(other) for other in down[box]))

    return [
        (box, other)
        for box in BOXES
        if box in down
        for other in sorted(down[box], key=place.__getitem__)
        if not any(other in reached(between) for between in down[box] - {other})
    ]


def picture() -> str:
    """The SVG."""
    found = imports()
    width = LEFT * 2 + COLUMN * (1 + max(last for _, last, _ in BOXES.values())) - GAP
    lines: list[str] = []
    edges: dict[str, tuple[int, int, int, int]] = {}
    y = TOP
    for row in rows():
        texts = {name: _texts(name, found[name]) for name in row}
        high = HIGH + 16 * (max(map(len, texts.values())) - 2)
        for name in row:
            first, last, _ = BOXES[name]
            x, wide = LEFT + COLUMN * first, COLUMN * (last - first + 1) - GAP
            edges[name] = x, y, wide, high
            lines.append(f'<rect class="box" x="{x}" y="{y}" width="{wide}" height="{high}" rx="6"/>')
            lines.append(f'<text class="name" x="{x + wide // 2}" y="{y + 20}">{escape(name)}</text>')
            for number, (kind, text) in enumerate(texts[name]):
                at = y + 37 + 16 * number
                lines.append(f'<text class="{kind}" x="{x + wide // 2}" y="{at}">{escape(text)}</text>')
        y += high + BETWEEN
    # Below the boxes: what passes one by passes behind it.
    lines = [*(_arrow(edges[box], edges[other], (box, other) == BY_NAME) for box, other in arrows(found)), *lines]
    title = "The modules of the package, and what imports what"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y - BETWEEN + TOP}" role="img"'
            f' aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>\n{STYLE}\n</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
            ' orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
            *lines,
            "</svg>",
            "",
        ]
    )


def _texts(name: str, found: set[str]) -> list[tuple[str, str]]:
    """The lines below the name of a box: what it is for, and the packages that it brings in."""
    texts = [("what", BOXES[name][2])]
    if name == VOCABULARY:
        said = vocabulary()
        half = len(said) // 2
        texts += [("what", ", ".join(part)) for part in (said[:half], said[half:])]
    brought = sorted(other for other in found - BOXES.keys() - STANDARD if not other.startswith("_"))
    return [*texts, ("brought", ", ".join(brought))] if brought else texts


def _arrow(start: tuple[int, int, int, int], end: tuple[int, int, int, int], by_name: bool) -> str:
    """A straight line from box to box: sideways within a row, else down in the middle of the narrower box."""
    x1, y1, wide1, high1 = start
    x2, y2, wide2, high2 = end
    if y1 == y2:
        points = (x1, y1 + high1 // 2, x2 + wide2, y2 + high2 // 2)
    else:
        x, wide = (x1, wide1) if wide1 <= wide2 else (x2, wide2)
        points = (x + wide // 2, y1 + high1, x + wide // 2, y2)
    kind = "arrow by-name" if by_name else "arrow"
    return '<path class="{}" d="M{} {}L{} {}"/>'.format(kind, *points)


def documents() -> dict[str, str]:
    """Name to content of the files that this script writes."""
    return {"architecture.svg": picture()}


def main() -> None:
    """Write them beside this script."""
    for name, content in documents().items():
        (HERE / name).write_text(content, encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
