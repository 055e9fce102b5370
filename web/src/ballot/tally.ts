/** The encrypted tally: for each question the weighted sum of all counted ballots. docs/protocol.md section 7.1. */

import { encode, type Json } from "../crypto/canonical_json.ts";
import { type Ciphertext, NOTHING } from "../crypto/elgamal.ts";
import { Point } from "../crypto/group.ts";
import { ciphertextsOf, type Election } from "./election.ts";

/** One ciphertext per question and choice, in the order of a ballot's choices. */
export type Tally = readonly (readonly Ciphertext[])[];

export function emptyTally(election: Election): Tally {
  return election.questions.map((question) => Array.from({ length: ciphertextsOf(question) }, () => NOTHING));
}

/** `tally` and `weight` times this ballot. */
export function addBallot(tally: Tally, ballot: Tally, weight: number): Tally {
  const times = (point: Point): Point => (weight === 1 ? point : Point.total([[BigInt(weight), point]]));
  return tally.map((row, i) =>
    row.map((one, j) => {
      const added = ballot[i]?.[j] ?? NOTHING;
      return { alpha: one.alpha.add(times(added.alpha)), beta: one.beta.add(times(added.beta)) };
    }),
  );
}

/** The text that the archive holds. */
export function encodeTally(tally: Tally): Uint8Array {
  const value: Json = tally.map((row) => row.map(({ alpha, beta }) => ({ alpha: alpha.text(), beta: beta.text() })));
  return encode(value);
}

/** All alphas, question by question: what the trustees multiply. */
export function alphasOf(tally: Tally): Point[] {
  return tally.flatMap((row) => row.map((one) => one.alpha));
}
