"""Veche: verifiable online voting.

crypto      groups and proofs; no input or output, no clock, no elections
ballot      elections, questions, credentials, ballots, trustees, tally
ledger      the public record: event chain, entries, archive
observer    the audit, from published bytes alone
service     the server
catalogue   initiatives, editions, allocation, results
cli         the command `veche`, one module per role

A package imports only what stands above it in this list.
"""

__version__ = "0.1.0"
