"""What a codec was taught: nothing, unless it was configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from sagellm_protocol.model.kinds import Type, nested_in
from sagellm_protocol.model.spec import Spec, Unknown, spec_of
from sagellm_protocol.model.teaching import UNTAUGHT, Teaching

if TYPE_CHECKING:
    from sagellm_protocol.codecs.overriding import AttributeOverride
    from sagellm_protocol.codecs.translating import Translation


@attrs.frozen
class Teachings:
    """What a codec was taught, for today's payloads and for those of older revisions."""

    on_the_wire: Teaching = UNTAUGHT
    held: Teaching = UNTAUGHT
    overrides: Mapping[type, Mapping[str, AttributeOverride]] = attrs.field(factory=dict)

    def translation(self, specs: Mapping[str, Spec], unknown: Unknown | None) -> Translation | None:
        """Translates payloads of an older revision; None where nothing was taught."""
        if self.on_the_wire is UNTAUGHT:
            return None
        from sagellm_protocol.codecs.translating import Translation

        return Translation(specs, self.on_the_wire, unknown)

    def touch(self, kind: Type) -> bool:
        """Whether anything that a value of this type may hold is read or written otherwise than the protocol does."""
        if self.on_the_wire is UNTAUGHT:
            return False
        waiting, seen = [kind], set()
        while waiting:
            kind = waiting.pop()
            if self.on_the_wire.kind(kind) != kind:
                return True
            for nested in nested_in(kind):
                if nested.cls in self.overrides:
                    return True
                if nested.cls not in seen:
                    seen.add(nested.cls)
                    waiting += [nested, *(field.type for field in spec_of(nested.cls).fields)]
        return False
