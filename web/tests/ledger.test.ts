import assert from "node:assert/strict";
import { test } from "node:test";

import { base64, concat, fromBase64, fromHex, hex, sha256Hex, utf8, utf8Text } from "../src/crypto/bytes.ts";
import { ElectionError } from "../src/crypto/errors.ts";
import { parseNote, parseVerifierKey, verifyLine, verifyMessage, verifyNote } from "../src/crypto/signed_note.ts";
import { parseAcknowledgement, verifyAcknowledgement } from "../src/ballot/acknowledgement.ts";
import { parseManifest, seal } from "../src/ballot/manifest.ts";
import { compactTracker, parseTracker } from "../src/ballot/tracker.ts";
import { parseSigned, signedBytes, verifyLines, verifyLog } from "../src/ledger/checkpoint.ts";
import { parseEvent } from "../src/ledger/event.ts";
import { fold, leafHash, nodeHash, verifyConsistency, verifyInclusion } from "../src/ledger/merkle.ts";
import { parsePolicy, policyOfManifest, verifyPolicy } from "../src/ledger/policy.ts";
import { makeReceipt, parseReceipt, verifyBallotLogged, verifyReceipt } from "../src/ledger/receipt.ts";
import { bundlePath, parseBundle, provenConsistency, provenInclusion, readEntry, tilePath, type TileStore } from "../src/ledger/tile.ts";
import { load, read } from "./vectors.ts";

const known = load("vectors/spec/transparency-log-vectors.json");
const record = load("vectors/spec/veche-record-vectors.json");
const entries: Uint8Array[] = known.entries.map((one: string) => utf8(one));
const five = parseSigned(utf8(known.checkpoint5_cosigned));
const logKey = parseVerifierKey(known.log_vkey);
const witnessKey = parseVerifierKey(known.witness_vkey);
const POLICY = `log ${known.log_vkey}\nwitness W1 ${known.witness_vkey}\nquorum W1\n`;

function root(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length < 2) return fold(leaves);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(root(leaves.slice(0, split)), root(leaves.slice(split)));
}

test("the trees of Certificate Transparency: roots, and every recorded proof", () => {
  const leaves: Uint8Array[] = known.ct_inputs_hex.map((one: string) => leafHash(fromHex(one)));
  assert.deepEqual(leaves.map(hex), known.ct_leaf_hex);
  for (const [size, expected] of Object.entries(known.ct_roots_hex)) assert.equal(hex(root(leaves.slice(0, Number(size)))), expected);
  for (const [name, proof] of Object.entries<string[]>(known.ct_inclusion_hex)) {
    const [index, size] = name.split("/").map(Number) as [number, number];
    const path = proof.map(fromHex);
    verifyInclusion(leaves[index] as Uint8Array, index, size, path, root(leaves.slice(0, size)));
    for (const wrong of [[...path, leaves[0] as Uint8Array], path.slice(0, -1), path.map((one) => one.slice().reverse())]) {
      if (path.length > 0 || wrong.length > 0) {
        assert.throws(() => verifyInclusion(leaves[index] as Uint8Array, index, size, wrong, root(leaves.slice(0, size))), { code: "inclusion-wrong" });
      }
    }
    assert.throws(() => verifyInclusion(leaves[index] as Uint8Array, size, size, path, root(leaves.slice(0, size))), { code: "inclusion-wrong" });
  }
  for (const [name, proof] of Object.entries<string[]>(known.ct_consistency_hex)) {
    const [old, size] = name.split("->").map(Number) as [number, number];
    const path = proof.map(fromHex);
    const roots = [root(leaves.slice(0, old)), root(leaves.slice(0, size))] as const;
    verifyConsistency(old, size, ...roots, path);
    for (const wrong of [[...path, roots[0]], path.slice(1), path.map((one) => one.slice().reverse())]) {
      if (path.length > 0 || wrong.length > 0) assert.throws(() => verifyConsistency(old, size, ...roots, wrong), { code: "consistency-wrong" });
    }
  }
});

/** The tiles of a log with these entries, as files. */
function tilesOf(texts: readonly Uint8Array[]): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const cut = (row: readonly Uint8Array[], path: (number: number, width: number) => string, joined: (part: readonly Uint8Array[]) => Uint8Array) => {
    for (let at = 0; at < row.length; at += 256) {
      const part = row.slice(at, at + 256);
      files.set(path(at / 256, part.length), joined(part));
    }
  };
  cut(texts, bundlePath, (part) => concat(...part.flatMap((one) => [Uint8Array.of(one.length >> 8, one.length & 255), one])));
  let row = texts.map(leafHash);
  for (let level = 0; row.length > 0; level += 1) {
    cut(row, (number, width) => tilePath(level, number, width), (part) => concat(...part));
    row = Array.from({ length: Math.floor(row.length / 256) }, (_, at) => root(row.slice(at * 256, at * 256 + 256)));
  }
  return files;
}

test("paths, tiles and bundles are the recorded ones", () => {
  for (const [index, path] of Object.entries<string>(known.tile_path_index)) {
    assert.equal(tilePath(0, Number(index)), `tile/0/${path}`);
    assert.equal(bundlePath(Number(index), 5), `tile/entries/${path}.p/5`);
  }
  const files = tilesOf(entries);
  assert.equal(hex(files.get(known.tile_path) as Uint8Array), known.tile_hex);
  assert.equal(hex(files.get(known.bundle_path) as Uint8Array), known.bundle_hex);
  assert.deepEqual(parseBundle(fromHex(known.bundle_hex), 5).map(utf8Text), known.entries);
  for (const [data, width] of [[known.bundle_hex, 4], [known.bundle_hex, 6], [known.bundle_hex.slice(0, -2), 5], [`${known.bundle_hex}00`, 5]]) {
    assert.throws(() => parseBundle(fromHex(data), width), { code: "bundle-malformed" });
  }
});

test("an entry and its proof come from one bundle and few tiles, and a changed tile proves nothing", async () => {
  const texts = Array.from({ length: 700 }, (_, at) => utf8(`entry ${at}`));
  const files = tilesOf(texts);
  const asked: string[] = [];
  const store: TileStore = async (path) => {
    asked.push(path);
    return files.get(path);
  };
  const checkpoint = { origin: "o", size: 700, root: root(texts.map(leafHash)), text: "" };
  for (const index of [0, 255, 256, 511, 512, 699]) {
    asked.length = 0;
    const entry = await readEntry(store, index, 700);
    assert.equal(utf8Text(entry), `entry ${index}`);
    assert.equal(asked.length, 1);
    await provenInclusion(store, checkpoint, index, entry);
    assert.equal(new Set(asked).size, asked.length, "each file is asked for once");
    await assert.rejects(provenInclusion(store, checkpoint, index, utf8("entry x")), { code: "inclusion-wrong" });
  }
  await provenConsistency(store, { ...checkpoint, size: 300, root: root(texts.slice(0, 300).map(leafHash)) }, checkpoint);
  const lying: TileStore = async (path) => files.get(path)?.map((byte, at) => (at === 3 ? byte ^ 1 : byte));
  await assert.rejects(provenInclusion(lying, checkpoint, 600, texts[600] as Uint8Array), { code: "inclusion-wrong" });
  await assert.rejects(provenInclusion(async () => undefined, checkpoint, 600, texts[600] as Uint8Array), { code: "tile-missing" });
  await assert.rejects(readEntry(store, 700, 700), { code: "tile-missing" });
});

test("a partial tile that is gone is read from the full one", async () => {
  const texts = Array.from({ length: 256 }, (_, at) => utf8(`entry ${at}`));
  const files = tilesOf(texts);
  const size = 200;
  const store: TileStore = async (path) => files.get(path);
  const checkpoint = { origin: "o", size, root: root(texts.slice(0, size).map(leafHash)), text: "" };
  await provenInclusion(store, checkpoint, 199, await readEntry(store, 199, size));
});

test("keys, checkpoints and cosignatures are the recorded ones", () => {
  assert.deepEqual([logKey.id, hex(logKey.key), witnessKey.id, hex(witnessKey.key)], [known.log_keyid_hex, known.log_pub_hex, known.witness_keyid_hex, known.witness_pub_hex]);
  assert.equal(utf8Text(signedBytes(five)), known.checkpoint5_cosigned);
  assert.equal(base64(five.checkpoint.root), known.roots_b64[5]);
  assert.deepEqual(verifyLines(five, [logKey, witnessKey]).map(({ key, time }) => [key.name, time]), [[known.origin, 0n], [known.witness_name, BigInt(known.cosign_time)]]);
  verifyLog(five, known.origin, [logKey]);
  assert.throws(() => verifyLog(five, "other.example", [logKey]), { code: "checkpoint-origin" });
  assert.throws(() => verifyLog(five, known.origin, [{ ...logKey, id: "00000000" }]), { code: "checkpoint-unsigned" });
  for (const [from, to] of [["\n5\n", "\n4\n"], ["66Vi", "66Vj"]] as const) {
    assert.throws(() => verifyLog(parseSigned(utf8(known.checkpoint5_cosigned.replace(from, to))), known.origin, [logKey]), { code: "note-signature" });
  }
  for (const [from, to] of [["\n5\n", "\n05\n"], ["\n5\n", "\n99999999999999999999\n"], ["=\n\n", "=\nmore\n\n\n"], ["66Vi", "66V*"], ["\n5\n", "\n5\r\n"]] as const) {
    assert.throws(() => parseSigned(utf8(known.checkpoint5_cosigned.replace(from, to))), ElectionError);
  }
});

test("a policy says whom to believe and how many must agree", () => {
  const policy = parsePolicy(utf8(POLICY));
  const found = verifyPolicy(policy, five);
  assert.deepEqual([found.quorum, found.witnesses], [true, [{ name: "W1", time: BigInt(known.cosign_time) }]]);
  assert.throws(() => verifyPolicy(policy, parseSigned(utf8(known.checkpoint5))), { code: "quorum-missing" });
  const quantum = `${POLICY.replace("quorum W1\n", "")}witness Q ${quantumKey()}\ngroup both all W1 Q\nquorum both\n`;
  const signed = parseSigned(utf8(`${known.checkpoint5_cosigned}${known.mldsa44_cosign_line.trim()}\n`));
  assert.throws(() => verifyPolicy(parsePolicy(utf8(quantum)), signed), { code: "ml-dsa-missing", name: "Unsupported" });
  assert.throws(() => verifyPolicy(parsePolicy(utf8(quantum)), five), { code: "quorum-missing" });
  const any = verifyPolicy(parsePolicy(utf8(quantum.replace("all", "any"))), signed);
  assert.deepEqual(any.unchecked, ["Q"], "there, but no browser can check it");
  for (const wrong of [
    POLICY.slice(0, -1), POLICY.replace("quorum W1\n", ""), `${POLICY}quorum none\n`, POLICY.replace("quorum W1", "quorum W2"),
    POLICY.replace("witness W1", "witness none"), `witness W2 ${known.witness_vkey}\n${POLICY}`, `log ${known.log_vkey}\n${POLICY}`,
    POLICY.replace("quorum", "group g 2 W1\nquorum"), POLICY.replace("quorum", "group g 1 W1 W1\nquorum"), `log ${known.witness_vkey}\n${POLICY}`,
    `\x00${POLICY}`, `what is this\n${POLICY}`,
  ]) {
    assert.throws(() => parsePolicy(utf8(wrong)), { code: "policy-malformed" }, wrong);
  }
});

function quantumKey(): string {
  const data = concat(Uint8Array.of(6), fromBase64(known.mldsa44_pub_b64));
  return `${known.witness_name}+${known.mldsa44_keyid_hex}+${base64(data)}`;
}

test("the recorded receipt proves its entry, and nothing else", () => {
  const policy = parsePolicy(utf8(POLICY));
  const receipt = parseReceipt(utf8(known.tlog_proof));
  assert.deepEqual([receipt.index, receipt.extra], [3, undefined]);
  assert.throws(() => verifyReceipt(receipt, policy), { code: "receipt-entry" });
  const logged = verifyReceipt(receipt, policy, entries[3]);
  assert.deepEqual([logged.origin, logged.index, logged.size], [known.origin, 3, 5]);
  for (const at of [0, 1, 2, 4]) assert.throws(() => verifyReceipt(receipt, policy, entries[at]), { code: "inclusion-wrong" });
  const made = makeReceipt(entries[3] as Uint8Array, 3, receipt.proof, signedBytes(receipt.signed));
  assert.equal(utf8Text(verifyReceipt(parseReceipt(made), policy).entry), "ballot-3");
  assert.throws(() => verifyBallotLogged(logged, "0".repeat(64)), { code: "receipt-ballot" });
  for (const [from, to] of [["index 3", "index 03"], ["index 3\n", ""], ["@v1", "@v2"], ["=\n", "=x\n"], ["index 3", "index 9999999999999999"]] as const) {
    assert.throws(() => parseReceipt(utf8(known.tlog_proof.replace(from, to))), { code: "receipt-malformed" });
  }
});

test("the recorded acknowledgement is the box's word, and none of the refused ones is", () => {
  const { vkey, note, text, event, refused } = record.acknowledgement;
  const lines = text.split("\n");
  const expected = { fingerprint: lines[2], setup: lines[3], tracker: lines[4] };
  const found = verifyAcknowledgement(note, vkey, expected);
  assert.deepEqual([found.height, found.event, found.time], [Number(lines[5]), lines[6], Number(lines[7])]);
  assert.equal(parseEvent(utf8(event)).digest, found.event);
  assert.equal(verifyBallotLogged({ origin: "o", index: 0, entry: utf8(event) }, found.tracker), found.height);
  for (const one of refused) assert.throws(() => parseAcknowledgement(one.note, one.vkey ?? vkey), ElectionError, one.what);
  const zeros = "0".repeat(64);
  assert.throws(() => verifyAcknowledgement(note, vkey, { ...expected, setup: zeros }), { code: "acknowledgement-election" });
  assert.throws(() => verifyAcknowledgement(note, vkey, { ...expected, fingerprint: "A".repeat(43) }), { code: "acknowledgement-election" });
  assert.throws(() => verifyAcknowledgement(note, vkey, { ...expected, tracker: zeros }), { code: "acknowledgement-ballot" });
});

test("the recorded manifest is read, and its log is a policy", () => {
  const manifest = parseManifest(utf8(record.manifest.text));
  assert.equal(manifest.digest, record.manifest.sha256);
  assert.equal(manifest.uuid, "4hVecheTestA11");
  assert.ok(manifest.log !== undefined);
  assert.equal(policyOfManifest({ ...manifest.log, policy: "quorum none\n" }).logs[0]?.name, manifest.log.origin);
  assert.throws(() => parseManifest(utf8(record.manifest.text.replace('"rehearsal":', '"rehearsal": '))), { code: "manifest-malformed" });
  assert.match(seal(record.strong_decryption.setup_hash), /^(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}$/);
  assert.equal(seal("00".repeat(9) + "01" + "ff".repeat(22)), "AAAA-AAAA-AAAA-AAAB");
});

test("a tracker is read in both forms, and in no other", () => {
  const tracker = sha256Hex(utf8("ballot"));
  const compact = compactTracker(tracker);
  for (const one of [tracker, tracker.toUpperCase(), ` ${tracker.slice(0, 20)}\n${tracker.slice(20)}`, compact]) assert.equal(parseTracker(one), tracker);
  for (const one of ["", tracker.slice(1), `${compact.slice(0, -1)}=`, `${compact}A`]) assert.throws(() => parseTracker(one), { code: "tracker-malformed" });
});

function isAccepted(key: string, message: Uint8Array, signature: string): boolean {
  const verifier = { name: "k", kind: 1, key: fromHex(key), id: "00000000", text: "" };
  try {
    verifyMessage(verifier, message, fromHex(signature));
    return true;
  } catch (error) {
    assert.ok(error instanceof ElectionError && error.code === "note-signature");
    return false;
  }
}

test("Wycheproof's verdicts are ours", () => {
  let count = 0;
  for (const group of load("vectors/ed25519/wycheproof-ed25519_test.json").testGroups) {
    for (const one of group.tests) {
      assert.equal(isAccepted(group.publicKey.pk, fromHex(one.msg), one.sig), one.result === "valid", `tcId ${one.tcId}`);
      count += 1;
    }
  }
  assert.equal(count, 151);
});

test("edge cases of Ed25519 are accepted only when equation and encodings are exact", () => {
  for (const one of load("vectors/ed25519/cctv-ed25519vectors.json")) {
    const exact = (one.flags ?? []).every((flag: string) => flag === "low_order_component_A" || flag === "low_order_component_R");
    assert.equal(isAccepted(one.key, utf8(one.msg), one.sig), exact, `case ${one.number}`);
  }
});

test("128 signatures of the usual list pass, and pass for nothing else", () => {
  const lines = utf8Text(read("vectors/ed25519/sign-input-128.txt")).trim().split("\n").map((line) => line.split(":"));
  lines.slice(0, 40).forEach(([, key = "", message = "", signed = ""]) => {
    assert.ok(isAccepted(key, fromHex(message), signed.slice(0, 128)));
    assert.ok(!isAccepted(key, fromHex(`${message}00`), signed.slice(0, 128)));
  });
});

test("a note splits at its last empty line, and only a known key's line counts", () => {
  const note = parseNote(utf8(known.checkpoint5));
  assert.deepEqual(verifyNote(note, [logKey]).map((key) => key.name), [known.origin]);
  assert.throws(() => verifyNote(note, [witnessKey]), { code: "note-unknown-key" });
  const { signed_note_text, line, vkey } = record.annexes.issued;
  verifyLine(parseVerifierKey(vkey), signed_note_text.endsWith("\n") ? signed_note_text : `${signed_note_text}\n`, line);
  assert.throws(() => verifyLine(parseVerifierKey(vkey), "other\n", line), { code: "note-signature" });
  for (const wrong of ["", "text\n", "\n\n— a AAAAAAA=\n", "a\n\n— a AAAAAAA=", "a\n\n- a AAAAAAA=\n", "a\n\n— a b AAAAAAA=\n", "a\n\n— a AAAA\n", "a\r\n\n— a AAAAAAA=\n", `a\n\n${"— a AAAAAAA=\n".repeat(65)}`]) {
    assert.throws(() => parseNote(utf8(wrong)), ElectionError, JSON.stringify(wrong));
  }
  for (const wrong of ["", "a+b", known.log_vkey.replace("2b2d", "2b2e"), known.log_vkey.replace("vote", "vo te"), `${known.log_vkey}=`, known.log_vkey.slice(0, -4)]) {
    assert.throws(() => parseVerifierKey(wrong), ElectionError, wrong);
  }
});

