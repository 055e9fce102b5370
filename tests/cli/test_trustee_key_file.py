"""The key file that the browser's page keeps: read and written by the command line, at every point of a ceremony."""

from __future__ import annotations

import json
from pathlib import Path
from unicodedata import normalize

import pytest
from typer.testing import CliRunner

from tests.web.ceremony_vectors import FILE, PASSPHRASE, made
from veche.cli.main import app
from veche.cli.trustee_key import read_trustee_key
from veche.cli.trustee_key_file import TrusteeRoom, open_room, pack, seal_room, unpack
from veche.crypto.ceremony import Sharing, state_from_json
from veche.crypto.errors import Malformed, Refused, Unsupported
from veche.crypto.scalar import system_randomness


def test_the_vectors_that_typescript_checks_are_what_python_makes() -> None:
    assert FILE.read_bytes() == made()


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(FILE.read_bytes())
    return found


def test_a_file_is_opened_into_a_folder_that_all_commands_understand_and_packed_again(
    known: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "key.json").write_text(known["room"]["file"], "utf-8")
    (tmp_path / "words").write_text(PASSPHRASE + "\n", "utf-8")
    words = ["--passphrase-file", str(tmp_path / "words")]
    folder, out = str(tmp_path / "room"), str(tmp_path / "again.json")
    opened = CliRunner().invoke(app, ["trustee", "open-key", str(tmp_path / "key.json"), "--private", folder, *words])
    assert opened.exit_code == 0, opened.output
    assert read_trustee_key(tmp_path / "room" / "trustee.key", None).public.hex() in known["trustees"]
    saving = ["trustee", "save-key", "--private", folder, "--campaign", "town-2026", "--out", out, *words]
    assert CliRunner().invoke(app, saving).exit_code == 0
    first, again = open_room(known["room"]["file"].encode(), PASSPHRASE), open_room(Path(out).read_bytes(), PASSPHRASE)
    assert first.to_json() == again.to_json()


@pytest.mark.parametrize("step", range(3))
def test_a_room_in_the_middle_of_a_ceremony_survives_the_way_through_a_file(
    known: dict[str, dict[str, str]], tmp_path: Path, step: int
) -> None:
    room = open_room(known["room"]["file"].encode(), PASSPHRASE)
    state = state_from_json(json.loads(FILE.read_bytes())["states"][step][0])
    early = TrusteeRoom(room.campaign, room.seed, room.certificate, state, None, None, None)
    unpack(open_room(seal_room(early, "x", system_randomness, 2**10), "x"), tmp_path / "room")
    assert pack(tmp_path / "room", room.campaign) == early
    assert isinstance(state, Sharing) == (step == 2)


def test_another_passphrase_another_campaign_and_a_damaged_file_are_refused_in_words(known: dict[str, dict[str, str]]) -> None:
    raw = known["room"]["file"].encode()
    for passphrase, written in ((PASSPHRASE + " ", raw), (PASSPHRASE, raw.replace(b"town-2026", b"town-2027"))):
        with pytest.raises(Refused, match="does not open this file") as refused:
            open_room(written, passphrase)
        assert refused.value.code == "wrong-passphrase"
    for damaged in (b"{}", raw[:-2], raw.replace(b'"n":4096', b'"n":4095'), raw.replace(b'"n":4096', b'"n":4294967296')):
        with pytest.raises(Malformed, match="not a trustee's key file"):
            open_room(damaged, PASSPHRASE)
    with pytest.raises(Unsupported, match="another version of Veche"):
        open_room(raw.replace(b"trustee-key/1", b"trustee-key/2"), PASSPHRASE)


def test_a_letter_that_a_keyboard_types_as_two_signs_opens_the_same_file(known: dict[str, dict[str, str]]) -> None:
    room = open_room(known["room"]["file"].encode(), PASSPHRASE)
    one, two = "тихий край", normalize("NFD", "тихий край")
    assert one != two
    assert open_room(seal_room(room, two, system_randomness, 2**10), one) == room
    assert open_room(seal_room(room, one, system_randomness, 2**10), two) == room
