"""The server: accounts, registrar, ceremonies, casting, jobs, mail and pages.

Empty for now: it is part 2 of the work. Here will live

- the HTTP edge, where bytes become values and errors become `application/problem+json`;
- the ballot box, which runs the same ballot check as the audit and appends under a lock;
- storage, mail and jobs: the sockets, clocks and SQL that the packages below never touch.

It imports crypto, ballot, ledger and observer. Nothing below imports it: an observer who needed the
operator's code would not be independent.
"""
