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

An entry's text is the leaf of the Merkle log; the tree itself knows bytes only and stands beside these modules.
"""
