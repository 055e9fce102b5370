/** Equality of many discrete logarithms in one proof. docs/protocol.md section 3.4; the same as crypto/equality.py. */

import { littleEndian, sha512 } from "./bytes.ts";
import { InvalidProof } from "./errors.ts";
import { G, Point } from "./group.ts";
import type { Proof } from "./proof.ts";
import { makeNonce, type Randomness, reduce, type Scalar } from "./scalar.ts";
import { challenge, digest512, transcript } from "./transcript.ts";

/** One x with `key` = x·G and factors[k] = x·bases[k]. `context` is a transcript that names what the claim is for. */
export interface EqualityClaim {
  readonly context: Uint8Array;
  readonly key: Point;
  readonly bases: readonly Point[];
  readonly factors: readonly Point[];
}

/** A proof of `claim`, made by the one who knows x. */
export function proveEquality(secret: Scalar, claim: EqualityClaim, randomness: Randomness): Proof {
  return proveWithNonce(secret, claim, makeNonce(randomness, secret, seedOf(claim)));
}

/** As `proveEquality` with a given nonce, which must never serve twice. */
export function proveWithNonce(secret: Scalar, claim: EqualityClaim, nonce: Scalar): Proof {
  const seed = seedOf(claim);
  const [base, factor] = combined(seed, claim);
  const c = challenge("veche/v1/equality", seed, base, factor, G.multiply(nonce), base.multiply(nonce));
  return { challenge: c, response: reduce(nonce + c * secret) };
}

/** Check `claim`. Throws InvalidProof with the codes of crypto/equality.py. */
export function verifyEquality(proof: Proof, claim: EqualityClaim): void {
  const { key, bases, factors } = claim;
  if (bases.length === 0 || bases.length !== factors.length) {
    throw new InvalidProof("equality-lengths", `${bases.length} bases and ${factors.length} factors: as many of each, and at least one`);
  }
  if (key.isIdentity) throw new InvalidProof("equality-key", "the identity is nobody's key");
  if (bases.some((base, k) => base.isIdentity !== factors[k]?.isIdentity)) {
    throw new InvalidProof("equality-identity", "a factor is the identity exactly where its base is");
  }
  const seed = seedOf(claim);
  const [base, factor] = combined(seed, claim);
  const u = Point.total([[proof.response, G], [-proof.challenge, key]]);
  const v = Point.total([[proof.response, base], [-proof.challenge, factor]]);
  if (challenge("veche/v1/equality", seed, base, factor, u, v) !== proof.challenge) {
    throw new InvalidProof("equality-wrong", "the factors are not shown to be made with the secret of this key");
  }
}

function seedOf({ context, key, bases, factors }: EqualityClaim): Uint8Array {
  const pairs = bases.flatMap((base, k) => [base, factors[k] as Point]);
  return digest512("veche/v1/equality-seed", context, key, bases.length, ...pairs);
}

/** Σ ρ_k·A_k and Σ ρ_k·F_k with 128-bit weights drawn from the seed. */
function combined(seed: Uint8Array, { bases, factors }: EqualityClaim): [Point, Point] {
  const weights = bases.map((_, k) => littleEndian(sha512(transcript("veche/v1/equality-weight", seed, k + 1)).slice(0, 16)));
  const sum = (points: readonly Point[]): Point => Point.total(points.map((point, k) => [weights[k] as bigint, point] as const));
  return [sum(bases), sum(factors)];
}
