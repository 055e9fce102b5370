"""The registrar's part over a real connection: manifests come, public lists and signed words go, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.service.hand_clock import HandClock
from tests.service.listening import listening
from tests.service.office import Office, open_office
from veche.cli.main import run
from veche.observer.durable_files import write_new
from veche.service.server import Server, open_server
from veche.service.settings import Settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield open_server(Settings(data=tmp_path / "data", checkers=1, worker=False), HandClock())


def test_a_registrar_serves_a_campaign_with_the_command_line_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        office: Office = open_office(server, HandClock(), tmp_path / "people", stack)
        office.make(contests=2)
        office.done("fix")
        link = office.done("registrar", name="Rita", email="rita@example.org")["link"]
        base = stack.enter_context(listening(server))
        token = link.partition("#")[2]
        monkeypatch.setenv("VECHE_INVITATION", f"{base}/registrar/budget#{token}")
        folder = tmp_path / "manifests"
        assert run(["registrar", "manifests", "--out", str(folder)]) == 0
        manifests = [part for uuid in office.uuids() for part in ("--manifest", str(folder / f"{uuid}.json"))]
        voters = tmp_path / "voters.csv"
        voters.write_text("login\n" + "".join(f"voter-{one}\n" for one in range(6)))
        private, public = tmp_path / "private", tmp_path / "public"
        made = ["registrar", "credentials", str(voters), "--private", str(private), "--public", str(public), *manifests]
        assert run(made) == 0
        assert run(["registrar", "upload", "--public", str(public)]) == 0
        assert [one["credentials"] for one in office.standing()["contests"]] == [6, 6]
        office.make_keys()
        uuid = office.uuids()[0]
        office.drill(uuid)
        office.seal(uuid)
        entry, _, listed = office.issued(uuid).partition(b"\n")
        write_new(tmp_path / "issued-6.json", entry)
        write_new(tmp_path / "issued-6.credentials.json", listed)
        assert run(["registrar", "upload-issued", uuid, str(tmp_path / "issued-6.json")]) == 0
        assert office.standing()["contests"][0]["issued"] == 6
        # The private file in the place of a public list is refused by the server, in a sentence.
        capsys.readouterr()
        (public / office.uuids()[1] / "public_creds.json").write_bytes((private / "codes.json").read_bytes())
        assert run(["registrar", "upload", "--public", str(public)]) == 1
        told = capsys.readouterr()
        assert token not in told.out + told.err


def test_a_trustees_invitation_is_none_of_a_registrar(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    link = "https://vote.example/trustee/budget#abcdefghijklmnopqrstuvwxyz"
    assert run(["registrar", "upload", "--public", str(tmp_path), "--server", link]) == 1
    assert "abcdefghijklmnop" not in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--csv"]])
def test_the_example_that_is_printed_makes_a_campaign(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from veche.service.campaign_file import read_campaign

    assert run(["organizer", "campaign-example", *options]) == 0
    assert read_campaign(capsys.readouterr().out.encode(), "vote.example").campaign == "budget-2026"
