"""The command `veche`: one module per role, heavy imports inside the commands.

- `main`, `help_text`   the command itself, exit codes, lists of commands
- `terminal`            what is printed, and where
- `record_folder`       the public record as a folder: whole appends or none
- `ceremony_folder`     the folder that trustees share while they make their keys

The organizer:

- `organizer`           the commands, over the steps of `service`; `organizer_desk` is one folder open for one step
- `organizer_setup`     a new record from a plan; `organizer_keys`: while the trustees make their keys
- `organizer_voting`    ballots that come as files
- `organizer_status`    where an election stands, and what comes next
- `organizer_campaign`  an example of a campaign's file

The registrar:

- `registrar`           the commands
- `voters_list`         the list of voters, a CSV
- `voter_codes`         codes, and the public list made of them
- `letters`             one letter per voter, in Russian and English
- `letter_pages`        the letters as a page to print, with a QR code
- `issuing`             the signed word on who got a code
- `registrar_server`    manifests from a server, public lists and signed words to it

The trustee:

- `trustee`             the commands; `trustee_key` reads and makes the key files
- `trustee_ceremony`    making a key together; `trustee_tool` does it with belenios-tool
- `trustee_drill`       showing before the vote that the key is there
- `trustee_share`       a share of the total, and what must hold before it leaves
- `trustee_journal`     what a key has answered for
- `trustee_key_file`    the key file of the browser's page, opened into a folder and made from one
- `trustee_answers`, `trustee_options`    the commands drill, roll-call and share; options that several commands have
- `invitation`, `trustee_server`          a campaign's server instead of a shared folder; `web_requests` asks it
- `trustee_take_part`, `trustee_at_server`  the whole ceremony in one command; drill, roll-call and share for a server

The voter and the observer:

- `voter`               the commands; `voter_ballot` encrypts and signs, `voter_sending` brings the ballot to the server's box,
                        `voter_tracking` finds ballots again, `voter_receipt` fetches and checks receipts, `voter_paper` prints
- `audit`               `veche audit` and `veche verify-ballot`
- `observe`             `veche observe`: the public record of a database for everybody
- `export`              `veche export`: an election with its log as a folder for any web server or disk
- `mirror`, `watch`     `veche mirror`, `veche watch`, `veche evidence`: follow a log, and catch it when it shows two histories
- `log_key`             `veche log-key`: a spare key for public logs
- `witness`             `veche witness`: cosigns public logs, on a machine that is not the operator's

The server:

- `serve`               `veche serve`: the service in this process
- `worker`              `veche worker`: jobs and timers in a process of their own
- `account`             `veche account`: who may sign in, and invitations
- `backup`, `database`  `veche backup`, `veche restore` and `veche db`: copies, the way back, versions of the tables
- `doctor`, `config`    `veche doctor` and `veche config`: what an operator can get wrong, and the settings in force

The demonstration:

- `demo`                the command; `demo_town` the people and questions, `demo_election` the election, `demo_casting` the votes,
                        `demo_frauds` the three frauds, `demo_story` what is told
"""
