/** Exponential ElGamal. docs/protocol.md section 5.1. */

import { G, IDENTITY, type Point } from "./group.ts";
import type { Scalar } from "./scalar.ts";

/** An encryption of m under public key y: alpha = r·G, beta = m·G + r·y. Both points lie in the prime-order group. */
export interface Ciphertext {
  readonly alpha: Point;
  readonly beta: Point;
}

/** The encryption of 0 with randomness 0: the tally of no ballots. */
export const NOTHING: Ciphertext = { alpha: IDENTITY, beta: IDENTITY };

/** Encrypt one choice to the election key. Both candidates are computed, so that the work does not show the vote. */
export function encrypt(bit: 0 | 1, key: Point, r: Scalar): Ciphertext {
  const masked = key.multiply(r);
  const candidates = [masked, masked.add(G)] as const;
  return { alpha: G.multiply(r), beta: candidates[bit] };
}

/** The encryption of the sum of all plaintexts. */
export function addUp(ciphertexts: readonly Ciphertext[]): Ciphertext {
  return ciphertexts.reduce((sum, one) => ({ alpha: sum.alpha.add(one.alpha), beta: sum.beta.add(one.beta) }), NOTHING);
}
