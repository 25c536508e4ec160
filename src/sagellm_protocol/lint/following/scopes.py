"""What names mean at a point of a function: what was assigned to them before, and what a test told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from sagellm_protocol.lint.following.types import ANYTHING, Types, join


@attrs.define(eq=False)
class Scope:
    """The names of a function, of a module, or of one branch in them.

    A branch holds only what differs from before it, so that branches cost what they assign.
    """

    module: str
    above: Scope | None = None
    """What is around it."""
    branch: bool = False
    """Whether it is a branch of what is around it, and no function of its own."""
    names: dict[str, Types] = attrs.field(factory=dict)
    paths: dict[str, dict[str, Types]] = attrs.field(factory=dict)
    """What is known of attributes, by the name before the first dot: ``{"self": {"self.handle": ...}}``."""
    ever: dict[str, Types] = attrs.field(factory=dict)
    """Of a function or a module: all that was assigned to its names, which is what functions in it see."""
    dead: bool = False
    """Whether its end is not reached."""

    def branched(self) -> Scope:
        """A branch that begins here."""
        return Scope(self.module, self, branch=True)

    def around(self) -> Iterator[Scope]:
        """It, and what is around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.above

    def find(self, name: str) -> Types | None:
        """What a name means; None where it is not assigned in here."""
        inside = True
        for scope in self.around():
            if name in scope.names:
                return scope.names[name] if inside else scope.ever.get(name, scope.names[name])
            inside = inside and scope.branch
        return None

    def find_path(self, path: str) -> Types | None:
        """What is known of ``self.handle`` beyond what its class says."""
        root = path.partition(".")[0]
        scope = self
        while root not in scope.paths and scope.branch and scope.above is not None:
            scope = scope.above
        return scope.paths.get(root, {}).get(path)

    def assign(self, name: str, types: Types) -> None:
        """A name means something else from here on."""
        self.names[name] = types
        self.paths[name] = {}
        whole = next(scope for scope in self.around() if not scope.branch)
        whole.ever[name] = join(whole.ever[name], types) if name in whole.ever else types

    def tell(self, path: str, types: Types) -> None:
        """More is known of a name or an attribute from here on, which stays the same."""
        root = path.partition(".")[0]
        if root == path:
            self.names[path] = types
            return
        if root not in self.paths:
            seen = next((scope.paths[root] for scope in self.around() if root in scope.paths), {})
            self.paths[root] = dict(seen)
        self.paths[root][path] = types

    def meet(self, branches: Sequence[Scope]) -> None:
        """Go on after branches that began here."""
        alive = [branch for branch in branches if not branch.dead]
        if not alive:
            self.dead = True
            return
        for name in dict.fromkeys(name for branch in alive for name in branch.names):
            self.names[name] = join(*(branch.find(name) or ANYTHING for branch in alive))
        for root in dict.fromkeys(root for branch in alive for root in branch.paths):
            told = [branch.paths.get(root, {}) for branch in alive]
            common = set(told[0]).intersection(*told[1:])
            self.paths[root] = {path: join(*(paths[path] for paths in told)) for path in sorted(common)}
