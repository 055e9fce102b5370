/** Every hashed string of Belenios protocol version 1, in one module. docs/protocol.md section 3.1 */

import { base64, bigEndian, sha256, utf8 } from "./bytes.ts";
import type { Point } from "./group.ts";
import { reduce, type Scalar } from "./scalar.ts";

export const GROUP = "Ed25519";

/** H(prefix, points) mod q. */
export function hashToScalar(prefix: string, points: readonly Point[]): Scalar {
  return reduce(bigEndian(sha256(utf8(prefix + points.map((point) => point.text()).join(",")))));
}

/** SHA-256 of `data` in standard base64 without padding, 43 characters: fingerprint, tracker, signature hash. */
export function compact(data: Uint8Array): string {
  return base64(sha256(data)).replace(/=+$/, "");
}

/** Proof of possession of a trustee's key. The election is not bound in. */
export function possessionPrefix(key: Point): string {
  return `pok|${GROUP}|${key.text()}|`;
}

/** Signature of a key-generation message. The key is not bound in. */
export function messagePrefix(message: string): string {
  return `sigmsg|${message}|`;
}

/** Signature of a ballot; `ballotHash` is the compact hash of the ballot without its signature. */
export function ballotSignaturePrefix(ballotHash: string): string {
  return `sig|${ballotHash}|`;
}

/** Z: binds every proof of a ballot to election and credential. */
export function ballotContext(fingerprint: string, credential: Point): string {
  return `${fingerprint}|${credential.text()}`;
}

/** Z′: Z and all ciphertexts of one answer, the blank one included. */
export function answerContext(context: string, ciphertexts: readonly { readonly alpha: Point; readonly beta: Point }[]): string {
  return `${context}|${ciphertexts.map(({ alpha, beta }) => `${alpha.text()},${beta.text()}`).join(",")}`;
}

/** Proof that (alpha, beta) encrypts one of a list of values. */
export function disjunctionPrefix(context: string, alpha: Point, beta: Point): string {
  return `prove|${context}|${alpha.text()},${beta.text()}|`;
}

/** The two proofs of a question with a blank vote: `which` is 0 (blank proof) or 1 (overall proof). */
export function blankPrefix(which: 0 | 1, context: string): string {
  return `bproof${which}|${context}|`;
}

/** Decryption proof. Alpha and factor are not bound in: hence the strong proof (attack Z1). */
export function decryptionPrefix(fingerprint: string, key: Point): string {
  return `decrypt|${fingerprint}|${key.text()}|`;
}
