"""Audits from published bytes alone. Knows nothing of the service: an observer needs no code of the operator.

- `steps`      the numbered checks of docs/protocol.md section 9
- `sources`    where a record is read from: a `.bel` file or a folder
- `audit`      runs the phases 9.1 to 9.11 and gives a `Report`
- `onefile`    a second verifier in one file, standard library only, sharing no code with the first
"""
