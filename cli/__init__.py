"""The command `veche`: one module per role, heavy imports inside the commands.

- `main`            the command itself, exit codes
- `terminal`        what is printed, and where
- `private_files`   files that only their owner reads, and that are never overwritten
- `record_folder`   the public record as a folder: whole appends or none
- `record_view`     what a record says so far: state, rules, election, ballots, shares
- `organizer*`      the organizer's steps, from the manifest to the certified result
- `registrar`       voter codes and the signed lists of who got one
- `trustee*`        keys, the ceremony, the drill, a share of the decryption
- `voter`           encrypt, open for checking, track
- `audit`           `veche audit` and `veche verify-ballot`
- `demo*`           a whole election in one command, and three frauds
"""
