// The tracker page and the receipt against a server that lies: what is said only after it was verified.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";

import { parseAcknowledgement } from "../src/ballot/acknowledgement.ts";
import type { Log } from "../src/ballot/manifest.ts";
import { type Accepted, type Shown, watchLog } from "../src/booth/acceptance.ts";
import { type Read, recordAddress, type Sealed, Unreachable } from "../src/booth/contest.ts";
import { base64, concat, fromHex, sha256Hex, utf8 } from "../src/crypto/bytes.ts";
import { parseVerifierKey } from "../src/crypto/signed_note.ts";
import { leafHash, makeInclusion, nodeHash } from "../src/ledger/merkle.ts";
import { makeReceipt } from "../src/ledger/receipt.ts";
import { askServer, checkOwnReceipt, checkPaper, checkPlace, type Found } from "../src/track/checking.ts";
import { load } from "./vectors.ts";

const { vkey, note: noteText, event } = load("vectors/spec/veche-record-vectors.json").acknowledgement;
const note = utf8(noteText);
const said = parseAcknowledgement(note, vkey);
const { tracker } = said;

const ORIGIN = "example.org/log";
const pair = generateKeyPairSync("ed25519");
const publicKey = concat(Uint8Array.of(1), Buffer.from(pair.publicKey.export({ format: "jwk" }).x as string, "base64url"));
const keyId = sha256Hex(concat(utf8(`${ORIGIN}\n`), publicKey)).slice(0, 8);
const log: Log = {
  origin: ORIGIN,
  keys: [parseVerifierKey(`${ORIGIN}+${keyId}+${base64(publicKey)}`)],
  box: parseVerifierKey(vkey),
  period: 60,
  policy: "",
};
const sealed = {
  contest: { uuid: "town", setup: said.setup },
  election: { fingerprint: said.fingerprint },
  manifest: { log },
} as unknown as Sealed;

function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const [first] = hashes;
  if (first !== undefined && hashes.length === 1) return first;
  const left = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return nodeHash(rootOf(hashes.slice(0, left)), rootOf(hashes.slice(left)));
}

/** The checkpoint of a log with these entries. */
function checkpoint(...entries: readonly Uint8Array[]): Uint8Array {
  const text = utf8(`${ORIGIN}\n${entries.length}\n${base64(rootOf(entries.map(leafHash)))}\n`);
  const line = base64(concat(fromHex(keyId), sign(null, text, pair.privateKey)));
  return concat(text, utf8(`\n— ${ORIGIN} ${line}\n`));
}

/** A server whose log has this one entry. `further`: what else it serves below the record's address. */
function serving(entry: Uint8Array, further: Readonly<Record<string, Uint8Array>> = {}): Read {
  const length = Uint8Array.of(entry.length >> 8, entry.length & 255);
  const files: Record<string, Uint8Array> = {
    checkpoint: checkpoint(entry),
    "tile/entries/000.p/1": concat(length, entry),
    "tile/0/000.p/1": leafHash(entry),
    [`ballots/${tracker}`]: utf8('{"height":2,"replaced":false}'),
    ...further,
  };
  return async (address) => {
    const found = files[address.slice(recordAddress("town").length + 1)];
    if (found === undefined) throw new Unreachable(address, 404);
    return found;
  };
}

const honest = utf8(event);
// The same ballot at the same height, behind another event: the box has promised the chain too.
const moved = utf8(event.replace(/"parent":"./, (text: string) => `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`));
const withReceipt = (entry: Uint8Array): Read =>
  serving(entry, { [`ballots/${tracker}.tlog-proof`]: makeReceipt(entry, 0, [], checkpoint(entry)) });

test("a tracker alone that names a place beyond the log shows nothing, only the box's signature shows that a ballot was accepted", async () => {
  const reading = serving(honest);
  assert.deepEqual(await checkPlace(sealed, log, tracker, 1, reading), { tracker, acknowledged: false });
  assert.deepEqual(await askServer(sealed, log, tracker, null, reading), { tracker, acknowledged: false });
  assert.deepEqual(await checkPaper(sealed, log, note, 1, reading), { tracker, acknowledged: true });
  assert.deepEqual(await askServer(sealed, log, tracker, said, reading), { tracker, acknowledged: true });
  const forged = utf8(noteText.replace(/.\n$/, "A\n").replace(tracker, "0".repeat(64)));
  await assert.rejects(checkPaper(sealed, log, forged, 1, reading));
});

test("the entry of the log is found, and it is the event that the box has signed", async () => {
  for (const found of [
    await checkPaper(sealed, log, note, 0, serving(honest)),
    await askServer(sealed, log, tracker, said, withReceipt(honest)),
  ]) {
    const { index, height, event: hash, acknowledged } = found as Found;
    assert.deepEqual([index, height, hash, acknowledged], [0, said.height, said.event, true]);
  }
});

test("the same ballot at the same height as another event breaks the box's word, wherever it is looked at", async () => {
  assert.notEqual(sha256Hex(moved), said.event);
  assert.ok("index" in (await checkPlace(sealed, log, tracker, 0, serving(moved))));
  await assert.rejects(checkPaper(sealed, log, note, 0, serving(moved)), { code: "acknowledgement-broken" });
  await assert.rejects(askServer(sealed, log, tracker, said, withReceipt(moved)), { code: "acknowledgement-broken" });
  const accepted: Accepted = { sealed, note, said, tracker, logged: null };
  for (const [entry, expected] of [[honest, "logged"], [moved, "false"]] as const) {
    const shown: Shown[] = [];
    await watchLog(accepted, (one) => shown.push(one) === 0, withReceipt(entry));
    assert.deepEqual(shown.map(({ is }) => is), [expected]);
  }
});

/** A server whose log has these entries. */
function servingLog(...entries: readonly Uint8Array[]): Read {
  const bundle = concat(...entries.map((entry) => concat(Uint8Array.of(entry.length >> 8, entry.length & 255), entry)));
  const width = entries.length;
  return serving(honest, {
    checkpoint: checkpoint(...entries),
    [`tile/entries/000.p/${width}`]: bundle,
    [`tile/0/000.p/${width}`]: concat(...entries.map(leafHash)),
  });
}

test("a log that was changed behind the voter's entry since her receipt is found out, though the entry is still at its place", async () => {
  const [one, two, three] = ["one", "two", "three"].map(utf8) as [Uint8Array, Uint8Array, Uint8Array];
  const receipt = makeReceipt(honest, 0, [leafHash(one)], checkpoint(honest, one));
  const check = (...entries: readonly Uint8Array[]): Promise<unknown> => checkOwnReceipt(sealed, log, receipt, servingLog(...entries));
  for (const grown of [[honest, one], [honest, one, two], [honest, one, two, three]]) {
    const { size, receiptSize } = (await check(...grown)) as Found;
    assert.deepEqual([size, receiptSize], [grown.length, 2]);
  }
  for (const changed of [[honest, two], [honest, two, three], [honest, two, one, three]]) {
    assert.ok("index" in (await checkPlace(sealed, log, tracker, 0, servingLog(...changed))));
    await assert.rejects(check(...changed), { code: "log-changed" });
  }
  await assert.rejects(check(honest), { code: "log-shorter" });
});

test("what is asked for to check a receipt is the same for every entry of its bundle", async () => {
  const lines = Array.from({ length: 1000 }, (_, at) => utf8(`entry ${at}`));
  const asked = async (index: number, older: number): Promise<string[]> => {
    const entries = lines.map((line, at) => (at === index ? honest : line));
    const hashes = entries.map(leafHash);
    const files: Record<string, Uint8Array> = { checkpoint: checkpoint(...entries) };
    const whole = [0, 256, 512].map((at) => rootOf(hashes.slice(at, at + 256)));
    files["tile/1/000.p/3"] = concat(...whole);
    for (const [at, name] of [[0, "000"], [256, "001"], [512, "002"], [768, "003.p/232"]] as const) {
      files[`tile/0/${name}`] = concat(...hashes.slice(at, at + 256));
      const bundle = entries.slice(at, at + 256).flatMap((one) => [Uint8Array.of(one.length >> 8, one.length & 255), one]);
      files[`tile/entries/${name}`] = concat(...bundle);
    }
    const node = async (level: number, at: number): Promise<Uint8Array> => rootOf(hashes.slice(at * 2 ** level, (at + 1) * 2 ** level));
    const receipt = makeReceipt(honest, index, await makeInclusion(node, index, older), checkpoint(...entries.slice(0, older)));
    const names: string[] = [];
    const reading = serving(honest, files);
    const found = await checkOwnReceipt(sealed, log, receipt, (address) => {
      names.push(address.split("/town/")[1] as string);
      return reading(address);
    });
    assert.equal((found as Found).index, index);
    assert.equal(new Set(names).size, names.length);
    return names.sort();
  };
  const usual = await asked(300, 303);
  assert.deepEqual(usual.filter((one) => one.startsWith("tile/entries/")), ["tile/entries/001"]);
  // The receipt of the last ballots of a bundle shows a checkpoint that ends in the next one.
  for (const [index, older] of [[256, 257], [400, 512], [508, 513], [511, 514], [511, 600]] as const) {
    assert.deepEqual(await asked(index, older), usual);
  }
});
