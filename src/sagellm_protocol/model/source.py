"""Generated functions: source text compiled so that tracebacks and debuggers show its lines, as ``attrs`` does."""

from __future__ import annotations

import itertools
import linecache
import re
import weakref
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import attrs

from sagellm_protocol.model.exceptions import ValidationError

_serial = itertools.count()
_compiled: weakref.WeakValueDictionary[str, CodeType] = weakref.WeakValueDictionary()
"""The code of each text that a function still runs: compiling costs ten times what writing does."""


class Doubt(Exception):
    """Raised by a generated function that cannot vouch for a value: the thorough path then decides, and explains."""


DOUBTS = (Doubt, KeyError, TypeError, OverflowError, RecursionError, ValidationError)
"""What a generated function raises on a value that the thorough path must look at: a nested message refuses its values
without knowing where it stands."""


def doubting(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of the caller's, which may raise anything: as one that doubts."""

    def doubted(value: Any) -> Any:
        try:
            return function(value)
        except Exception as error:  # whatever it raises: the thorough path calls it again, and tells
            raise Doubt from error

    return doubted


_NAMES: dict[str, Any] = {
    "_Doubt": Doubt,
    **{
        f"_{kind.__name__}": kind
        for kind in (str, bytes, int, float, bool, list, tuple, dict, type, isinstance, len, repr)
    },
}


def _identifier(text: str) -> str:
    """What may stand in source for a text, whatever that is."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


@attrs.define
class Function:
    """A function being written: its lines, and the objects that its names stand for."""

    name: str = attrs.field(converter=_identifier)
    lines: list[str] = attrs.field(factory=list)
    names: dict[str, Any] = attrs.field(factory=lambda: dict(_NAMES))
    locals: dict[str, str] = attrs.field(factory=dict)
    indent: int = 1
    counter: Iterator[int] = attrs.field(factory=itertools.count)

    def add(self, line: str) -> None:
        """Write a line at the present indent."""
        self.lines.append("    " * self.indent + line)

    def bind(self, hint: str, value: Any) -> str:
        """A name for an object in the function's globals, the same for the same object.

        It begins with an underscore, as no field does: a field called ``type`` must not hide the builtin.
        """
        name = "_" + _identifier(hint)
        while self.names.setdefault(name, value) is not value:
            name += "_"
        return name

    def fresh(self, hint: str) -> str:
        """A local name that nothing else has."""
        return f"_{_identifier(hint)}_{next(self.counter)}"

    def local(self, name: str) -> str:
        """The local variable for a field: fields of older revisions may be called what no variable may be."""
        found = self.locals.get(name)
        if found is None:
            found = "v_" + _identifier(name)
            while found in self.locals.values():
                found += "_"
            self.locals[name] = found
        return found

    def compile(self, signature: str) -> Callable[..., Any]:
        """The function that the lines make, with that parameter list."""
        source = "\n".join((f"def {self.name}({signature}):", *self.lines)) + "\n"
        # The globals of the function keep its code alive, and the other way round nothing does.
        code = self.names["__code__"] = _compiled.get(source) or self._compile(source)
        exec(code, self.names)
        function: Callable[..., Any] = self.names[self.name]
        return function

    def _compile(self, source: str) -> CodeType:
        filename = f"<sagellm_protocol generated {self.name} {next(_serial)}>"
        code = compile(source, filename, "exec")
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        weakref.finalize(code, linecache.cache.pop, filename, None).atexit = False
        return _compiled.setdefault(source, code)


def generated_source(function: Callable[..., Any]) -> str:
    """The source text of a generated function, for those who want to read it."""
    return "".join(linecache.getlines(function.__code__.co_filename))
