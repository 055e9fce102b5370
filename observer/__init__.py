"""Audits from published bytes alone. Knows nothing of the service: an observer needs no code of the operator.

- `steps`      the numbered checks of docs/protocol.md section 9
- `sources`    where a record is read from: a `.bel` file, a folder, or a server (`url_source` over `downloading`)
- `audit`      runs the phases of section 9 and gives a `Report`; of the log `log_check` and `tile_check`
- `board`      what a record says to voter, registrar and trustee: election, seal, ballots, total
- `onefile`    a second verifier in one file, standard library only, sharing no code with the first

The record in a database, and how it is served (these need the packages of the extra `service`):

- `tables`, `database`, `record_rows`     the tables of the public record, and all SQL that reads them; `turns` at the write lock
- `published_files`, `database_source`    archive and entries as files that only grow; a record as a source of the audit
- `problems`                              refusals as answers over HTTP
- `endpoint`, `credential_buckets`        the read-only endpoint's routes, over `public_record`
- `log_routes`, `log_store`                   checkpoint, tiles and receipts over HTTP; tiles as durable files of a folder
- `summary`, `published_result`           what it says of an election, a ballot, a credential; the result, once published
- `endpoint_answers`, `ranges`, `csv_text`  headers and descriptions; ETag and Range; tables for spreadsheets
- `export`                                a record with its log as a folder that any web server or disk can hold
- `standing`                              how far a ballot and a log have come, in the words that people are told everywhere
- `observe`                               the endpoint as an application of its own, for `veche observe`
- `witness`, `witness_store`, `witness_server`  cosigns the logs it knows: what it says, what it remembers, and HTTP (need nothing)
- `mirror`, `mirror_folder`, `mirror_data`, `mirror_server`  follows an election, keeps what it checked, serves it (need nothing)
- `watch`, `evidence`                     compares what a log shows to different people; what convicts it (need nothing)
- `receipt_check`                         what a voter's receipt or acknowledgement is worth, offline (needs nothing)
- `bounded_server`                        Python's own server behind bounds, for witness and mirror (needs nothing)
- `tracker`                               a ballot's tracker in both its forms (needs nothing)
- `durable_files`                         files that are whole or not there (needs nothing)
"""
