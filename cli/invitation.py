"""An invitation to a campaign as a trustee holds it: `https://HOST/trustee/CAMPAIGN#TOKEN`.

The token opens the ceremony in the trustee's name. It is sent in a header to this one server and to nobody else, and stands in no
message, no list of processes (where the link comes from a file or from VECHE_INVITATION) and no address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from veche.crypto.errors import Malformed, Refused

VARIABLE: Final = "VECHE_INVITATION"
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

_LINK = "an invitation looks like https://HOST/trustee/CAMPAIGN#TOKEN, or with registrar; copy the whole of it, in quotes"
_PATH = re.compile(r"(/[A-Za-z0-9/._~-]*)?/(trustee|registrar)/([A-Za-z0-9._-]{1,64})/?")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}")


@dataclass(frozen=True, slots=True)
class Invitation:
    """`server` is the address in front of `/trustee/`, without a slash at its end."""

    server: str
    campaign: str
    token: str = field(repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.server).hostname or ""


def parse_invitation(written: str, role: str = "trustee") -> Invitation:
    """The invitation of a link to this role. Raises Malformed or Refused, and neither repeats what was written."""
    try:
        link = urlsplit(written.strip())
        host, port = link.hostname, link.port
    except ValueError as error:
        raise Malformed("invitation-malformed", _LINK) from error
    path = _PATH.fullmatch(link.path)
    if link.scheme not in ("http", "https") or not host or link.query or link.username is not None:
        raise Malformed("invitation-malformed", _LINK)
    if path is None or path[2] != role:
        raise Malformed("invitation-malformed", _LINK)
    if _TOKEN.fullmatch(link.fragment) is None:
        raise Malformed("invitation-malformed", f"the part after # is missing or damaged: {_LINK}")
    if link.scheme == "http" and host not in LOOPBACK:
        raise Refused("not-private", "this invitation leads to http://: everybody on the way could act in your name. Ask for https://")
    shown = f"[{host}]" if ":" in host else host
    return Invitation(f"{link.scheme}://{shown}{'' if port is None else f':{port}'}{path[1] or ''}", path[3], link.fragment)
