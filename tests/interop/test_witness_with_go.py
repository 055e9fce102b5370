"""Our witness cosigns a log that Go's packages wrote, and torchwood verifies the cosignature."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interop.go_program import go_program
from tests.observer.witness_process import body_of, in_process, new_witness, submit
from veche.crypto.signed_note import parse_verifier_key
from veche.ledger.policy import parse_policy

pytestmark = pytest.mark.interop


def test_our_witness_cosigns_a_log_written_by_go_and_go_verifies_it(tmp_path: Path) -> None:
    go, log = go_program(), tmp_path / "log"
    log.mkdir()
    go.run("write", log, "go.example/log", given=json.dumps(["one", "two", "three"]).encode())
    (known,) = parse_policy((log / "policy").read_bytes()).logs
    key = new_witness(tmp_path / "witness", parse_verifier_key(known.key.text()))
    checkpoint = (log / "checkpoint").read_bytes()
    policy = tmp_path / "policy"
    policy.write_text(f"log {known.key.text()}\nwitness ours {key.text()}\nquorum ours\n")
    with in_process(tmp_path / "witness") as (_, url, _):
        answer = submit(url, body_of(0, [], checkpoint))
    assert answer.status == 200
    assert go.refuses("checkpoint", policy, log / "checkpoint")
    (log / "cosigned").write_bytes(checkpoint + answer.body)
    assert go.run("checkpoint", policy, log / "cosigned").startswith(b"go.example/log 3 ")
