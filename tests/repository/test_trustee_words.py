"""Whatever stops a trustee's page is said in words of the page's language, and not by a code alone."""

from __future__ import annotations

import json
import re
from typing import Final

from tests.repository.tree import ROOT

SOURCES: Final = ROOT / "web" / "src"
STEPS: Final = ("ceremony", "certificate", "channel", "complaint", "key_file", "reveal", "run_file", "scalar")
KINDS: Final = "Malformed|Refused|Inconsistent|Blamed|InvalidSignature|Unsupported|ElectionError"
CODE: Final = re.compile(rf'(?:new (?:{KINDS})|malformedAs)\(\s*"([a-z-]+)"')
SAME: Final = re.compile(r'"([a-z-]+)": "([a-z-]+)"')

COMPLAINT: Final = ("message-malformed", "message-point", "recipient-wrong", "share-wrong", "tag-wrong", "text-malformed")
NEVER: Final = ("commitments-missing", "reveals-missing", "no-inverse")
RECORD: Final = ("ballot-twice", "election-key", "credentials-malformed", "record-malformed")
BOARD: Final = (
    "server-malformed", "certificate-signature", "scalar-not-canonical", "threshold-limits", "trustee-key", "wrong-type"
)
GENERAL: Final = {*COMPLAINT, *NEVER, *RECORD, *BOARD}
"""Codes that become a complaint, cannot come, or share one sentence with the code beside it: record or board are simply wrong."""


def test_every_refusal_of_a_trustee_s_page_has_its_own_words_or_shares_those_for_what_is_wrong() -> None:
    files = [*sorted((SOURCES / "trustee").glob("*.ts")), *(SOURCES / "crypto" / f"{name}.ts" for name in STEPS)]
    codes = {code for path in files for code in CODE.findall(path.read_text("utf-8"))}
    assert len(codes) > 40
    same = dict(SAME.findall((SOURCES / "trustee" / "refusals.ts").read_text("utf-8")))
    words = json.loads((ROOT / "web" / "messages" / "en.json").read_text("utf-8"))["trustee"]
    told = {code for code in codes | set(same) if f"refused-{same.get(code, code)}" in words}
    # A run that has ended is told by the first screen.
    assert codes - told - GENERAL == {"ceremony-ended"}
    assert set(same) <= told
    assert GENERAL - codes == set()
    endings = {"bad-share", "false-complaint", "wrong-reveal", "silent", "other"}
    assert {key.removeprefix("ended-") for key in words if key.startswith("ended-")} == endings | {"next", "named"}
