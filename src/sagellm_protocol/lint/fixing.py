"""Mending what can be mended without a doubt (the extra ``lint``, for libcst, which writes the imports)."""

from __future__ import annotations

import ast
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

import attrs

from sagellm_protocol.lint.files import LintError, Source, parsed, read_all
from sagellm_protocol.lint.finding import Edit, Import, Mend, Report
from sagellm_protocol.lint.rules import chosen
from sagellm_protocol.lint.running import look
from sagellm_protocol.model.exceptions import missing_extra

try:
    import libcst
    from libcst.codemod import CodemodContext
    from libcst.codemod.visitors import AddImportsVisitor
except ImportError as error:
    raise missing_extra("lint") from error


@attrs.frozen
class Fixed:
    """What became of some files."""

    report: Report
    """What is left."""
    mended: int
    """How many findings were mended."""
    before: tuple[Source, ...]
    """The files that changed, as they were."""
    after: tuple[Source, ...]
    """The same, as they are now."""

    def diff(self) -> str:
        """What changed, as a unified diff."""
        return "".join(
            line if line.endswith("\n") else f"{line}\n"
            for old, new in zip(self.before, self.after, strict=True)
            for line in unified_diff(old.lines, new.lines, old.shown, new.shown)
        )

    def write(self) -> None:
        """Put the files in the place of the old ones.

        Raises:
            LintError: one cannot be written, or changed meanwhile. Those before it are written.
        """
        for old, new in zip(self.before, self.after, strict=True):
            _write(old, new)


def fix(paths: Iterable[str | os.PathLike[str]], *, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Fixed:
    """Mend what can be, in memory. Mending again changes nothing.

    Args:
        paths: as for :func:`~sagellm_protocol.lint.lint`.
        select: rules to mend and to report.
        ignore: rules to pass over.

    Raises:
        LintError: there is no such path, or no such rule.
        MissingExtraError: libcst is not installed; raised when this module is imported.
    """
    wanted = chosen(select, ignore)
    roots = [Path(path) for path in paths]
    sources, problems = read_all(roots)
    first, count = list(sources), 0
    report = look(sources, problems, roots, wanted, None)
    sources, mended = _round(sources, report)
    while mended:  # what is mended inside of what is mended takes a round each
        count += mended
        report = look(sources, problems, roots, wanted, None)
        sources, mended = _round(sources, report)
    changed = [(old, new) for old, new in zip(first, sources, strict=True) if old.text != new.text]
    return Fixed(report, count, tuple(old for old, _ in changed), tuple(new for _, new in changed))


def _round(sources: Sequence[Source], report: Report) -> tuple[list[Source], int]:
    mends: dict[str, list[Mend]] = {}
    for finding in report.findings:
        if finding.mend is not None:
            mends.setdefault(finding.path, []).append(finding.mend)
    after = [mended_source(source, mends.get(source.shown, ())) for source in sources]
    return [source for source, _ in after], sum(count for _, count in after)


def mended_source(source: Source, mends: Sequence[Mend]) -> tuple[Source, int]:
    """A file with those of several mends that do not get in each other's way, and how many those are."""
    bound = _bound(source.tree)
    taken: list[Edit] = []
    imports: set[Import] = set()
    count = 0
    for mend in mends:
        if not _clash(mend.edits, taken) and all(_is_free(wanted, bound) for wanted in mend.imports):
            taken += mend.edits
            imports |= set(mend.imports)
            count += 1
    if not count:
        return source, 0
    text = _imported(_edited(source.text, taken), sorted(imports - bound.ours))
    new = None if text is None else parsed(source.path, source.shown, text, source.encoding)
    return (new, count) if isinstance(new, Source) else (source, 0)


def _clash(edits: Sequence[Edit], taken: Sequence[Edit]) -> bool:
    """Whether two mends are about the same places, or one inside of the other: that takes another round."""
    if not taken:
        return False
    begin, end = min(edit.start for edit in edits), max(edit.end for edit in edits)
    return any(edit.start <= end and begin <= edit.end for edit in taken)


def _edited(text: str, edits: Sequence[Edit]) -> str:
    pieces, at = [], 0
    for edit in sorted(edits):
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


@attrs.frozen
class _Bound:
    names: frozenset[str]
    """Every name that is bound anywhere in a module to something else than what is imported from this package."""
    ours: frozenset[Import]
    """What is imported at the top of the module."""


def _bound(tree: ast.Module) -> _Bound:
    ours = {
        (node.module, alias.name, alias.asname or alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module is not None and not node.level
        for alias in node.names
    }
    names: set[str] = set()
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.Global(names=several) | ast.Nonlocal(names=several):
                names |= {*several}
            case ast.Import(names=aliases):
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
            case ast.ImportFrom(names=aliases) if id(node) not in top or node.level:
                names |= {alias.asname or alias.name for alias in aliases}
    return _Bound(frozenset(names), frozenset(ours))


def _is_free(wanted: Import, bound: _Bound) -> bool:
    """Whether the name means what is wanted, or nothing yet."""
    called = wanted[2]
    others = {found for found in bound.ours if found[2] in (called, "*") and found != wanted}
    return called not in bound.names and not others


def _imported(text: str, imports: Sequence[Import]) -> str | None:
    """The text with imports added; None where libcst cannot read it."""
    if not imports:
        return text
    context = CodemodContext()
    for module, name, called in imports:
        AddImportsVisitor.add_needed_import(context, module, name, None if called == name else called)
    try:
        return AddImportsVisitor(context).transform_module(libcst.parse_module(text)).code
    except libcst.ParserSyntaxError:
        return None


def _write(old: Source, new: Source) -> None:
    path = Path(os.path.realpath(new.path))
    try:
        if path.read_bytes() != old.text.encode(old.encoding):
            raise LintError(f"{new.shown} changed while it was looked at: run the lint again")
        handle, half = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(new.text.encode(new.encoding))
            shutil.copymode(path, half)
            Path(half).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(half).unlink()
    except OSError as error:
        raise LintError(f"{new.shown} cannot be written: {error.strerror}") from error
