/** Sharing a secret among n so that any t recover it. docs/protocol.md section 6.3; the same as crypto/shamir.py. */

import { Malformed } from "./errors.ts";
import { G, IDENTITY, Point } from "./group.ts";
import { Q, randomScalar, type Randomness, reduce, type Scalar } from "./scalar.ts";

/** f(z) = a_0 + a_1·z + … mod q: any t values give f(0), fewer give nothing. All coefficients are secret. */
export type Polynomial = readonly Scalar[];

/** A uniform polynomial of `threshold` coefficients. */
export function randomPolynomial(threshold: number, randomness: Randomness): Polynomial {
  if (threshold < 1) throw new Malformed("threshold-limits", `a threshold is at least 1, found ${threshold}`);
  return Array.from({ length: threshold }, () => randomScalar(randomness));
}

/** f(index), by Horner's rule. */
export function valueAt(polynomial: Polynomial, index: number): Scalar {
  return polynomial.reduceRight((value, one) => reduce(value * BigInt(index) + one), 0n);
}

/** A_k = a_k·G for every coefficient: what lets everyone check a value without learning it. */
export function commitmentsOf(polynomial: Polynomial): Point[] {
  return polynomial.map((one) => G.multiply(one));
}

/** Σ_k index^k·A_k: the public image f(index)·G of the value at `index`. */
export function committedValue(commitments: readonly Point[], index: number): Point {
  let [sum, power] = [IDENTITY, 1n];
  for (const point of commitments) {
    sum = sum.add(Point.total([[power, point]]));
    power = (power * BigInt(index)) % Q;
  }
  return sum;
}

/** X_j = Σ_i Σ_k j^k·A_ik for j = 1..size. */
export function publicShares(dealers: readonly (readonly Point[])[], size: number): Point[] {
  const columns = (dealers[0] ?? []).map((_, k) => dealers.reduce((sum, one) => sum.add(one[k] ?? IDENTITY), IDENTITY));
  return Array.from({ length: size }, (_, at) => committedValue(columns, at + 1));
}
