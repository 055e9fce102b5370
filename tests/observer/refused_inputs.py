"""Every input that one check refuses, in the order of the checks. The first input of a check is refused by it alone."""

from __future__ import annotations

from tests.observer.refusal_case import Case
from tests.observer.refused_archives import ARCHIVES
from tests.observer.refused_ballots import BALLOTS
from tests.observer.refused_ceremonies import CEREMONIES
from tests.observer.refused_counts import RESULTS, TALLIES
from tests.observer.refused_entries import FOLDERS
from tests.observer.refused_logs import LOGS
from tests.observer.refused_manifests import MANIFESTS
from tests.observer.refused_people import PEOPLE
from tests.observer.refused_setups import SETUPS

CASES: list[Case] = [
    *ARCHIVES,
    *FOLDERS,
    *SETUPS,
    *MANIFESTS,
    *CEREMONIES,
    *LOGS,
    *BALLOTS,
    *PEOPLE,
    *TALLIES,
    *RESULTS,
]

ALONE: list[Case] = [case for case in CASES if case.alone]
