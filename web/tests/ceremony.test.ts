// The ceremony, drill, share and key file that Python made (tests/web/ceremony_vectors.py), made again to the byte, and every refusal.

import assert from "node:assert/strict";
import { test } from "node:test";

import { makeDelivery } from "../src/ballot/share.ts";
import { readTrustees } from "../src/ballot/trustees.ts";
import { fromHex, sha256, utf8, utf8Text } from "../src/crypto/bytes.ts";
import { dumps, type Json } from "../src/crypto/canonical_json.ts";
import { lineOf, makeCertificate, parseCertificate, verifyCertificates } from "../src/crypto/certificate.ts";
import {
  checkReveals, commit, commitmentOf, type Committed, finish, type Finished, openDecryptionKey, parseState, reveal, type Revealed, type Sharing, stateJson,
  takePlace, verifyOutcome,
} from "../src/crypto/ceremony.ts";
import { keysOf, openWith, parseEnvelope, randomSeed, send } from "../src/crypto/channel.ts";
import { type Complaint, isComplaint, takeShare } from "../src/crypto/complaint.ts";
import { dealingOf } from "../src/crypto/ceremony.ts";
import { drillBase, encodeDrill, makeDrill } from "../src/crypto/drill.ts";
import { verifyEquality } from "../src/crypto/equality.ts";
import { G, Point } from "../src/crypto/group.ts";
import { makeLock, openRoom, sealRoom } from "../src/crypto/key_file.ts";
import { verifyRun } from "../src/crypto/run_file.ts";
import { listHash } from "../src/crypto/certificate.ts";
import { transcript } from "../src/crypto/transcript.ts";
import { drawing, load } from "./vectors.ts";

const known = load("vectors/spec/web-ceremony-vectors.json");
const PLACES = [1, 2, 3];
const draws = PLACES.map((place) => drawing(`trustee ${place}`));
const seeds = draws.map(randomSeed);
const keys = seeds.map(keysOf);
const at = <One>(list: readonly One[], place: number): One => list[place - 1] as One;
const states = (step: number): any[] => known.states[step].map((one: Json) => parseState(one));

test("a whole ceremony gives Python's bytes, step by step", async () => {
  assert.deepEqual(seeds, known.seeds);
  const certificates = PLACES.map((index) => makeCertificate(at(keys, index), { size: 3, threshold: 2, index }, at(draws, index)));
  assert.deepEqual(certificates.map(lineOf), known.certificates);
  const committed: Committed[] = [];
  for (const i of PLACES) committed.push(await commit(at(keys, i), takePlace(at(keys, i), certificates, 3, 2, i), at(draws, i)));
  const commitments = committed.map(commitmentOf);
  const revealed = committed.map((one, k) => reveal(at(keys, k + 1), one, commitments, at(draws, k + 1)));
  const sharing = revealed.map((one) => checkReveals(one, revealed.map((other) => other.reveal)));
  const finished: Finished[] = [];
  for (const i of PLACES) {
    const made = await finish(at(keys, i), at(sharing, i), committed.map((one) => at(one.secrets, i)), `T${i}`, at(draws, i));
    assert.ok("step" in made);
    finished.push(made);
  }
  [committed, revealed, sharing, finished].forEach((made, step) => {
    made.forEach((one, place) => {
      assert.equal(dumps(stateJson(one)), dumps(known.states[step][place]));
      assert.equal(dumps(stateJson(parseState(stateJson(one)))), dumps(known.states[step][place]));
    });
  });
});

test("the published keys and the run are those of this ceremony, and nothing else is", () => {
  const trustees = readTrustees(utf8(known.trustees));
  const group = trustees.groups[0];
  assert.ok(group !== undefined && trustees.electionKey.equals(trustees.electionKey));
  const [finished, seen] = [states(3)[0] as Finished, states(2)[0] as Sharing];
  verifyOutcome(finished, group);
  verifyRun(utf8(known.run), utf8(known.trustees), finished, seen);
  const other = states(3)[1] as Finished;
  assert.throws(() => verifyOutcome({ ...other, place: finished.place }, group), { code: "other-group" });
  assert.throws(() => verifyRun(utf8(known.run), utf8(`${known.trustees} `), finished, seen), { code: "ceremony-trustees" });
  const lied = { ...seen, revealed: { ...seen.revealed, commitments: [...seen.revealed.commitments].reverse() } };
  assert.throws(() => verifyRun(utf8(known.run), utf8(known.trustees), finished, lied), { code: "split-view" });
  const changed = known.trustees.replace('"threshold":2', '"threshold":1');
  assert.throws(() => readTrustees(utf8(changed)), { code: "threshold-limits" });
});

test("certificates of another place, a key twice, or a changed text are refused", () => {
  const certificates = known.certificates.map(parseCertificate);
  verifyCertificates(certificates, 3, 2);
  assert.throws(() => verifyCertificates([certificates[1], certificates[0], certificates[2]], 3, 2), { code: "certificate-context" });
  assert.throws(() => verifyCertificates([certificates[0], certificates[0], certificates[2]], 3, 2), { code: "trustee-key" });
  const forged = { ...certificates[0], signed: { ...certificates[0].signed, signature: certificates[1].signed.signature } };
  assert.throws(() => verifyCertificates([forged, certificates[1], certificates[2]], 3, 2), { code: "certificate-signature" });
  assert.throws(() => verifyCertificates(certificates, 3, 3), { code: "threshold-limits" });
  assert.throws(() => takePlace(at(keys, 1), certificates, 3, 2, 2), { code: "not-my-certificate" });
});

test("nothing is revealed before all have committed, and a reveal that does not fit stops the run", () => {
  const [committed, revealed] = [states(0) as Committed[], states(1) as Revealed[]];
  const commitments = committed.map(commitmentOf);
  const first = committed[0] as Committed;
  assert.throws(() => reveal(at(keys, 1), first, [commitments[0], undefined, commitments[2]], at(draws, 1)), { code: "commitments-missing" });
  assert.throws(() => reveal(at(keys, 1), first, [commitments[1], commitments[1], commitments[2]], at(draws, 1)), { code: "own-commitment" });
  const reveals = revealed.map((one) => one.reveal);
  const mine = revealed[0] as Revealed;
  const lot = sha256(utf8("another"));
  assert.throws(() => checkReveals(mine, [reveals[0], { ...at(reveals, 2), lot }, reveals[2]]), { code: "wrong-reveal" });
  const shown = { ...mine, commitments: [at(commitments, 1), at(commitments, 2), "00".repeat(32)] };
  assert.throws(() => checkReveals(shown, reveals), { code: "split-view" });
  assert.throws(() => checkReveals(mine, [reveals[1], reveals[1], reveals[2]]), { code: "own-reveal" });
});

test("a bad share is answered by a complaint with a proof that holds, a changed one by a question", async () => {
  const sharing = states(2)[0] as Sharing;
  const dealing = dealingOf(sharing);
  await assert.rejects(takeShare(at(keys, 1), "{}", dealing, 2, 1, at(draws, 1)), { code: "not-the-dealers-message" });
  const wrong = await send(at(keys, 2), at(keys, 1).encryption, dumps({ secret: "7" }), at(draws, 2));
  const { sha256Hex } = await import("../src/crypto/bytes.ts");
  const hashes = dealing.secretHashes.map((row, i) => (i === 1 ? [sha256Hex(utf8(wrong)), ...row.slice(1)] : row));
  const taken = await takeShare(at(keys, 1), wrong, { ...dealing, secretHashes: hashes }, 2, 1, at(draws, 1));
  assert.ok(isComplaint(taken));
  const { opening } = taken as Complaint;
  const envelope = parseEnvelope(wrong);
  assert.ok(opening !== undefined && (await openWith(envelope, opening.point)).length > 0);
  const context = transcript("veche/v1/complaint", listHash(dealing.certificates), 2, 1, sha256(utf8(wrong)));
  verifyEquality(opening.proof, { context, key: at(keys, 1).encryption, bases: [envelope.alpha], factors: [envelope.beta.subtract(opening.point)] });
});

test("drill and share are Python's to the byte", async () => {
  const secret = await openDecryptionKey(at(keys, 1), known.states[3][0].decryption_key);
  const key = G.multiply(secret);
  const statement = { uuid: known.drill.uuid, manifest: sha256(utf8("manifest")), trustees: sha256(utf8(known.trustees)), owner: 1 };
  assert.equal(drillBase(statement).text(), known.drill.base);
  const drill = encodeDrill(known.drill.uuid, 1, makeDrill(secret, key, statement, drawing("drill")));
  assert.equal(utf8Text(drill), known.drill.file);
  const tally = JSON.parse(known.share.tally).map((row: any[]) =>
    row.map(({ alpha, beta }) => ({ alpha: Point.parse(alpha), beta: Point.parse(beta) })),
  );
  const place = { uuid: known.drill.uuid, fingerprint: "f".repeat(43), setup: "11".repeat(32), encryptedTally: "22".repeat(32) };
  assert.equal(utf8Text(makeDelivery(secret, key, 1, tally, place, drawing("share"))), known.share.delivery);
});

test("Python's key file opens with its passphrase only, and is written again to the byte", async () => {
  const { passphrase, file } = known.room;
  const { room, lock } = await openRoom(utf8(file), passphrase);
  assert.equal(room.seed, known.seeds[0]);
  assert.equal(room.state?.step, "finished");
  const nonce = fromHex(JSON.parse(file).nonce);
  assert.equal(utf8Text(await sealRoom(room, lock, () => nonce)), file);
  // A keyboard may type one letter as two signs.
  const apart = await sealRoom(room, await makeLock("тихий край".normalize("NFD"), lock.salt, 2 ** 10), () => nonce);
  assert.deepEqual((await openRoom(apart, "тихий край")).room, room);
  await assert.rejects(openRoom(utf8(file), `${passphrase} `), { code: "wrong-passphrase" });
  await assert.rejects(openRoom(utf8(file.replace("town-2026", "town-2027")), passphrase), { code: "wrong-passphrase" });
  await assert.rejects(openRoom(utf8("{}"), passphrase), { code: "key-malformed" });
  await assert.rejects(openRoom(utf8(file.slice(0, -2)), passphrase), { code: "key-malformed" });
  await assert.rejects(openRoom(utf8(file.replace("trustee-key/1", "trustee-key/2")), passphrase), { code: "key-version" });
});
