"""The catalogue of initiatives: a thin layer on top of the vote, without any cryptography.

Empty for now: it is a later part of the work. Here will live

- initiatives and their life cycle, editions and districts;
- the allocation of a budget, a pure function of certified totals and the manifest;
- results and statistics, computed from what the record has certified.

Only a certified result moves an initiative to a winning state.
"""
