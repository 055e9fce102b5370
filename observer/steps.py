"""The numbered checks of an audit, as docs/protocol.md section 9 lists them; a test compares both. A code is stable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One check: its number in docs/protocol.md, its code, and what holds when it passes, in a sentence for people."""

    number: str
    code: str
    sentence: str


PHASES: dict[str, str] = {
    "9.1": "The archive is whole and its chain unbroken",
    "9.2": "The entries of the public log are in order",
    "9.3": "Question, voters' list and keys are what they should be",
    "9.4": "The manifest fixed before the vote belongs to this election",
    "9.5": "The trustees' keys were made in the open and tried before the vote",
    "9.6": "Every ballot is well-formed, signed and proven",
    "9.7": "Only people with a handed-out code voted, and only in time",
    "9.8": "The encrypted total is the sum of exactly these ballots",
    "9.9": "Every trustee decrypted that total and nothing else",
    "9.10": "The published result is what the trustees decrypted",
    "9.11": "Nothing that was seen before has been changed since",
    "9.13": "The log signed exactly these entries",
}

_TABLE = """
9.1.1 archive-truncated The archive ends where a record ends
9.1.2 archive-record Every record has exactly the bytes of the format
9.1.3 archive-header The first record names version and time
9.1.4 record-hash Every record's name is the hash of its content
9.1.5 event-malformed Every event is written in the one canonical form
9.1.6 event-height Events are numbered without a gap
9.1.7 event-parent Every event names the hash of the one before
9.1.8 event-order Events follow each other in a legal order
9.1.9 record-order Every event stands after exactly the data it names
9.2.1 folder-form The folder holds the files of a public record
9.2.2 entry-malformed Every entry is written in the one canonical form
9.2.3 entry-election Every entry speaks of this election
9.2.4 entry-order Entries follow each other as the rules allow
9.2.5 entry-time Times never go back, and extensions are allowed ones
9.2.6 chain-differs The entries hold exactly the archive's events
9.2.7 data-missing Everything an entry names by its hash is there
9.2.8 data-hash Every data file has the hash of its name
9.2.9 data-unnamed There is no data that nothing names
9.3.1 setup-data The setup names election, trustees and credentials
9.3.2 election-malformed The election's text is readable and complete
9.3.3 question-limits Every question's limits make sense
9.3.4 credentials-malformed The list of public credentials is readable
9.3.5 credential-invalid Every public credential is a valid key
9.3.6 duplicate-credential No public credential stands twice
9.3.7 trustees-malformed The trustees' keys are readable
9.3.8 threshold-limits Threshold and number of trustees fit
9.3.9 trustee-key Every key of a trustee is a valid key
9.3.10 trustee-pok Every trustee has shown to know its secret key
9.3.11 certificate-context Every certificate is bound to its place in the group
9.3.12 certificate-signature Every certificate is signed by its key
9.3.13 coefficients-signature Every dealer signed its coefficients
9.3.14 group-signature Every dealer dealt for the same group
9.3.15 verification-key Every verification key follows from the dealers' coefficients
9.3.16 key-signature Every verification key is signed by its trustee
9.3.17 election-key The election's key is the sum of the trustees' keys
9.4.1 manifest-hash The manifest is the one named before the vote
9.4.2 manifest-malformed The manifest is written in the one canonical form
9.4.3 manifest-times Opening, closing and appeal times make sense
9.4.4 manifest-keys Log, box and registrar have keys of their own
9.4.5 manifest-line The election's text names level and manifest
9.4.6 manifest-level Both name the same level
9.4.7 manifest-election The manifest is for this election
9.4.8 manifest-options The manifest's options are the ballot's
9.5.1 ceremony-malformed The protocol of the key ceremony is readable and complete
9.5.2 ceremony-certificates The ceremony began with good certificates
9.5.3 ceremony-commitment Every trustee revealed what it had committed to
9.5.4 ceremony-reveal Every trustee signed what it revealed and what it saw
9.5.5 ceremony-judgement Every complaint was judged by its evidence
9.5.6 ceremony-trustees The election uses exactly the keys of that ceremony
9.5.7 drill-proof Every trustee's key was tried before the vote
9.6.1 ballot-malformed Every ballot is written in the one canonical form
9.6.2 wrong-election Every ballot was made for this election
9.6.3 unknown-credential Every ballot names a credential of the list
9.6.4 ballot-shape Every ballot answers exactly what is asked
9.6.5 ballot-scalar Every number in a ballot is in its one form
9.6.6 ballot-hash Every signature is over the ballot's own content
9.6.7 invalid-signature Every ballot is signed with its credential
9.6.8 ballot-point Every group element in a ballot is a valid one
9.6.9 individual-proof Every mark is shown to be 0 or 1
9.6.10 blank-proof Every blank vote is shown to mark nothing else
9.6.11 overall-proof Every number of marks is shown to be allowed
9.6.12 duplicate-ballot No ballot stands twice
9.7.1 issued-signature The registrar signed whom it gave codes to
9.7.2 issued-credentials Handed-out credentials are listed ones, each once
9.7.3 issued-total The numbers of handed-out codes add up
9.7.4 issued-electorate No more codes than eligible people
9.7.5 not-issued Every ballot was cast with a handed-out code
9.7.6 opened-time The vote opened when announced
9.7.7 closed-time The vote closed when announced
9.7.8 closed-ballots The announced number of voters is the counted one
9.7.9 withheld A total is withheld exactly when too few voted
9.8.1 encrypted-tally The encrypted total is the sum of the last ballots
9.8.2 sized-tally Its number of voters and weight are right
9.9.1 share-malformed Every share is readable and of the total's shape
9.9.2 share-owner Every share belongs to a trustee
9.9.3 share-factor Every factor is a valid group element
9.9.4 decryption-proof Every factor is proven (Belenios proof)
9.9.5 strong-proof Every share is proven with the whole statement (strong proof)
9.9.6 share-refused Every refused share was bad and signed by its trustee
9.9.7 shares-disagree All shares of a group give the same result
9.10.1 shares-missing Enough trustees took part
9.10.2 result-malformed The result is readable and of the questions' shape
9.10.3 result-range No count is above the number of votes
9.10.4 result Every count is what the shares decrypt
9.10.5 published-result The announced result is this result
9.10.6 appeal-days The result was certified after the time for complaints
9.11.1 history-changed The older copy is the beginning of this record
9.13.1 checkpoint-malformed The checkpoint is written in the one form
9.13.2 checkpoint-origin The checkpoint is of the log that the manifest names
9.13.3 checkpoint-signature The log signed it with a key of the manifest
9.13.4 cosignature-wrong Every cosignature of a named witness is one
9.13.5 log-size Every entry that the log signed is here
9.13.6 log-root The signed root is that of exactly these entries
9.13.7 log-changed What the log signed before is the beginning of it
9.13.8 log-tiles The log's tiles are those of the entries
"""

STEPS: tuple[Step, ...] = tuple(Step(*line.split(" ", 2)) for line in _TABLE.strip().splitlines())

BY_CODE: dict[str, Step] = {step.code: step for step in STEPS}


def phase_of(number: str) -> str:
    """The phase of a step: `9.6` for `9.6.9`."""
    return number.rsplit(".", 1)[0]
