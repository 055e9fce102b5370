"""Groups, keys and proofs: no files, no clock, no elections.

Read in this order:

- `errors`            one tree of refusals, each with a stable code and a sentence
- `canonical_json`    the only JSON reader: strict, on bytes
- `backend`           batched sums of scalar multiples; the one place that calls a curve library
- `group`             `Point`, the prime-order group of Ed25519
- `scalar`            public scalars (integers) and `Secret` ones (libsodium's constant-time calls)
- `transcript`        tagged, length-prefixed hashing of Veche's own proofs
- `version1`          every hashed string of Belenios version 1, in one module
- `elgamal`, `schnorr`, `chaum_pedersen`, `disjunction`, `equality`, `strong_decryption`
- `shamir`, `channel`, `certificate`, `pedersen`, `ceremony`, `reveal`, `complaint`, `run_file`   the trustees' ceremony
- `tool_steps`        the same ceremony with other people's tools, without commitments
- `drill`, `lot`, `signed_note`, `discrete_log`
- `ml_dsa`, `signing_key`   who signs checkpoints and cosignatures, also against quantum computers
"""
