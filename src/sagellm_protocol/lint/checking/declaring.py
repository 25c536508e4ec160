"""SLP4: subclasses of messages."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from sagellm_protocol.lint.checking.testing import MODELS
from sagellm_protocol.lint.following.modules import PACKAGE
from sagellm_protocol.lint.following.types import Class, ClassObject, Declared, Name, Types, class_name, message_of
from sagellm_protocol.lint.following.walking import Check, Walker

MESSAGE = Name(f"{PACKAGE}.model.declaring.message")
FIELDS_BY = frozenset(
    {"dataclasses.dataclass", "pydantic.dataclasses.dataclass", "attrs.define", "attrs.frozen", "attr.s"}
)
DECORATORS = frozenset(
    f"pydantic.{name}"
    for name in (
        *("field_validator", "model_validator", "validator", "root_validator"),
        *("computed_field", "field_serializer", "model_serializer"),
    )
)
NAMES = {"model_config": "nothing", "Config": "nothing", "model_post_init": "`__attrs_post_init__`"}
FUNCTIONS = {
    "model_post_init": "`__attrs_post_init__`",
    "__init__": "a classmethod that builds, or `derived(...)` for a default out of other fields",
}


def _declared(walker: Walker, node: ast.ClassDef) -> None:
    cls = walker.facts.classes[node]
    message = next((base.cls for base in cls.bases if isinstance(base, ClassObject) and message_of(base.cls)), None)
    if message is None:
        return
    decorators = frozenset().union(*map(_names, map(walker.types, map(_function, node.decorator_list))))
    wrong = _wrong(cls, decorators)
    if wrong:
        walker.report("SLP401", node, f"`{node.name}` is a `{class_name(message)}` {wrong}")
    for part, what, instead in _parts(walker, node):
        walker.report("SLP402", part, f"{what} in `{node.name}`, which is a `{class_name(message)}`", instead)


def _names(types: Types) -> frozenset[Name]:
    return frozenset(option for option in types if isinstance(option, Name))


def _function(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _wrong(cls: Declared, decorators: frozenset[Name]) -> str:
    if any(_is_model(base) for base in cls.bases):
        return "and a pydantic model"
    if any(decorator.name in FIELDS_BY for decorator in decorators):
        return "with fields by another decorator"
    if MESSAGE in decorators:
        return ""
    fields = [name for name, annotation in cls.annotations.items() if "ClassVar" not in ast.unparse(annotation)]
    return f"with a field of its own, `{fields[0]}`, and without `@message`" if fields else ""


def _is_model(option: object) -> bool:
    if isinstance(option, Name):
        return option.name in MODELS
    return isinstance(option, ClassObject) and isinstance(option.cls, Declared) and _descends(option.cls)


def _descends(cls: Class) -> bool:
    family = cls.family if isinstance(cls, Declared) else ()
    return any(isinstance(above, Declared) and MODELS & {name.name for name in _names(above.bases)} for above in family)


def _parts(walker: Walker, node: ast.ClassDef) -> Iterator[tuple[ast.AST, str, str]]:
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if name in NAMES:
                yield part, f"`{name}` of pydantic", NAMES[name]
            case ast.ClassDef(name=name) if name in NAMES:
                yield part, f"`{name}` of pydantic", NAMES[name]
            case ast.FunctionDef(name=name, decorator_list=decorators):
                found = frozenset().union(*map(_names, map(walker.types, map(_function, decorators))))
                for decorator in sorted(option.name for option in found if option.name in DECORATORS):
                    instead = "`field(validator=...)` or `__attrs_post_init__`; `derived(...)`, a property"
                    yield part, f"`{decorator.rpartition('.')[2]}` of pydantic", instead
                if name in FUNCTIONS:
                    yield part, f"`{name}`", FUNCTIONS[name]


def _made(walker: Walker, node: ast.Call) -> None:
    if Name("pydantic.create_model") not in walker.types(node.func):
        return
    for keyword in node.keywords:
        if keyword.arg == "__base__" and any(message_of(cls) for cls in _classes(walker.types(keyword.value))):
            walker.report("SLP401", node, "a pydantic model is made with a message as its base")


def _classes(types: Types) -> list[Class]:
    return [option.cls for option in types if isinstance(option, ClassObject)]


CHECKS: Mapping[type[ast.AST], tuple[Check, ...]] = {ast.Call: (_made,), ast.ClassDef: (_declared,)}
