"""What the audit trail's acts, and the refusals that organizers meet, are called on their pages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from veche.service.languages import sentence

ACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "create-campaign": sentence("Make a campaign"),
        "campaign-created": sentence("The campaign was made"),
        "replace-plan": sentence("Replace the plan"),
        "plan-replaced": sentence("The plan was replaced"),
        "fix-rules": sentence("Fix the rules"),
        "rules-fixed": sentence("The rules were fixed"),
        "add-organizer": sentence("Add an organizer"),
        "organizer-added": sentence("An organizer was added"),
        "invite-registrar": sentence("Invite the registrar"),
        "invite-trustee": sentence("Invite a trustee"),
        "invite-trustees": sentence("Invite the trustees"),
        "invited": sentence("A link of invitation was made"),
        "invitation-mailed": sentence("An invitation was mailed"),
        "invitations-revoked": sentence("Invitations were taken back"),
        "begin-ceremony": sentence("Begin the ceremony"),
        "ceremony-begun": sentence("The ceremony began"),
        "ceremony-message": sentence("A trustee's message of the ceremony came"),
        "ceremony-finished": sentence("The ceremony finished: the keys are made"),
        "ceremony-ended": sentence("The ceremony ended without a key"),
        "put-credentials": sentence("Public credentials were handed in"),
        "add-issued": sentence("A signed list of handed-out codes came"),
        "drill": sentence("A trustee passed the drill"),
        "roll-call": sentence("A trustee answered the roll-call"),
        "share": sentence("A trustee's share came"),
        "share-refused": sentence("A trustee's share was wrong and was refused"),
        "ask-seal": sentence("The seal was asked for"),
        "approve-seal": sentence("The seal was approved"),
        "refused-seal": sentence("The seal was refused"),
        "withdrawn-seal": sentence("The request to seal was withdrawn"),
        "sealed": sentence("The contest was sealed"),
        "opened": sentence("Voting opened"),
        "closed": sentence("Voting closed"),
        "extend": sentence("The vote was extended"),
        "suspend": sentence("The vote was suspended"),
        "resume": sentence("The vote was resumed"),
        "incident": sentence("An incident was recorded"),
        "encrypted-tally": sentence("The encrypted votes were added up"),
        "result": sentence("The result was made"),
        "withheld": sentence("The result is withheld: too few votes"),
        "publish": sentence("Publication was ordered"),
        "published": sentence("The result was published"),
        "certify": sentence("The result was certified"),
        "ask-cancel": sentence("Cancelling was asked for"),
        "approve-cancel": sentence("Cancelling was approved"),
        "refused-cancel": sentence("Cancelling was refused"),
        "withdrawn-cancel": sentence("The request to cancel was withdrawn"),
        "ask-annul": sentence("Annulling was asked for"),
        "approve-annul": sentence("Annulling was approved"),
        "refused-annul": sentence("Annulling was refused"),
        "withdrawn-annul": sentence("The request to annul was withdrawn"),
        "count-now": sentence("The count of a demonstration was begun"),
    }
)
"""By the act's name in the trail, which is shown as it is where none is here."""

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reason": sentence("A reason is 1 to 64 small Latin letters, digits and “-”, for example power-cut."),
        "wrong-type": sentence("A day and an hour were expected."),
        "entry-time": sentence("This end is not possible: it must be later than now and not after the latest end."),
        "complaints": sentence("A whole number was expected."),
        "successor": sentence("This is not the number of another election."),
        "entry-order": sentence("This is not possible at this step of the contest."),
        "too-early": sentence("It is too early for this."),
        "already-asked": sentence("This was asked for already and waits for a second organizer."),
        "second-organizer": sentence("You asked for this yourself. Another organizer must approve it."),
        "already-decided": sentence("Somebody has decided on this already."),
        "contest-changed": sentence("The contest has changed since this was asked for. Ask again."),
        "no-credentials": sentence("The registrar has not handed in the public credentials yet."),
        "question-limits": sentence("A ballot of this contest would be too long: nobody could vote. Make the campaign anew."),
        "no-trustees": sentence("The trustees have not made their keys yet."),
        "registrar-missing": sentence("The registrar's public key is missing. Add it to the plan, then fix the rules."),
        "too-late": sentence("A contest was to open at a time that has passed. Change its dates."),
        "rules-fixed": sentence("The rules are fixed already."),
        "rules-open": sentence("The rules are not fixed yet."),
        "no-account": sentence("Nobody has an account with this address. The operator makes accounts of organizers."),
        "no-organizer": sentence("This account is not one of an organizer. The operator can change that."),
        "two-roles": sentence("This person has another role in this campaign. Nobody may have two."),
        "registrar-there": sentence("This campaign has a registrar already."),
        "trustees-few": sentence("There are too few trustees."),
        "ceremony-goes-on": sentence("The trustees are at work, or have made their keys already."),
        "deadlines": sentence("These deadlines are not possible: each must be later than now and than the one before."),
        "private-file": sentence("This looks like a file with codes or names. It was not kept. Choose public_creds.json."),
        "electorate": sentence("There are more codes than people who may vote."),
        "campaign-exists": sentence("There is a campaign of this short name already. Choose another one."),
        "keys-there": sentence("The keys are not lost: enough trustees can still decrypt."),
        "too-large": sentence("What was sent is too large for this page. Nothing was kept. Choose a smaller file."),
        "too-many-rows": sentence("This page takes 60 rows of one kind. With more of them, make the campaign from a file."),
    }
)
"""Sentences in the reader's language, by the refusal's code; the exact one, in English, stands beside them."""
