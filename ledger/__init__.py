"""The public record: event chain, entries and archive. Streams in, streams out: no paths, no SQL, no clock.

Read in this order:

- `event`         one link of the hash chain: its exact text, its hash, the data records of each type
- `payload`       the three small texts through which an event names more than one data record
- `chain`         the next event, and that an event follows another
- `annex`         the entries that are not events: every type, field by field
- `entry`         event or annex; the only module that knows what an entry means
- `record_state`  what may follow what: the state machine over entries
- `event_order`   the order of Belenios alone, for an archive that comes without annexes
- `timeline`      times never go back, and the end moves only as the manifest allows
- `archive`       the `.bel` file, record by record, read and written as a stream
- `chain_reader`  the archive, event by event, each with its data records
- `record`        the file of entries, and that its events are those of the archive
- `prefix`        that an older copy is the beginning of a newer one
- `box`           what may join the chain of an open election

The transparency log over these entries (docs/protocol.md section 12); an entry's text is a leaf, and only `receipt` looks inside:

- `merkle`             the tree: hashes, frontier, inclusion and consistency, made and verified; knows bytes only
- `tile`               the log as files: paths, tiles, bundles of entries, and the store that keeps them
- `tile_growth`        what a growing log writes, in which order, and that nothing is written over
- `tile_reader`        hashes, entries and proofs from tiles, and the check of all of them
- `checkpoint`         the text that is signed: origin, size, root
- `cosignature`        what lines of types 1, 4 and 6 sign, made and verified
- `signed_checkpoint`  a checkpoint with its lines, against the keys of a manifest
- `policy`             which logs and witnesses a reader believes, and how many must agree
- `receipt`            the `.tlog-proof` file of a voter
- `contradiction`      the evidence that a log signed what cannot both be true
- `submission`         what a witness is sent, and what it says to it
"""
