"""JSON Schema and TypeScript of any message at any revision, and the lock on what has been published."""

from sagellm_protocol.schema.declarations import typescript
from sagellm_protocol.schema.generating import DIALECT, bundle, json_schema

__all__ = ["DIALECT", "bundle", "json_schema", "typescript"]
