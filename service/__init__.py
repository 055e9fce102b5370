"""The server: casting, trustees, registrar, organizers, jobs and pages. Nothing below imports it.

An observer who needed the operator's code would not be independent. The steps of an election need no database and no network; the
command line uses them over a folder.

The steps:

- `contest_plan`        a contest's plan as people write it, turned into manifest and questions
- `desk`, `record_view`, `record_store`   one record, open for one step: what it says, and where it is kept
- `sealing`, `voting`, `counting`         from the manifest to Setup; while the vote runs; after the close
- `key_ceremony`, `ceremony_board`        the trustees' ceremony as the organizer sees it, and the board they share
- `ceremonies`, `ceremony_messages`       a campaign's runs in the tables; whether a trustee may put a message now
- `trustee_work`, `trustee_routes`        drills, roll-call and shares over HTTP, by the token of an invitation
- `trustee_page`        where an invitation leads in a browser: what to do with the tool

The record in the database:

- `record_writer`       the only code that writes the tables of the public record
- `contest_setup`       a plan becomes a record; `contest_desk` opens it for a step
- `storage`, `head_file`, `signing_keys`  what the server keeps, and whether it may still be trusted to
- `sequencer`, `log_state`   checkpoints of every log, and what was signed last, outside the database
- `signed_entries`    the database's entries beside what a log has signed
- `log_report`          how logs and witnesses stand, for operators and alarms
- `witness_submission`, `witness_client`, `witness_start`   checkpoints go to witnesses, who are asked first whether we may go on
- `tables`, `schema`, `migrations`        the server's own tables, and their versions

Campaigns and their people:

- `campaign_file`, `campaign_table`, `campaign_fields`, `campaign_example`   many contests from one file, mistakes by place
- `campaigns`, `campaign_people`, `campaign_standing`    planned, fixed, with whom, and how it stands
- `approvals`, `approved_steps`   what a second organizer must approve, and what exactly that is
- `organizer_actions`   all that organizers do; `organizer_routes` and `organizer_pages` are two ways to it
- `campaign_draft`, `campaign_form`, `draft_pages`    a campaign typed into forms, kept as it is, and what is missing at its field
- `planned_fields`                 the forms' fields of a campaign planned already, and what of its plan they leave as it is
- `contest_pages`, `contest_steps`, `next_step`, `trustee_progress`   a contest's page: its forms, and who has what to do next
- `organizer_desk`, `organizer_words`, `kept_form`    what the pages share; what they call things; forms that came too late
- `registrar_work`, `registrar_routes`   public lists and signed words, by the token of an invitation; `request_body` reads them
- `list_mistakes`       which entries of a public list are wrong, for who brought it
- `audit_trail`, `trail_words`   everything that was done, and by whom; the same in sentences for the page

The ballot box:

- `casting`             a ballot's way into the record; `casting_routes` is its door, `appender` writes
- `ballot_checkers`, `budgets`            proofs in processes of their own; limits for refused ballots

What goes on by itself:

- `lifecycle`, `roll_call`   the next step of a contest that nobody has to take, and who must be there before it opens
- `timers`, `jobs`, `worker` who looks at the clock, work for later, and who does it; `at_work` runs them beside a server,
                        and `outcome` keeps one contest's trouble from all others

People and pages:

- `access`              who asks, and whether they may; `accounts`, `sessions`, `tokens`: what is kept for it
- `session_routes`, `mail`   signing in by a link that lets in once, and the mails that bring it
- `languages`, `local_forms`   a page's language by prefix or browser, its sentences (`locale`), its times, numbers and money;
                        `utc_offset` says how far a clock is from UTC, in letters too
- `booth_pages`         booth, my ballots, tracker: the server only sends the page, all else happens in the voter's browser
- `pages`, `form`, `security_headers`   HTML made on the server (`templates`, `static`), what its forms send, headers of all answers
- `web_assets`, `web_asset_routes`   the built scripts of web/ and the style sheet: hashes for pages and records, bytes for browsers

The server itself:

- `settings`, `server`, `clock`, `application`   what is set, the parts put together, the time, the web application
- `journal_log`         what the server writes down about itself
- `settings_check`, `doctor`   what an operator can get wrong, in the settings and everywhere else
- `readiness`, `metrics`, `build_info`   whether ballots would be taken, figures, what runs; `health_routes` answers with them
- `client_address`      whose request it is when a reverse proxy stands before the server
- `head_requests`       HEAD is answered like GET, at one place for all pages
- `backup`, `restore`   a copy of the database while it is used, and the way back; `postgres_tools` runs pg_dump and pg_restore
"""
