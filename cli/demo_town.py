"""The town of the demonstration: its questions, trustees and voters, and what they choose. All of it is drawn anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from veche.ballot.election import Question
from veche.ballot.prepared_ballot import Choices
from veche.crypto.canonical_json import Json
from veche.crypto.scalar import system_randomness

TRUSTEES: Final = ("Anna", "Boris", "Vera", "Gleb", "Daria", "Egor", "Zoya", "Ivan", "Kira", "Lev")
SINGLE: Final = "the Notary"
WEIGHTS: Final = (1, 2, 3, 1, 0, 1, 2, 3, 5, 1)

_FIRST: Final = (
    "Which project should the district build first?",
    ("A new playground", "Lamps along the river", "Benches in the park"),
)
_SECOND: Final = (
    "Which of these should the park have? (up to two)",
    ("A dog run", "A drinking fountain", "A toilet", "A stage"),
)


@dataclass(frozen=True, slots=True)
class Town:
    """How the demonstration is played. `threshold` of `size` trustees decrypt; `single`: one more must always take part."""

    voters: int
    threshold: int
    size: int
    level: str
    questions: int = 1
    blank: bool = False
    weights: bool = False
    single: bool = False

    def spec(self, opens_at: int, closes_at: int) -> dict[str, Json]:
        """The plan of the contest, as an organizer writes SPEC.json."""
        return {
            "host": "vote.example",
            "campaign": "demo",
            "contest": "district-7",
            "rehearsal": True,
            "level": self.level,
            "title": {"ru": "Бюджет района 7 (репетиция)", "en": "Budget of district 7 (rehearsal)"},
            "description": "A rehearsal: simulated clock, drawn votes.",
            "opens_at": opens_at,
            "closes_at": closes_at,
            "zone": "Europe/Moscow",
            "minimum_ballots": min(5, self.weighty()),
            "electorate": self.voters,
            "eligibility": "residents",
            "appeal_days": 0,
            "questions": [self._question(*asked) for asked in ((_FIRST, 1, 1), (_SECOND, 0, 2))[: self.questions]],
        }

    def _question(self, asked: tuple[str, tuple[str, ...]], least: int, most: int) -> Json:
        text, titles = asked
        options: list[Json] = [{"project": f"project-{place}", "title": title} for place, title in enumerate(titles, 1)]
        return {"question": text, "min": least, "max": most, "blank": self.blank, "options": options}

    @property
    def absent(self) -> int:
        """How many do not vote: about one in ten."""
        return self.voters // 10

    def weighty(self) -> int:
        """How many of those who vote have a weight above 0."""
        return sum(1 for place in range(self.voters - self.absent) if self.weight(place) > 0)

    def weight(self, place: int) -> int:
        """The weight of voter `place`, from 0."""
        return WEIGHTS[place % len(WEIGHTS)] if self.weights else 1

    def voters_csv(self) -> bytes:
        """The list of voters as the town hall keeps it."""
        lines = ["login,weight"] if self.weights else ["login"]
        for place in range(self.voters):
            lines.append(f"{login(place)},{self.weight(place)}" if self.weights else login(place))
        return ("\n".join(lines) + "\n").encode("utf-8")

    def trustee_names(self) -> tuple[str, ...]:
        return tuple(TRUSTEES[place] if place < len(TRUSTEES) else f"Trustee {place + 1}" for place in range(self.size))


def login(place: int) -> str:
    """The login of voter `place`, from 0."""
    return f"voter-{place + 1:04}"


def draw_choices(questions: tuple[Question, ...]) -> Choices:
    """A legal vote, drawn: now and then a blank one where that is allowed."""
    return tuple(_draw_marks(question) for question in questions)


def _draw_marks(question: Question) -> tuple[int, ...]:
    if question.blank and draw(8) == 0:
        return (1, *([0] * len(question.answers)))
    wanted = question.minimum + draw(question.maximum - question.minimum + 1)
    chosen: set[int] = set()
    while len(chosen) < wanted:
        # Two draws and the smaller counts: so one option is ahead of the others, as in life.
        chosen.add(min(draw(len(question.answers)), draw(len(question.answers))))
    marks = [1 if place in chosen else 0 for place in range(len(question.answers))]
    return (0, *marks) if question.blank else tuple(marks)


def draw(below: int) -> int:
    """A number from 0 to `below` - 1. Nearly uniform, which is enough for invented votes."""
    return int.from_bytes(system_randomness(8), "big") % below
