/**
 * Scalars: whole numbers mod q, as `bigint` in 0..q-1.
 *
 * A browser has no constant-time numbers. What is secret here lives for seconds on the voter's or trustee's own device, and is
 * nowhere compared, logged or shown; `Randomness` is the browser's own generator everywhere but in tests.
 */

import { bigEndian, concat, fromHex, littleEndian, sha512, utf8 } from "./bytes.ts";
import { Malformed, Refused } from "./errors.ts";

export type Scalar = bigint;

/** Gives n fresh random bytes. Tests pass their own; everything else passes `systemRandomness`. */
export type Randomness = (size: number) => Uint8Array;

/** Order of the group: the prime of edwards25519. */
export const Q: Scalar = 2n ** 252n + 27742317777372353535851937790883648493n;

const DECIMAL = /^(?:0|[1-9][0-9]{0,76})$/;

export function systemRandomness(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size));
}

/** The number mod q, never negative. */
export function reduce(value: bigint): Scalar {
  const rest = value % Q;
  return rest < 0n ? rest + Q : rest;
}

/** A scalar from its JSON form: decimal digits without leading zeros, below q. Throws Malformed `scalar-not-canonical`. */
export function parseScalar(text: unknown): Scalar {
  if (typeof text !== "string" || !DECIMAL.test(text) || BigInt(text) >= Q) {
    throw new Malformed("scalar-not-canonical", "a decimal string without leading zeros and below q was expected");
  }
  return BigInt(text);
}

/** A uniform secret of 1..q-1, from 64 random bytes. Throws Refused `randomness-failed` when the generator gives zeros. */
export function randomScalar(randomness: Randomness = systemRandomness): Scalar {
  return nonZero(littleEndian(randomness(64)));
}

/**
 * A nonce that stays unpredictable even if the generator fails: random bytes, secret and statement hashed. docs/protocol.md
 * section 2.4. Two proofs with one nonce would give the key away.
 */
export function makeNonce(randomness: Randomness, secret: Scalar, statement: Uint8Array): Scalar {
  const fresh = randomness(64);
  if (fresh.every((byte) => byte === 0)) {
    throw new Refused("randomness-failed", "the random generator gave only zeros; nothing was made");
  }
  return nonZero(littleEndian(sha512(utf8("veche/v1/nonce"), fresh, scalarBytes(secret), sha512(statement))));
}

/** The secret given by a digest of at most 64 bytes, read big endian and reduced mod q. */
export function fromWideDigest(digest: Uint8Array): Scalar {
  return reduce(bigEndian(digest));
}

/** The 32 bytes of a scalar, least significant first. */
export function scalarBytes(value: Scalar): Uint8Array {
  return fromHex(reduce(value).toString(16).padStart(64, "0")).reverse();
}

/** The scalar of 32 bytes, least significant first, reduced. */
export function scalarOfBytes(data: Uint8Array): Scalar {
  return reduce(littleEndian(concat(data)));
}

/** The number whose product with `value` is 1. Throws Refused `no-inverse` for 0. */
export function inverse(value: Scalar): Scalar {
  let [before, rest] = [Q, reduce(value)];
  let [x0, x1] = [0n, 1n];
  while (rest > 1n) {
    const times = before / rest;
    [before, rest] = [rest, before % rest];
    [x0, x1] = [x1, x0 - times * x1];
  }
  if (rest !== 1n) throw new Refused("no-inverse", "0 has no inverse");
  return reduce(x1);
}

function nonZero(wide: bigint): Scalar {
  const value = reduce(wide);
  if (value === 0n) throw new Refused("randomness-failed", "the random generator gave zero; nothing was made");
  return value;
}
