"""What changed when, as data; and what follows from it: upgrade, downgrade, detect."""

from sagellm_protocol import __version__
from sagellm_protocol.catalog import CATALOG
from sagellm_protocol.history.changes import HistoryError
from sagellm_protocol.history.chronicle import LATEST
from sagellm_protocol.history.deprecating import Deprecation
from sagellm_protocol.history.detecting import Candidate
from sagellm_protocol.history.hooks import HookError
from sagellm_protocol.history.identifying import Detection
from sagellm_protocol.history.published import REVISIONS
from sagellm_protocol.history.timeline import History

HISTORY = History(REVISIONS, CATALOG, version=__version__)
"""The protocol's own history. The functions of this module are its methods."""

changed_in = HISTORY.changed_in
deprecated = HISTORY.deprecated
detect = HISTORY.detect
detect_all = HISTORY.detect_all
downgrade = HISTORY.downgrade
fields = HISTORY.fields
hook = HISTORY.hook
identify = HISTORY.identify
latest = HISTORY.latest
losses = HISTORY.losses
releases = HISTORY.releases
resolve = HISTORY.resolve
revisions = HISTORY.revisions
table = HISTORY.table
unhook = HISTORY.unhook
upgrade = HISTORY.upgrade

__all__ = [
    "HISTORY",
    "LATEST",
    "Candidate",
    "Deprecation",
    "Detection",
    "History",
    "HistoryError",
    "HookError",
    "changed_in",
    "deprecated",
    "detect",
    "detect_all",
    "downgrade",
    "fields",
    "hook",
    "identify",
    "latest",
    "losses",
    "releases",
    "resolve",
    "revisions",
    "table",
    "unhook",
    "upgrade",
]
