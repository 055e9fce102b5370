"""The registrar: from a list of voters to codes, public lists and the signed word on who got one."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.cli.code_story import CSV, LOGINS, code_story, codes, credential_of, registration, sealed_folder
from tests.crypto.drawing import drawing
from tests.election.record_builder import REGISTRAR, UUID, Story
from veche.ballot.credential import derive, parse_public_credentials, public_credential
from veche.cli.main import run
from veche.cli.registrar import register, save_issued, save_registration, sign_issued
from veche.cli.voter_codes import parse_codes, parse_letter_lines
from veche.cli.voters_list import parse_voters
from veche.crypto.errors import ElectionError, Inconsistent, InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import NoteSigner, parse_verifier_key, verify_line
from veche.ledger.annex import Issued, parse_annex

OTHER = "9hVecheTestB22"


def mistakes(csv: str | bytes, electorate: int | None = None) -> str:
    """What the registrar is told about a list that is wrong."""
    with pytest.raises(Malformed) as refused:
        parse_voters(csv.encode() if isinstance(csv, str) else csv, electorate)
    assert refused.value.code == "voters-malformed"
    return refused.value.message


# --- the list of voters ---


def test_a_list_with_commas_or_semicolons_with_or_without_a_byte_order_mark_is_read_alike() -> None:
    plain = parse_voters(b"login,weight\nanna,2\nboris,\n")
    assert [(voter.login, voter.weight) for voter in plain.voters] == [("anna", 2), ("boris", 1)]
    assert plain.weighted
    assert parse_voters("\ufefflogin;weight\r\nanna;2\r\nboris;\r\n".encode()) == plain
    assert parse_voters("Логин;Вес\nanna;2\n\n  ;  \nboris;1\n".encode()) == plain


def test_a_list_in_which_nobody_has_a_weight_is_a_list_without_weights() -> None:
    assert not parse_voters(b"login,weight\nanna,\nboris,\n").weighted


def test_all_mistakes_are_named_at_once_each_by_its_line() -> None:
    said = mistakes('login,weight,name\nanna,1,A\n,2,B\nANNA,1,C\nboris,-1,D\nvera,1.5,E\ngleb,1\n"di\nna",1,F\nzoya,01,G\n')
    assert re.findall(r"line (\d+):", said) == ["3", "4", "5", "6", "7", "9", "10"]
    assert 'the login "ANNA" stands in line 2 already' in said
    assert "7 mistake(s); no code was made" in said


def test_of_many_mistakes_fifty_are_written_out_and_the_rest_counted() -> None:
    said = mistakes("login,weight\n" + "".join(f"v{n},x\n" for n in range(80)))
    assert said.count("is not a whole number") == 50
    assert "80 mistake(s)" in said
    assert said.endswith("and 30 more")


def test_more_voters_than_the_manifest_promises_are_refused() -> None:
    assert "line 4: 3 voters, but the manifest promises an electorate of 2" in mistakes("login\na\nb\nc\n", 2)


@pytest.mark.parametrize(
    ("csv", "says"),
    [
        (b"", "names its columns"),
        (b"login\n", "there is no voter"),
        (b"anna\nboris\n", "the first line"),
        (b"login,login\na,b\n", "each once"),
        (b"login,passport\na,b\n", "passport"),
        ("login\nанна\n".encode("cp1251"), "line 2 of the list of voters is not in UTF-8"),
        (b'login\n"anna\n', "not a row of a table"),
        (b"login,weight\na,68719476737\n", "2^36"),
        (b"login\na\x00b\n", "control character"),
    ],
)
def test_a_list_that_is_no_list_is_refused_in_a_sentence(csv: bytes, says: str) -> None:
    if csv == b"":
        assert "there is no voter" in mistakes(csv)
    else:
        assert says in mistakes(csv)


# --- codes and credentials ---


def test_one_code_gives_another_credential_in_every_election() -> None:
    made = register(b"login\nanna\nboris\n", [UUID, OTHER], [], drawing("two"))
    drawn = parse_codes(made.codes)
    for uuid in (UUID, OTHER):
        listed = parse_public_credentials(made.public[uuid])
        assert set(listed.weights) == {public_credential(derive(code, uuid)).hex() for code in drawn.values()}
    assert not set(json.loads(made.public[UUID])) & set(json.loads(made.public[OTHER]))


def test_the_public_list_is_sorted_by_the_bytes_of_the_group_and_names_nobody() -> None:
    listed = json.loads(registration().public[UUID])
    assert listed == sorted(listed, key=lambda credential: bytes.fromhex(credential)[::-1])
    assert len(listed) == len(LOGINS)
    assert not any(login in registration().public[UUID].decode() for login in LOGINS)


def test_weights_stand_in_the_public_list_zero_included() -> None:
    made = register(b"login,weight\nanna,0\nboris,3\n", [UUID], [], drawing("weights"))
    assert sorted(parse_public_credentials(made.public[UUID]).weights.values()) == [0, 3]


def test_the_private_file_is_the_one_that_belenios_tool_writes() -> None:
    text = register("login\nя\nb\na\n".encode(), [UUID], [], drawing("order")).codes.decode()
    assert list(json.loads(text)) == ["a", "b", "я"]
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def test_the_table_for_letters_is_read_back_and_never_shows_a_code_in_a_message() -> None:
    made = register(b'login,weight,name,address\nanna,2,"Anna, A.","Street 1"\n', [UUID], [], drawing("table"))
    (line,) = parse_letter_lines(made.letters)
    assert (line.voter.name, line.voter.weight, line.code) == ("Anna, A.", 2, parse_codes(made.codes)["anna"])
    assert line.code not in repr(line)
    with pytest.raises(Malformed) as refused:
        parse_letter_lines(made.letters.replace(line.code[:5].encode(), b"00000"))
    assert line.code[6:] not in str(refused.value)


@pytest.mark.parametrize("uuids", [[], [UUID, UUID], ["short"]])
def test_elections_are_named_once_each_and_rightly(uuids: list[str]) -> None:
    with pytest.raises(Refused, match=r"election|number"):
        register(b"login\nanna\n", uuids, [], drawing("uuids"))


@pytest.mark.interop
def test_the_tool_derives_the_same_credential_from_our_code(belenios_tool_sid: Path) -> None:
    # Tool 3.0 derives codes of the old form only (interop section 23.7), so this asks the newer one.
    code = codes()["voter1"]
    command = [str(belenios_tool_sid), "setup", "generate-credentials", "--group", "Ed25519", "--uuid", UUID, "--derive", code]
    derived = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert derived.stdout.strip() == credential_of("voter1")


# --- files ---


def register_by_command(tmp_path: Path, csv: str = CSV, *more: str) -> int:
    (tmp_path / "voters.csv").write_text(csv, encoding="utf-8")
    private, public = str(tmp_path / "private"), str(tmp_path / "public")
    return run(["registrar", "credentials", str(tmp_path / "voters.csv"), "--private", private, "--public", public, *more])


def test_private_files_are_for_the_owner_only_and_public_ones_hold_no_code(tmp_path: Path) -> None:
    assert register_by_command(tmp_path, CSV, "--uuid", UUID) == 0
    for name in ("codes.json", "letters.csv"):
        assert stat.S_IMODE((tmp_path / "private" / name).stat().st_mode) == 0o600
    public = (tmp_path / "public" / "public_creds.json").read_text()
    assert not any(code in public for code in parse_codes((tmp_path / "private" / "codes.json").read_bytes()).values())
    assert [path.name for path in (tmp_path / "public").iterdir()] == ["public_creds.json"]


def test_several_elections_get_a_folder_each(tmp_path: Path) -> None:
    assert register_by_command(tmp_path, CSV, "--uuid", UUID, "--uuid", OTHER) == 0
    assert sorted(path.name for path in (tmp_path / "public").iterdir()) == sorted([UUID, OTHER])


def test_codes_are_never_drawn_over_codes_that_may_be_in_letters_already(tmp_path: Path) -> None:
    assert register_by_command(tmp_path, CSV, "--uuid", UUID) == 0
    before = (tmp_path / "private" / "codes.json").read_bytes()
    (tmp_path / "public" / "public_creds.json").unlink()
    assert register_by_command(tmp_path, CSV, "--uuid", UUID) == 1
    assert (tmp_path / "private" / "codes.json").read_bytes() == before
    assert not (tmp_path / "public" / "public_creds.json").exists()


def test_a_list_with_a_mistake_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert register_by_command(tmp_path, CSV + "voter1,Again,\n", "--uuid", UUID) == 1
    assert "line 11" in capsys.readouterr().err
    assert not (tmp_path / "private").exists()
    assert not (tmp_path / "public").exists()


def test_one_folder_for_private_and_public_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="two"):
        save_registration(registration(), tmp_path / "same", tmp_path / "same")


@pytest.mark.parametrize("private", ["public/codes", "record/codes"])
def test_codes_never_lie_inside_a_folder_that_is_public(tmp_path: Path, private: str) -> None:
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "entries.jsonl").touch()
    with pytest.raises(Refused, match="published by mistake"):
        save_registration(registration(), tmp_path / private, tmp_path / "public")
    assert not (tmp_path / private).exists()


def test_the_last_list_has_a_file_of_its_own_even_when_it_names_nobody_new(tmp_path: Path) -> None:
    first = save_issued(b"{}", b"[]", 9, tmp_path)
    last = save_issued(b"{}", b"[]", 9, tmp_path, last=True)
    assert [path.name for path in (*first, *last)] == [
        "issued-9.json", "issued-9.credentials.json", "issued-last.json", "issued-last.credentials.json"
    ]  # fmt: skip


def test_a_list_that_is_not_there_is_not_a_refusal_but_unreadable(tmp_path: Path) -> None:
    assert (
        run(["registrar", "credentials", "nowhere.csv", "--private", str(tmp_path), "--public", str(tmp_path), "--uuid", UUID]) == 2
    )


def test_a_signing_key_is_private_and_its_public_half_is_a_verifier_key(tmp_path: Path) -> None:
    private, public = tmp_path / "registrar.key", tmp_path / "registrar.vkey"
    made = ["registrar", "key", "--name", "vote.example/registrar", "--private", str(private), "--public", str(public)]
    assert run(made) == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    signer = NoteSigner.from_private_text(private.read_text().strip())
    assert parse_verifier_key(public.read_text().strip()) == signer.verifier
    assert run(made) == 1
    assert NoteSigner.from_private_text(private.read_text().strip()).verifier == signer.verifier


# --- who got a code ---


def signed(
    folder: Path, logins: tuple[str, ...] | None, last: bool = False, signer: NoteSigner = REGISTRAR
) -> tuple[Issued, bytes]:
    entry, data, total = sign_issued(str(folder), codes(), logins, signer, last)
    annex = parse_annex(entry, UUID)
    assert isinstance(annex, Issued)
    assert annex.total == total
    return annex, data


def with_issued(path: Path, annex: Issued, data: bytes) -> Path:
    """The record after the organizer has taken this entry in."""
    with (path / "entries.jsonl").open("ab") as entries:
        entries.write(annex.text() + b"\n")
    stored = path / "data" / annex.credentials[:2] / annex.credentials
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(data)
    return path


def test_the_entry_names_the_credentials_in_the_order_of_setup_and_is_signed(tmp_path: Path) -> None:
    annex, data = signed(sealed_folder(tmp_path / "record"), LOGINS[:6])
    order = json.loads(registration().public[UUID])
    assert json.loads(data) == [one for one in order if one in {credential_of(login) for login in LOGINS[:6]}]
    assert annex.credentials == sha256(data).hexdigest()
    verify_line(REGISTRAR.verifier, annex.signed_text().decode(), annex.signature)


def test_the_order_in_which_people_came_does_not_show(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record")
    assert signed(folder, LOGINS[:6]) == signed(folder, LOGINS[5::-1])


def test_the_next_entry_names_only_new_ones_and_counts_all(tmp_path: Path) -> None:
    folder = with_issued(sealed_folder(tmp_path / "record"), *signed(tmp_path / "record", LOGINS[:5]))
    annex, data = signed(folder, LOGINS, last=True)
    assert annex.total == len(LOGINS)
    assert set(json.loads(data)) == {credential_of(login) for login in LOGINS[5:]}


def test_fewer_than_five_wait_unless_it_is_the_last(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record")
    with pytest.raises(Refused) as refused:
        signed(folder, LOGINS[:4])
    assert refused.value.code == "issued-few"
    assert signed(folder, LOGINS[:4], last=True)[0].total == 4
    annex, data = signed(folder, (), last=True)
    assert (annex.total, data) == (0, b"[]")


def test_everybody_at_once_is_the_list_of_setup_itself_which_is_not_kept_twice(tmp_path: Path) -> None:
    annex, data = signed(sealed_folder(tmp_path / "record"), None)
    assert data == registration().public[UUID]
    folder = with_issued(tmp_path / "record", annex, data)
    (folder / "data" / annex.credentials[:2] / annex.credentials).unlink()
    assert signed(folder, None, last=True)[0].total == len(LOGINS)


def test_an_unknown_login_is_refused_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r'line 2 .*"nobody"'):
        signed(sealed_folder(tmp_path / "record"), ("voter1", "nobody"))


def test_another_key_than_the_manifests_signs_nothing(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        signed(sealed_folder(tmp_path / "record"), None, signer=NoteSigner.generate("vote.example/other", drawing("other")))
    assert refused.value.code == "registrar-key"


def test_codes_of_another_election_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        sign_issued(str(Story(until="issued 1").write(tmp_path / "other")), codes(), None, REGISTRAR, False)
    assert refused.value.code == "not-this-election"


def test_more_codes_than_the_electorate_are_never_signed(tmp_path: Path) -> None:
    folder = sealed_folder(tmp_path / "record", changes={"manifest": lambda told, _: told | {"electorate": 8}})
    with pytest.raises(Refused) as refused:
        signed(folder, None)
    assert refused.value.code == "issued-electorate"


def changed_signature(annex: Issued) -> Issued:
    other = NoteSigner.generate(REGISTRAR.verifier.name, drawing("forger"))
    return Issued(annex.election, annex.total, annex.credentials, other.line(annex.signed_text().decode()))


def changed_total(annex: Issued) -> Issued:
    unsigned = Issued(annex.election, annex.total + 1, annex.credentials, "")
    return Issued(unsigned.election, unsigned.total, unsigned.credentials, REGISTRAR.line(unsigned.signed_text().decode()))


@pytest.mark.parametrize(("change", "kind"), [(changed_signature, (InvalidSignature, Malformed)), (changed_total, (Inconsistent,))])
def test_nothing_is_signed_after_an_entry_that_is_false(
    tmp_path: Path, change: Callable[[Issued], Issued], kind: tuple[type[ElectionError], ...]
) -> None:
    folder = sealed_folder(tmp_path / "record")
    annex, data = signed(folder, LOGINS[:5])
    with pytest.raises(kind):
        signed(with_issued(folder, change(annex), data), None, last=True)


def test_after_the_close_one_more_may_come_and_no_second(tmp_path: Path) -> None:
    changes: dict[str, Any] = {}
    folder = code_story("issued 2", changes).write(tmp_path / "record")
    entries = [line for line in (folder / "entries.jsonl").read_bytes().splitlines() if b'"annex":"issued"' not in line]
    (folder / "entries.jsonl").write_bytes(b"".join(line + b"\n" for line in entries))
    with pytest.raises(Refused) as refused:
        signed(folder, None)
    assert refused.value.code == "issued-last"
    with_issued(folder, *signed(folder, None, last=True))
    with pytest.raises(Refused) as refused:
        signed(folder, None, last=True)
    assert refused.value.code == "issued-final"


def test_the_command_writes_entry_and_list_for_the_organizer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = sealed_folder(tmp_path / "record")
    save_registration(registration(), tmp_path / "private", tmp_path / "public")
    (tmp_path / "registrar.key").write_text(REGISTRAR.private_text() + "\n")
    (tmp_path / "came.txt").write_text("\n".join(LOGINS[:5]) + "\n")
    command = ["registrar", "issue", "--folder", str(folder), "--private", str(tmp_path / "private")]
    command += ["--key", str(tmp_path / "registrar.key"), "--out", str(tmp_path / "out")]
    assert run(command) == 64
    assert run([*command, "--all", "--logins", str(tmp_path / "came.txt")]) == 64
    assert run([*command, "--logins", str(tmp_path / "came.txt")]) == 0
    entry, data = (tmp_path / "out" / "issued-5.json").read_bytes(), (tmp_path / "out" / "issued-5.credentials.json").read_bytes()
    annex = parse_annex(entry, UUID)
    assert isinstance(annex, Issued)
    with_issued(folder, annex, data)
    assert run(["registrar", "status", "--folder", str(folder), "--private", str(tmp_path / "private")]) == 0
    said = capsys.readouterr().out
    assert "named as handed out:       5" in said
    assert "not named yet:             4" in said
