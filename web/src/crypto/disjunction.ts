/**
 * Proofs that one of several statements about ciphertexts holds, without saying which: every 0-or-1 proof, range proof and
 * blank-vote proof of a ballot. docs/protocol.md sections 5.2 to 5.4.
 *
 * The prover made the ciphertexts and knows how, so every commitment is a sum of multiples of G and of the election's key alone,
 * for which there are tables. The proof that leaves the browser is the same, to the byte, as the one of crypto/disjunction.py.
 */

import { utf8 } from "./bytes.ts";
import type { Ciphertext } from "./elgamal.ts";
import { InvalidProof } from "./errors.ts";
import { G, Point } from "./group.ts";
import type { Proof } from "./proof.ts";
import { makeNonce, type Randomness, randomScalar, reduce, type Scalar } from "./scalar.ts";
import { hashToScalar } from "./version1.ts";

/**
 * The claim "for some i, ciphertexts[i] encrypts values[i]". `prefix` is what is hashed before the commitments: it names election,
 * credential and ciphertexts (version1.ts), so that the proof holds for nothing else.
 */
export interface Disjunction {
  readonly prefix: string;
  readonly ciphertexts: readonly Ciphertext[];
  readonly values: readonly number[];
}

/** How a ciphertext was made: alpha = r·G, beta = m·G + r·y. */
export interface Opening {
  readonly m: number;
  readonly r: Scalar;
}

/** The claim that one ciphertext encrypts one of `values`. */
export function inRange(prefix: string, ciphertext: Ciphertext, values: readonly number[]): Disjunction {
  return { prefix, ciphertexts: values.map(() => ciphertext), values };
}

/** Check one claim as the paper has it. Throws InvalidProof; an empty list would be a sum over nothing (attack B9). */
export function verifyDisjunction(key: Point, claim: Disjunction, proofs: readonly Proof[]): void {
  if (proofs.length === 0 || proofs.length !== claim.values.length || proofs.length !== claim.ciphertexts.length) {
    throw new InvalidProof("disjunction-length", `${proofs.length} parts of a proof where ${claim.values.length} belong`);
  }
  const commitments = claim.values.flatMap((value, i) => {
    const { alpha, beta } = claim.ciphertexts[i] as Ciphertext;
    const { challenge: c, response: r } = proofs[i] as Proof;
    const shifted = Point.total([[1n, beta], [-BigInt(value), G]]);
    return [Point.total([[r, G], [c, alpha]]), Point.total([[r, key], [c, shifted]])];
  });
  Point.encodeAll(commitments);
  if (reduce(proofs.reduce((sum, proof) => sum + proof.challenge, 0n)) !== hashToScalar(claim.prefix, commitments)) {
    throw new InvalidProof("disjunction-wrong", "the challenges do not add up to the hash of the statement");
  }
}

/**
 * A proof of `claim`, whose part `holds` is true; openings[i] is how ciphertexts[i] was made.
 *
 * For a part with challenge c and response r, u = r + c·ρ gives A = r·G + c·alpha = u·G and B = r·y + c·(beta − M·G) =
 * u·y + c·(m − M)·G; of the true part, where u is the nonce, c·(m − M) is 0. The work is the same whichever part that is.
 */
export function proveDisjunction(
  key: Point,
  claim: Disjunction,
  holds: number,
  openings: readonly Opening[],
  randomness: Randomness,
): Proof[] {
  const simulated = claim.values.map(() => ({ challenge: randomScalar(randomness), response: randomScalar(randomness) }));
  const own = (openings[holds] as Opening).r;
  const nonce = makeNonce(randomness, own, utf8(claim.prefix));
  const commitments = simulated.flatMap(({ challenge: c, response }, i) => {
    const { m, r } = openings[i] as Opening;
    const u = i === holds ? nonce : reduce(response + c * r);
    const distance = BigInt(m - (claim.values[i] as number));
    const masked = key.multiply(u);
    if (i === holds) return [G.multiply(u), masked];
    // A part that is true by chance as well has distance 0: nothing is added, but the work is done.
    const candidates = [masked, masked.add(G.multiply(distance === 0n ? c : reduce(c * distance)))] as const;
    return [G.multiply(u), candidates[distance === 0n ? 0 : 1]];
  });
  Point.encodeAll(commitments);
  const others = simulated.reduce((sum, proof, i) => (i === holds ? sum : sum + proof.challenge), 0n);
  const challenge = reduce(hashToScalar(claim.prefix, commitments) - others);
  return simulated.map((proof, i) => (i === holds ? { challenge, response: reduce(nonce - challenge * own) } : proof));
}
