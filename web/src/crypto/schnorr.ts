/**
 * Knowledge of a discrete logarithm, three times: possession of a key, signatures of version 1, and Veche's own signature.
 * docs/protocol.md sections 6.1, 5.5 and 3.3.
 */

import { utf8 } from "./bytes.ts";
import { InvalidProof, InvalidSignature } from "./errors.ts";
import { G, Point } from "./group.ts";
import type { Proof } from "./proof.ts";
import { makeNonce, type Randomness, reduce, type Scalar, systemRandomness } from "./scalar.ts";
import { challenge } from "./transcript.ts";
import { hashToScalar, possessionPrefix } from "./version1.ts";

const TAG = "veche/v1/signature";

/** A = w·G, c = H(prefix, A), r = w − c·x: the signature of Belenios version 1 under the hashed `prefix`. */
export function signVersion1(secret: Scalar, prefix: string, randomness: Randomness = systemRandomness): Proof {
  const nonce = makeNonce(randomness, secret, utf8(prefix));
  const c = hashToScalar(prefix, [G.multiply(nonce)]);
  return { challenge: c, response: reduce(nonce - c * secret) };
}

/**
 * Check that whoever knows log_G(key) signed `prefix`. Throws InvalidSignature.
 *
 * The public key is not hashed in version 1: the prefix must name it, or the key must be fixed elsewhere.
 */
export function verifyVersion1(proof: Proof, prefix: string, key: Point): void {
  const commitment = Point.total([[proof.response, G], [proof.challenge, key]]);
  if (hashToScalar(prefix, [commitment]) !== proof.challenge) {
    throw new InvalidSignature("signature-wrong", "the signature was not made by this key over this text");
  }
}

/** Proof of possession of the secret behind `key`. */
export function provePossession(secret: Scalar, key: Point, randomness: Randomness = systemRandomness): Proof {
  return signVersion1(secret, possessionPrefix(key), randomness);
}

/** Check that the owner of `key` knows its secret. Throws InvalidProof (attack D1). */
export function verifyPossession(proof: Proof, key: Point): void {
  const commitment = Point.total([[proof.response, G], [proof.challenge, key]]);
  if (hashToScalar(possessionPrefix(key), [commitment]) !== proof.challenge) {
    throw new InvalidProof("possession-wrong", "knowledge of the secret of this key is not shown");
  }
}

/** Veche's signature: c = H(tag, K, w·G, message), s = w + c·k. `message` is a transcript with a tag of its own. */
export function sign(secret: Scalar, key: Point, message: Uint8Array, randomness: Randomness = systemRandomness): Proof {
  return signWithNonce(secret, key, message, makeNonce(randomness, secret, message));
}

/** As `sign` with a given nonce, which must never serve twice. */
export function signWithNonce(secret: Scalar, key: Point, message: Uint8Array, nonce: Scalar): Proof {
  const c = challenge(TAG, key, G.multiply(nonce), message);
  return { challenge: c, response: reduce(nonce + c * secret) };
}

/** Check that the owner of `key` signed exactly `message`; the key is hashed. Throws InvalidSignature. */
export function verifySignature(signature: Proof, key: Point, message: Uint8Array): void {
  if (key.isIdentity) throw new InvalidSignature("signature-key", "the identity is nobody's key");
  const commitment = Point.total([[signature.response, G], [-signature.challenge, key]]);
  if (challenge(TAG, key, commitment, message) !== signature.challenge) {
    throw new InvalidSignature("signature-wrong", "the signature was not made by this key over this text");
  }
}
