"""The trustee: single keys and the ceremony by files. The drill and the share have their own modules beside this one."""

from __future__ import annotations

import json
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli import desks as table
from tests.cli.desks import RANDOM, folder_of
from tests.conftest import tool_version
from veche.ballot.trustees import SingleTrustee, make_trustees, parse_trustees, verify_trustees
from veche.cli.main import run
from veche.cli.trustee_ceremony import (
    Desk,
    confirm_outcome,
    hand_out_shares,
    make_certificate,
    make_commitment,
    make_reveal,
    parse_place,
    take_shares,
)
from veche.cli.trustee_key import make_single_key, parse_single_key, read_trustee_key, verify_owner
from veche.crypto.canonical_json import dumps, encode, parse, parse_canonical
from veche.crypto.ceremony import Finished
from veche.crypto.certificate import Context
from veche.crypto.channel import Cipher, Seed, send
from veche.crypto.complaint import Complaint
from veche.crypto.errors import ElectionError, Inconsistent, Malformed, Refused
from veche.crypto.schnorr import verify_possession
from veche.service.key_ceremony import end_ceremony, finish_ceremony

# --- keys ---


def test_a_single_key_is_written_as_the_tool_writes_it_and_read_again(tmp_path: Path) -> None:
    private, public = tmp_path / "t.privkey", tmp_path / "t.pubkey"
    command = ["trustee", "key", "--private", str(private), "--public", str(public), "--name", "Ратуша"]
    assert run(command) == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert str(int(json.loads(private.read_text()))) == private.read_text()[1:-1]
    key = read_trustee_key(private, None)
    shown = SingleTrustee.from_json(parse_canonical(public.read_bytes()))
    assert (shown.public_key, shown.name) == (key.public, "Ратуша")
    verify_possession(shown.possession, key.public)
    before = private.read_bytes()
    assert run(command) == 1
    assert private.read_bytes() == before


def test_a_key_file_never_shows_in_a_message() -> None:
    private, _ = make_single_key(None, RANDOM)
    for line in (private.decode() + "1", private.decode()[1:], '"0"', '"x"', ""):
        with pytest.raises(Malformed) as refused:
            parse_single_key(line)
        assert refused.value.code == "key-malformed"
        assert private.decode()[1:20] not in str(refused.value)
    assert str(int(json.loads(private))) not in repr(parse_single_key(private.decode()))


@pytest.mark.interop
def test_the_tool_takes_our_single_key_for_its_own(tmp_path: Path, belenios_tool: Path) -> None:
    private, public = make_single_key(None, RANDOM)
    (tmp_path / "public_keys.jsons").write_bytes(public + b"\n")
    subprocess.run([str(belenios_tool), "setup", "make-trustees", "--dir", str(tmp_path)], check=True, timeout=120)
    trustees = parse_trustees((tmp_path / "trustees.json").read_bytes().strip())
    verify_trustees(trustees)
    assert verify_owner(parse_single_key(private.decode()), trustees, 1).number == 1


# --- the ceremony ---


def test_a_place_is_written_number_threshold_size() -> None:
    assert parse_place("2/2/3") == Context(3, 2, 2)
    for wrong in ("", "1/2", "4/2/3", "0/2/3", "1/3/3", "1/0/3", "1/2/3/4", "a/b/c", "1/2/٣"):
        with pytest.raises(Malformed):
            parse_place(wrong)


def test_a_ceremony_by_files_gives_keys_that_fit_trustees_json(tmp_path: Path) -> None:
    desks, trustees_json, finished = table.hold(tmp_path)
    trustees = parse_trustees(trustees_json)
    for number, desk in enumerate(desks, 1):
        key = read_trustee_key(desk.private / "trustee.key", desk.private / "trustee.dkey")
        assert verify_owner(key, trustees, number).name == table.TERMS.names[number - 1]
        confirm_outcome(desk, trustees_json, finished.encode())
        assert {stat.S_IMODE(path.stat().st_mode) for path in desk.private.iterdir()} == {0o600}


def test_the_commands_hold_the_same_ceremony(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)

    def every(*command: str, place: str = "") -> None:
        for number, desk in enumerate(desks, 1):
            more = [place.format(number)] if place else []
            folders = ["--private", str(desk.private), "--folder", str(folder_of(desk))]
            assert run(["trustee", *command, *more, *folders]) == 0

    every("certificate", place="--place={}/2/3")
    for command in ("commit", "reveal", "deal", "check"):
        every(command)
    out = tmp_path / "trustees.json"
    trustees, finished = finish_ceremony(desks[0].shared, [], None)
    out.write_bytes(trustees.raw + b"\n")
    (tmp_path / "run.json").write_bytes(finished.encode() + b"\n")
    every("confirm", f"--trustees={out}", f"--run={tmp_path / 'run.json'}")


def test_a_step_done_again_shows_the_same_again(tmp_path: Path) -> None:
    desks, _, _ = table.hold(tmp_path)
    shared = {path.name: path.read_bytes() for path in folder_of(desks[0]).iterdir()}
    for name in ("certificate-1.json", "commitment-1.json", "reveal-1.json", "share-1-2.json", "key-1.json"):
        (folder_of(desks[0]) / name).unlink()
    make_certificate(desks[0], Context(3, 2, 1), RANDOM)
    make_commitment(desks[0], None, RANDOM)
    make_reveal(desks[0], RANDOM)
    hand_out_shares(desks[0])
    take_shares(desks[0], None, RANDOM)
    assert {path.name: path.read_bytes() for path in folder_of(desks[0]).iterdir()} == shared


def test_a_seed_is_never_used_for_a_second_place_or_run(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)
    make_certificate(desks[0], Context(3, 2, 1), RANDOM)
    with pytest.raises(Refused, match="never used for two"):
        make_certificate(desks[0], Context(3, 2, 2), RANDOM)


def test_another_threshold_than_the_organizers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Inconsistent) as refused:
        make_certificate(table.sit_down(tmp_path)[0], Context(3, 1, 1), RANDOM)
    assert refused.value.code == "other-terms"


def test_nothing_is_revealed_while_a_commitment_is_missing(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)
    table.all_certify(desks)
    for desk in desks[:2]:
        make_commitment(desk, None, RANDOM)
    with pytest.raises(Refused) as refused:
        make_reveal(desks[0], RANDOM)
    assert refused.value.code == "commitments-missing"
    assert not (desks[0].private / "2-revealed.json").exists()
    assert not (folder_of(desks[0]) / "reveal-1.json").exists()


def test_no_share_goes_out_while_a_reveal_is_missing_or_is_not_what_was_committed(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)
    table.all_certify(desks)
    table.all_commit(desks)
    for desk in desks[:2]:
        make_reveal(desk, RANDOM)
    with pytest.raises(Refused) as early:
        hand_out_shares(desks[0])
    assert early.value.code == "reveals-missing"
    make_reveal(desks[2], RANDOM)
    path = folder_of(desks[0]) / "reveal-3.json"
    path.write_text(path.read_text().replace('"lot":"', '"lot":"00')[:-3])
    with pytest.raises(ElectionError):
        hand_out_shares(desks[0])
    value = json.loads((desks[2].private / "2-revealed.json").read_text())["reveal"]
    path.write_text(dumps({**value, "lot": "00" * 32}))
    with pytest.raises(Inconsistent, match="trustee 3 is named"):
        hand_out_shares(desks[0])
    assert not list(folder_of(desks[0]).glob("share-*"))


def test_a_commitment_written_in_my_name_is_noticed(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)
    table.all_certify(desks)
    table.all_commit(desks)
    (folder_of(desks[0]) / "commitment-1.json").write_text(dumps({"commitment": "00" * 32}))
    with pytest.raises(Inconsistent):
        make_commitment(desks[0], None, RANDOM)
    with pytest.raises(Inconsistent) as refused:
        make_reveal(desks[0], RANDOM)
    assert refused.value.code == "own-commitment"


def deal_badly(desk: Desk, dealer: int, recipient: int) -> None:
    """Before it reveals, the dealer puts another number into the text for `recipient`."""
    path = desk.private / "1-committed.json"
    state = json.loads(path.read_text())
    keys = desk.keys()
    certificate = desk.shared.certificates(3)[recipient - 1]
    assert certificate is not None
    state["secrets"][recipient - 1] = send(keys, certificate.encryption, dumps({"secret": "12345"}), Cipher.GCM, RANDOM)
    path.write_text(dumps(state))


def test_a_bad_share_becomes_a_complaint_that_names_the_dealer_and_never_a_key(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)
    table.all_certify(desks)
    table.all_commit(desks)
    deal_badly(desks[0], 1, 3)
    table.all_reveal(desks)
    table.all_deal(desks)
    assert isinstance(take_shares(desks[1], None, RANDOM), Finished)
    complaint = take_shares(desks[2], None, RANDOM)
    assert isinstance(complaint, Complaint)
    assert (complaint.dealer, complaint.complainant) == (1, 3)
    ended = end_ceremony(desks[0].shared, 250, None)
    assert (ended.code, ended.named) == ("bad-share", (1,))
    assert take_shares(desks[2], None, RANDOM) == complaint
    assert not (desks[2].private / "trustee.dkey").exists()
    assert not (folder_of(desks[2]) / "key-3.json").exists()
    folders = ["--private", str(desks[2].private), "--folder", str(folder_of(desks[2]))]
    assert run(["trustee", "check", *folders]) == 1


def test_a_share_changed_on_the_way_is_asked_for_again_and_names_nobody(tmp_path: Path) -> None:
    desks = table.as_far_as_dealing(tmp_path)
    path = folder_of(desks[0]) / "share-1-2.json"
    right = path.read_text()
    path.write_text(right.replace('"data":"', '"data":"00'))
    with pytest.raises(Refused) as refused:
        take_shares(desks[1], None, RANDOM)
    assert refused.value.code == "not-the-dealers-message"
    path.unlink()
    with pytest.raises(Refused, match="trustee 1 has not dealt"):
        take_shares(desks[1], None, RANDOM)
    path.write_text(right)
    assert isinstance(take_shares(desks[1], None, RANDOM), Finished)


def test_a_published_group_or_run_that_is_not_mine_is_noticed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    desks, trustees_json, finished = table.hold(tmp_path / "one")
    _, other_trustees, _ = table.hold(tmp_path / "two")
    with pytest.raises(Inconsistent) as refused:
        confirm_outcome(desks[0], other_trustees, None)
    assert refused.value.code == "other-group"
    single = SingleTrustee.from_json(parse(make_single_key(None, RANDOM)[1]))
    group = parse_trustees(trustees_json).groups[0]
    confirm_outcome(desks[0], make_trustees((group, single)).raw, None)
    with pytest.raises(Inconsistent):
        confirm_outcome(desks[0], make_trustees((group, single)).raw, finished.encode())
    reordered = replace(finished, trustees="00" * 32)
    with pytest.raises(Inconsistent):
        confirm_outcome(desks[0], trustees_json, reordered.encode())


def test_a_step_before_its_turn_says_which_one_is_missing(tmp_path: Path) -> None:
    desk = table.sit_down(tmp_path)[0]
    for command in ("reveal", "deal", "check"):
        assert run(["trustee", command, "--private", str(desk.private), "--folder", str(folder_of(desk))]) == 1
    assert run(["trustee", "commit", "--private", str(desk.private), "--folder", str(folder_of(desk))]) in (1, 2)
    assert run(["trustee", "commit", "--private", str(desk.private), "--folder", str(tmp_path / "nowhere")]) == 2


def test_a_seed_file_of_a_trustee_is_22_characters_as_the_tool_wants_it(tmp_path: Path) -> None:
    desks = table.sit_down(tmp_path)
    table.all_certify(desks)
    assert Seed.parse((desks[0].private / "trustee.key").read_text()).keys().verification == desks[0].keys().verification


# --- together with other people's tools ---


def tool_lines(tool: Path, *arguments: str, folder: Path, given: str = "") -> str:
    command = [str(tool), "setup", "generate-trustee-key-threshold", "--group", "Ed25519", *arguments]
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.interop
def test_one_of_us_and_two_of_the_tool_make_a_key_together(tmp_path: Path, belenios_tool: Path) -> None:
    cipher = "ccm" if tool_version(str(belenios_tool)) < (3, 1) else "gcm"
    (tmp_path / "shared").mkdir()
    ours = tmp_path / "ours"
    assert run(["trustee", "certificate", "--private", str(ours), "--folder", str(tmp_path / "shared"), "--place", "2/2/3"]) == 0
    names: dict[int, str] = {}
    for place in (1, 3):
        tool_lines(belenios_tool, "--step", "1", "--threshold-context", f"{place}/2/3", folder=tmp_path)
        (names[place],) = {path.stem for path in tmp_path.glob("*.cert")} - set(names.values())
    lines = [(tmp_path / f"{names[1]}.cert").read_text().strip(), (tmp_path / "shared" / "certificate-2.json").read_text().strip()]
    lines.append((tmp_path / f"{names[3]}.cert").read_text().strip())
    (tmp_path / "certs.jsons").write_text("".join(line + "\n" for line in lines))
    tool_lines(belenios_tool, "--step", "2", "--certs", "certs.jsons", folder=tmp_path)
    key, certs = str(ours / "trustee.key"), str(tmp_path / "certs.jsons")
    deal = ["trustee", "tool-deal", "--key", key, "--certs", certs, "--cipher", cipher, "--out", str(tmp_path / "p2.json")]
    assert run(deal) == 0
    made = {
        place: tool_lines(belenios_tool, "--step", "3", "--certs", "certs.jsons", "--key", f"{names[place]}.key", folder=tmp_path)
        for place in (1, 3)
    }
    polynomials = [made[1].strip(), (tmp_path / "p2.json").read_text().strip(), made[3].strip()]
    (tmp_path / "polynomials.jsons").write_text("".join(line + "\n" for line in polynomials))
    step = ["--certs", "certs.jsons", "--polynomials", "polynomials.jsons"]
    tool_lines(belenios_tool, "--step", "4", *step, folder=tmp_path)
    (vinput,) = [path for path in tmp_path.glob("*.vinput") if path.stem not in names.values()]
    check = ["trustee", "tool-check", "--key", key, "--vinput", str(vinput), "--cipher", cipher]
    assert run([*check, "--out", str(tmp_path / "v2.json"), "--dkey", str(ours / "our.dkey")]) == 0
    outputs = {
        place: tool_lines(
            belenios_tool,
            *("--step", "5", "--certs", "certs.jsons", "--key", f"{names[place]}.key"),
            folder=tmp_path,
            given=(tmp_path / f"{names[place]}.vinput").read_text(),
        )
        for place in (1, 3)
    }
    voutputs = "".join(one.strip() + "\n" for one in (outputs[1], (tmp_path / "v2.json").read_text(), outputs[3]))
    item = tool_lines(belenios_tool, "--step", "6", *step, folder=tmp_path, given=voutputs)
    trustees = parse_trustees(encode([["Pedersen", parse(item.strip().encode())]]))
    verify_trustees(trustees)
    assert verify_owner(read_trustee_key(Path(key), ours / "our.dkey"), trustees, 2).number == 2
