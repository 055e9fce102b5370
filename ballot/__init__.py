"""Elections, questions, credentials, ballots, trustees, tally: pure functions of bytes and values.

- `election`      election.json: questions, group key, fingerprint
- `manifest`      the file fixed before sealing; the level line
- `credential`    voter codes, their keys, the public list with weights
- `encrypted_ballot`   reading and checking a ballot; the box and the audit run the same function
- `prepared_ballot`    making one, and opening one for checking
- `trustees`      trustees.json: single keys and threshold groups
- `tally`, `share`, `combination`, `result`   from ballots to counts
- `acknowledgement`    the box's signed answer to a cast ballot
"""
