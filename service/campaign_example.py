"""Examples of a campaign's file in both forms, to copy and change. `veche organizer campaign-example` prints them."""

from __future__ import annotations

from typing import Final

CSV_EXAMPLE: Final = """\
campaign;budget-2026
title_ru;Бюджет города 2026
title_en;City budget 2026
rehearsal (yes or no, for ever);yes
host;vote.example.org
zone;Europe/Moscow
threshold (trustees needed to count);2
trustee;Anna Ivanova;anna@example.org
trustee;Boris Petrov;boris@example.org
trustee;Clara Sidorova;clara@example.org
way_in;codes
minimum_ballots;5
appeal_days;3
currency;RUB
rule;greedy-skip

contest;title_ru;title_en;opens_at;closes_at;extended_until;electorate;eligibility;budget (kopecks);question;min;max;blank;\
project;option;cost (kopecks)
district-1;Район 1;District 1;01.10.2026 09:00;14.10.2026 20:00;15.10.2026 20:00;1200;residents;500000000;\
Which project first?;1;1;yes;playground;A playground on Linden Street;120000000
;;;;;;;;;;;;;lamps;Lamps along the river;90000000
;;;;;;;;;;;;;benches;Benches in the park;30000000
city;Весь город;The whole city;16.10.2026 09:00;30.10.2026 20:00;31.10.2026 20:00;48000;residents;2000000000;\
Which project of the city?;1;2;no;bridge;A footbridge;900000000
;;;;;;;;;;;;;theatre;A roof for the open-air theatre;700000000
"""

JSON_EXAMPLE: Final = """\
{
  "campaign": "budget-2026",
  "title": {"ru": "Бюджет города 2026", "en": "City budget 2026"},
  "rehearsal": true,
  "host": "vote.example.org",
  "zone": "Europe/Moscow",
  "threshold": 2,
  "trustees": [
    {"name": "Anna Ivanova", "email": "anna@example.org"},
    {"name": "Boris Petrov", "email": "boris@example.org"},
    {"name": "Clara Sidorova", "email": "clara@example.org"}
  ],
  "way_in": "codes",
  "minimum_ballots": 5,
  "appeal_days": 3,
  "eligibility": "residents",
  "contests": [
    {
      "contest": "district-1",
      "title": {"ru": "Район 1", "en": "District 1"},
      "opens_at": "2026-10-01T09:00",
      "closes_at": "2026-10-14T20:00",
      "extended_until": "2026-10-15T20:00",
      "electorate": 1200,
      "allocation": {"rule": "greedy-skip", "budget": 500000000, "currency": "RUB"},
      "questions": [
        {
          "question": "Which project first?",
          "min": 1,
          "max": 1,
          "blank": true,
          "options": [
            {"project": "playground", "title": "A playground on Linden Street", "cost": 120000000},
            {"project": "lamps", "title": "Lamps along the river", "cost": 90000000}
          ]
        }
      ]
    }
  ]
}
"""
