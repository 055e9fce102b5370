"""Specifies ledger/policy.py: whom a reader believes, and how many must agree."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.small_log import (
    COSIGNED5,
    ENTRIES,
    LOG,
    LOG_KEY,
    LOG_QUANTUM,
    LOG_SIGNER,
    ORIGIN,
    QUANTUM_WITNESS,
    SECOND_WITNESS,
    SPARE,
    TIME,
    WITNESS,
    WITNESS_KEY,
    checkpoint_over,
    signed_over,
    signer,
)
from veche.ballot.manifest import Log
from veche.crypto.errors import InvalidSignature, Malformed, Refused
from veche.crypto.signed_note import COSIGNATURE
from veche.crypto.signing_key import SigningKey
from veche.ledger.cosignature import make_line
from veche.ledger.policy import Group, KnownLog, Policy, Witness, parse_policy, policy_of_manifest, verify_policy, with_logs
from veche.ledger.signed_checkpoint import note_bytes, parse_signed

FIVE = checkpoint_over(ENTRIES)
LOG_LINE = f"log {LOG['log_vkey']}\n"
X = [signer(f"x{number}.example", COSIGNATURE) for number in range(3)]
Y = [signer(f"y{number}.example", COSIGNATURE) for number in range(3)]
NESTED = (
    LOG_LINE
    + "".join(f"witness X{number} {key.verifier.text()}\n" for number, key in enumerate(X))
    + "group X-witnesses 2 X0 X1 X2\n"
    + "".join(f"witness Y{number} {key.verifier.text()}\n" for number, key in enumerate(Y))
    + "group Y-witnesses any Y0 Y1 Y2\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
)


def policy(text: str) -> Policy:
    return parse_policy(text.encode())


def one_witness(quorum: str = "w1") -> Policy:
    return policy(f"{LOG_LINE}witness w1 {LOG['witness_vkey']}\nquorum {quorum}\n")


# --- Reading ------------------------------------------------------------------------------------


def test_a_policy_is_read_line_by_line() -> None:
    text = (
        f"# of us all\n\n  \t\n\tlog\t{LOG['log_vkey']}  https://vote.example/e/demo \n  # indented\n"
        f"witness w1 {LOG['witness_vkey']} https://w1.example/\ngroup g all w1\nquorum g\n"
    )
    assert policy(text) == Policy(
        (KnownLog(LOG_KEY, "https://vote.example/e/demo"),),
        (Witness("w1", WITNESS_KEY, "https://w1.example/"),),
        (Group("g", 1, ("w1",)),),
        "g",
    )


@pytest.mark.parametrize("text", [NESTED, f"{LOG_LINE}quorum none\n", "quorum none\n"])
def test_a_policy_is_read_back_as_it_is_written(text: str) -> None:
    found = policy(text)
    assert parse_policy(found.text().encode()) == found


def test_names_are_bytes_whatever_they_mean() -> None:
    data = f"{LOG_LINE}witness K {LOG['witness_vkey']}\nwitness \u212a {SECOND_WITNESS.verifier.text()}\n".encode()
    found = parse_policy(data + b"group \xff\xfe any K\nquorum \xff\xfe\n")
    assert [one.name for one in found.witnesses] == ["K", "\u212a"]
    with pytest.raises(Refused) as refusal:
        verify_policy(found, parse_signed(signed_over(ENTRIES, SECOND_WITNESS)))
    assert str(refusal.value).isprintable()
    verify_policy(found, parse_signed(COSIGNED5))


def test_many_components_are_read() -> None:
    keys = [signer(f"w{number}.example", COSIGNATURE).verifier for number in range(64)]
    logs = "".join(f"log {signer(f'l{number}.example').verifier.text()}\n" for number in range(64))
    witnesses = "".join(f"witness w{number} {key.text()}\n" for number, key in enumerate(keys))
    groups = "".join(f"group g{number} any w{number}\n" for number in range(64))
    found = policy(logs + witnesses + groups + "quorum g0\n")
    assert (len(found.logs), len(found.witnesses), len(found.groups)) == (64, 64, 64)


W1, W2 = f"witness w1 {LOG['witness_vkey']}\n", f"witness w2 {SECOND_WITNESS.verifier.text()}\n"
SAME_KEY_OTHER_NAME = SigningKey("other.example", bytes.fromhex(LOG["witness_seed_hex"]), COSIGNATURE).verifier.text()
SAME_LOG_OTHER_NAME = SigningKey("other.example", bytes.fromhex(LOG["log_seed_hex"])).verifier.text()

BAD_POLICIES = {
    "nothing": "",
    "no quorum": LOG_LINE + W1,
    "no last newline": LOG_LINE + "quorum none",
    "two quorums": LOG_LINE + W1 + "quorum w1\nquorum w1\n",
    "quorum without a name": LOG_LINE + "quorum\n",
    "quorum with two names": LOG_LINE + W1 + W2 + "quorum w1 w2\n",
    "quorum not defined": LOG_LINE + "quorum w1\n",
    "quorum defined after": LOG_LINE + "quorum w1\n" + W1,
    "quorum in capitals": LOG_LINE + W1 + "quorum W1\n",
    "unknown word": LOG_LINE + "Quorum none\nquorum none\n",
    "comment after items": LOG_LINE + "quorum none # nobody\n",
    "log without a key": "log\nquorum none\n",
    "log with too much": LOG_LINE.removesuffix("\n") + " url more\nquorum none\n",
    "log with a wrong key ID": LOG_LINE.replace("2b2d41d0", "2b2d41d1") + "quorum none\n",
    "log with a witness's key": f"log {LOG['witness_vkey']}\nquorum none\n",
    "log twice": LOG_LINE * 2 + "quorum none\n",
    "log twice under another name": LOG_LINE + f"log {SAME_LOG_OTHER_NAME}\nquorum none\n",
    "witness without a key": LOG_LINE + "witness w1\nquorum none\n",
    "witness with too much": W1.removesuffix("\n") + " url more\nquorum none\n",
    "witness with a log's key": f"witness w1 {LOG['log_vkey']}\nquorum none\n",
    "witness of a short quantum key": "witness w1 pq+6d1dd9d2+BgAA\nquorum none\n",
    "witness named none": W1.replace("w1", "none") + "quorum none\n",
    "name taken by a witness": W1 + W2.replace("w2", "w1") + "quorum none\n",
    "name taken by a group": W1 + W2 + "group w1 any w2\nquorum none\n",
    "key taken": W1 + f"witness w2 {SAME_KEY_OTHER_NAME}\nquorum none\n",
    "group without members": W1 + "group g any\nquorum none\n",
    "group of itself": W1 + "group g any g\nquorum none\n",
    "group of none": W1 + "group g any none\nquorum none\n",
    "group of what comes after": "group g any w1\n" + W1 + "quorum none\n",
    "group named none": W1 + "group none any w1\nquorum none\n",
    "group of 0": W1 + "group g 0 w1\nquorum none\n",
    "group of too many": W1 + "group g 2 w1\nquorum none\n",
    "group of 01": W1 + "group g 01 w1\nquorum none\n",
    "group of minus one": W1 + "group g -1 w1\nquorum none\n",
    "group of some": W1 + "group g some w1\nquorum none\n",
    "a huge number": W1 + f"group g {'9' * 5000} w1\nquorum none\n",
    "member twice in a group": W1 + W2 + "group g 2 w1 w1\nquorum g\n",
    "member of two groups": W1 + W2 + "group g any w1\ngroup h any w1 w2\nquorum h\n",
    "group member of two groups": W1 + W2 + "group g any w1\ngroup h any g\ngroup i any g w2\nquorum i\n",
    "carriage return": (LOG_LINE + "quorum none\n").replace("\n", "\r\n"),
    "zero byte": "# \0\nquorum none\n",
    "delete": "# \x7f\nquorum none\n",
    "vertical tab": "quorum\x0bnone\n",
    "no-break space": "quorum\u00a0none\n",
    "too many lines": W1
    + W2
    + "".join(f"group g{n} any {'w1' if n == 0 else f'g{n - 1}'}\n" for n in range(1001))
    + "quorum none\n",
    "too many bytes": "#" * 4_000_000 + "\nquorum none\n",
}


@pytest.mark.parametrize("text", BAD_POLICIES.values(), ids=BAD_POLICIES.keys())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        policy(text)
    assert refusal.value.code == "policy-malformed"


def test_the_sentence_names_the_line() -> None:
    with pytest.raises(Malformed, match="line 3 of the policy"):
        policy(f"# one\n\nwitness w1 {LOG['log_vkey']}\nquorum none\n")


def test_groups_within_groups_a_thousand_deep_are_counted() -> None:
    groups = "".join(f"group g{number} any {'w1' if number == 0 else f'g{number - 1}'}\n" for number in range(990))
    verify_policy(policy(LOG_LINE + W1 + groups + "quorum g989\n"), parse_signed(COSIGNED5))


# --- Agreement ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cosigners", [set(c) for n in range(7) for c in combinations(range(6), n)])
def test_nested_groups_agree_exactly_when_enough_members_do(cosigners: set[int]) -> None:
    data = signed_over(ENTRIES, *(key for number, key in enumerate([*X, *Y]) if number in cosigners))
    enough = len(cosigners & {0, 1, 2}) >= 2 and len(cosigners & {3, 4, 5}) >= 1
    if enough:
        assert len(verify_policy(policy(NESTED), parse_signed(data)).witnesses) == len(cosigners)
    else:
        with pytest.raises(Refused) as refusal:
            verify_policy(policy(NESTED), parse_signed(data))
        assert refusal.value.code == "quorum-missing"


def recursive(found: Policy, name: str, agreed: set[str]) -> bool:
    """The definition, by recursion."""
    groups = {group.name: group for group in found.groups}
    if name not in groups:
        return name in agreed
    return sum(recursive(found, member, agreed) for member in groups[name].members) >= groups[name].threshold


@given(data=st.data())
def test_random_trees_of_groups_agree_as_defined(data: st.DataObject) -> None:
    keys = [*X, *Y]
    text = LOG_LINE + "".join(f"witness w{number} {key.verifier.text()}\n" for number, key in enumerate(keys))
    free = [f"w{number}" for number in range(6)]
    for number in range(data.draw(st.integers(1, 4))):
        members = data.draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        text += f"group g{number} {data.draw(st.integers(1, len(members)))} {' '.join(members)}\n"
        free = [one for one in free if one not in members] + [f"g{number}"]
    found = policy(f"{text}quorum {data.draw(st.sampled_from(free))}\n")
    chosen = data.draw(st.sets(st.integers(0, 5)))
    signed = parse_signed(signed_over(ENTRIES, *(keys[number] for number in sorted(chosen))))
    assert found.quorum is not None
    if recursive(found, found.quorum, {f"w{number}" for number in chosen}):
        verify_policy(found, signed)
    else:
        with pytest.raises(Refused):
            verify_policy(found, signed)


def test_a_confirmation_says_who_and_when() -> None:
    found = verify_policy(one_witness(), parse_signed(COSIGNED5))
    assert [one.key for one in found.logs] == [LOG_KEY]
    assert [(name, one.key, one.time) for name, one in found.witnesses] == [("w1", WITNESS_KEY, TIME)]
    assert found.quorum


def test_without_a_quorum_a_checkpoint_is_in_the_public_log_and_no_more() -> None:
    found = verify_policy(one_witness("none"), parse_signed(signed_over(ENTRIES)))
    assert (found.witnesses, found.quorum) == ((), False)
    # Who cosigned all the same is still told.
    assert [name for name, _ in verify_policy(one_witness("none"), parse_signed(COSIGNED5)).witnesses] == ["w1"]


def test_the_refusal_says_who_is_missing() -> None:
    with pytest.raises(Refused, match=r"0 of 1 witnesses did; missing: w1"):
        verify_policy(one_witness(), parse_signed(signed_over(ENTRIES)))


def test_a_cosignature_of_another_checkpoint_does_not_count_and_refuses_all() -> None:
    wrong = make_line(WITNESS, checkpoint_over(ENTRIES[:3]), TIME)
    data = note_bytes(FIVE, [make_line(LOG_SIGNER, FIVE, 0), wrong])
    for quorum in ("w1", "none"):
        with pytest.raises(InvalidSignature) as refusal:
            verify_policy(one_witness(quorum), parse_signed(data))
        assert refusal.value.code == "note-signature"


def test_witnesses_without_the_log_confirm_nothing() -> None:
    data = note_bytes(FIVE, [make_line(WITNESS, FIVE, TIME)])
    with pytest.raises(InvalidSignature) as refusal:
        verify_policy(one_witness(), parse_signed(data))
    assert refusal.value.code == "checkpoint-unsigned"


def test_a_known_key_speaks_for_the_log_of_its_name_only() -> None:
    other = signer("vote.example/e/other")
    both = policy(f"{LOG_LINE}log {other.verifier.text()}\nquorum none\n")
    verify_policy(both, parse_signed(signed_over(ENTRIES)))
    with pytest.raises(InvalidSignature) as unsigned:
        verify_policy(both, parse_signed(note_bytes(FIVE, [make_line(other, FIVE, 0)])))
    assert unsigned.value.code == "checkpoint-unsigned"
    with pytest.raises(Refused) as unknown:
        verify_policy(policy(f"log {other.verifier.text()}\nquorum none\n"), parse_signed(signed_over(ENTRIES)))
    assert unknown.value.code == "checkpoint-origin"


def test_quantum_lines_of_log_and_witness_count() -> None:
    text = f"log {LOG_QUANTUM.verifier.text()}\nwitness q {QUANTUM_WITNESS.verifier.text()}\nquorum q\n"
    data = note_bytes(FIVE, [make_line(LOG_QUANTUM, FIVE, TIME), make_line(QUANTUM_WITNESS, FIVE, TIME)])
    assert len(verify_policy(policy(text), parse_signed(data)).witnesses) == 1


# --- The policy of a manifest ---------------------------------------------------------------------


def manifest_log(text: str) -> Log:
    box = signer(f"{ORIGIN}/box").verifier
    return Log(ORIGIN, (LOG_KEY, SPARE.verifier, LOG_QUANTUM.verifier), box, 10, text)


def test_a_manifests_policy_has_the_manifests_log_keys() -> None:
    for text in (W1 + "quorum w1\n", LOG_LINE + W1 + "quorum w1\n"):
        found = policy_of_manifest(manifest_log(text))
        assert [log.key for log in found.logs] == [LOG_KEY, SPARE.verifier, LOG_QUANTUM.verifier]
        verify_policy(found, parse_signed(COSIGNED5))


@pytest.mark.parametrize("text", ["one witness", "", f"log {SAME_LOG_OTHER_NAME}\nquorum none\n"])
def test_a_manifests_policy_that_names_other_logs_or_is_none_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        policy_of_manifest(manifest_log(text))
    assert refusal.value.code == "policy-malformed"


def test_a_log_key_is_given_once_and_is_a_logs() -> None:
    for keys in ([LOG_KEY, LOG_KEY], [WITNESS_KEY]):
        with pytest.raises(Malformed):
            with_logs(one_witness(), keys)
