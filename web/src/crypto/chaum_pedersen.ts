/** The decryption proof of Belenios version 1: log_G(X) = log_alpha(f). docs/protocol.md section 7.2. */

import { utf8 } from "./bytes.ts";
import { InvalidProof } from "./errors.ts";
import { G, Point } from "./group.ts";
import type { Proof } from "./proof.ts";
import { makeNonce, type Randomness, reduce, type Scalar } from "./scalar.ts";
import { decryptionPrefix, hashToScalar } from "./version1.ts";

/** A proof that x·alpha was made with the secret behind `key`. */
export function proveDecryption(secret: Scalar, key: Point, alpha: Point, fingerprint: string, randomness: Randomness): Proof {
  const prefix = decryptionPrefix(fingerprint, key);
  const nonce = makeNonce(randomness, secret, utf8(prefix + alpha.text()));
  const c = hashToScalar(prefix, [G.multiply(nonce), alpha.multiply(nonce)]);
  return { challenge: c, response: reduce(nonce - c * secret) };
}

/** Check that `factor` = x·alpha for the x behind `key`. Throws InvalidProof. */
export function verifyDecryption(proof: Proof, key: Point, alpha: Point, factor: Point, fingerprint: string): void {
  const points = [
    Point.total([[proof.response, G], [proof.challenge, key]]),
    Point.total([[proof.response, alpha], [proof.challenge, factor]]),
  ];
  if (hashToScalar(decryptionPrefix(fingerprint, key), points) !== proof.challenge) {
    throw new InvalidProof("decryption-wrong", "a factor is not shown to be made with the secret of this key");
  }
}
