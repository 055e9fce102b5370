import assert from "node:assert/strict";
import { test } from "node:test";

import { fromHex, hex } from "../src/crypto/bytes.ts";
import { ElectionError } from "../src/crypto/errors.ts";
import { G, IDENTITY, Point, prepareTables } from "../src/crypto/group.ts";
import { inverse, parseScalar, Q, randomScalar, reduce, scalarBytes, scalarOfBytes } from "../src/crypto/scalar.ts";
import { challenge, type Item, transcript } from "../src/crypto/transcript.ts";
import { hashToScalar } from "../src/crypto/version1.ts";
import { signWithNonce, verifySignature } from "../src/crypto/schnorr.ts";
import { parseProof, proofJson } from "../src/crypto/proof.ts";
import { drawing, load } from "./vectors.ts";

const record = load("vectors/spec/veche-record-vectors.json");

for (const point of load("vectors/ed25519/points-1.json").points) {
  test(`point ${point.class}, ${point.note}: ${point.decode_as_group_element}`, () => {
    if (point.decode_as_group_element === "accept") {
      assert.equal(Point.parse(point.belenios).text(), point.belenios);
      assert.equal(hex(Point.decode(fromHex(point.rfc8032)).encoding), point.rfc8032);
    } else {
      assert.throws(() => Point.parse(point.belenios), { code: "point-not-in-group" });
      if (point.class !== "identity") assert.throws(() => Point.parseOrIdentity(point.belenios), { code: "point-not-in-group" });
    }
  });
}

for (const vector of load("vectors/spec/belenios-vectors.json")) {
  if (typeof vector.mod_q !== "string" || typeof vector.hashed !== "string") continue;
  if (vector.source.includes("simple-ff") || vector.name.includes("shuffle")) continue; // another group, another protocol
  test(`hashed text ${vector.name}, ${vector.source}`, () => {
    assert.equal(hashToScalar(vector.hashed, []).toString(), vector.mod_q);
  });
}

test("a point is written in one way only", () => {
  for (const wrong of [G.multiply(7n).text().toUpperCase(), G.text().slice(1), `${G.text()}0`, "", 5, null]) {
    assert.throws(() => Point.parse(wrong), { code: "point-not-canonical" });
  }
});

test("multiples are the same with and without a table, and q times a point is nothing", async () => {
  const key = Point.parse(G.multiply(randomScalar()).text());
  // Carries through all digits, and both ends of the range.
  const edges = [1n, 2n, 31n, 32n, 33n, 63n, 64n, 65n, 2n ** 252n, 2n ** 252n - 1n, Q - 1n, Q - 2n, (2n ** 252n / 63n) * 32n, (2n ** 252n / 63n) * 33n];
  const scalars = [...edges, ...Array.from({ length: 20 }, () => randomScalar())];
  const multiples = (): string[][] =>
    scalars.map((scalar) => [
      G.multiply(scalar).text(),
      key.multiply(scalar).text(),
      Point.total([[scalar, key], [-3n, G]]).text(),
      G.multiply(scalar).add(key).text(),
    ]);
  const before = multiples();
  await prepareTables(key);
  assert.deepEqual(multiples(), before);
  assert.ok(key.multiply(Q).isIdentity && G.multiply(0n).isIdentity);
  assert.ok(key.multiply(Q - 1n).add(key).isIdentity);
  assert.ok(Point.total([]).equals(IDENTITY));
});

test("a scalar is decimal, without leading zeros, below q", () => {
  assert.equal(parseScalar((Q - 1n).toString()), Q - 1n);
  for (const wrong of [Q.toString(), "01", "-1", "", "1.0", " 1", 1, null]) {
    assert.throws(() => parseScalar(wrong), { code: "scalar-not-canonical" });
  }
  const value = randomScalar(drawing("scalar"));
  assert.equal(scalarOfBytes(scalarBytes(value)), value);
  assert.equal(reduce(inverse(value) * value), 1n);
});

test("a generator that gives only zeros makes nothing", () => {
  assert.throws(() => randomScalar((size) => new Uint8Array(size)), { code: "randomness-failed" });
});

for (const one of record.transcripts) {
  test(`transcript ${one.tag} with ${one.items.length} items`, () => {
    const items = one.items.map(itemOf);
    assert.equal(hex(transcript(one.tag, ...items)), one.bytes);
    assert.equal(challenge(one.tag, ...items).toString(), one.challenge);
  });
}

test("Veche's signature is the recorded one, and none of the refused ones passes", () => {
  const { secret, public: key, nonce, message, signature, refused } = record.signature;
  const made = signWithNonce(BigInt(secret), Point.parse(key), fromHex(message), BigInt(nonce));
  assert.deepEqual(proofJson(made), signature);
  verifySignature(made, Point.parse(key), fromHex(message));
  for (const one of refused) {
    assert.throws(
      () => verifySignature(parseProof(one.signature), Point.parse(one.public), fromHex(one.message)),
      ElectionError,
      one.what,
    );
  }
});

function itemOf(item: { text?: string; integer?: number; bytes?: string }): Item {
  if (item.bytes !== undefined) return fromHex(item.bytes);
  return item.text ?? (item.integer as number);
}
