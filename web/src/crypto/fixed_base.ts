/**
 * Multiples of one point from a table, several times quicker than without: a voter waits for some seventy of G and of the
 * election's key. The formulas are the unified ones of twisted Edwards curves with a = −1 [Hisil, Wong, Carter, Dawson 2008,
 * section 3.1]: they hold for every pair of points, the neutral one included, so no digit of a secret is a special case.
 */

import { normalizeZ } from "@noble/curves/abstract/curve.js";
import { ed25519 } from "@noble/curves/ed25519.js";

import type { Scalar } from "./scalar.ts";

export type CurvePoint = InstanceType<typeof ed25519.Point>;

const P = ed25519.Point.Fp.ORDER;
const TWICE_D = (2n * ed25519.Point.CURVE().d) % P;

/** A digit is one of −31..32: 43 windows of 32 points. Wider ones make quicker multiples, and tables that take longer to make. */
const WINDOW = 6;
const HALF = 2 ** (WINDOW - 1);
/** q is below 2^253, and the last window takes a carry as well. */
const WINDOWS = Math.ceil(254 / WINDOW);
const MASK = BigInt(2 * HALF - 1);

/** Windows whose table is made at one go: in about a millisecond. */
const AT_ONCE = 4;

/** A point of the table as its additions need it: y + x, y − x, 2·d·x·y. Coordinates are known mod p and may be negative. */
interface Entry {
  readonly sum: bigint;
  readonly difference: bigint;
  readonly product: bigint;
}

/** (X : Y : Z : T) with x = X/Z, y = Y/Z, x·y = T/Z. */
interface Extended {
  readonly X: bigint;
  readonly Y: bigint;
  readonly Z: bigint;
  readonly T: bigint;
}

const NEUTRAL: Extended = { X: 0n, Y: 1n, Z: 1n, T: 0n };
const NOTHING: Entry = { sum: 1n, difference: 1n, product: 0n };

/** The table of a point of order q; window w holds 1·64^w·point to 32·64^w·point. */
export class FixedBase {
  readonly #windows: readonly (readonly Entry[])[];

  private constructor(windows: readonly (readonly Entry[])[]) {
    this.#windows = windows;
  }

  /** The table of `point`; `pause` is waited for every few windows. */
  static async make(point: CurvePoint, pause: () => Promise<void>): Promise<FixedBase> {
    const windows: Entry[][] = [];
    let next = point;
    while (windows.length < WINDOWS) {
      const bases: CurvePoint[] = [];
      while (bases.length < Math.min(AT_ONCE, WINDOWS - windows.length)) {
        bases.push(next);
        for (let i = 0; i < WINDOW; i += 1) next = next.double();
      }
      const multiples = normalizeZ(ed25519.Point, bases).flatMap(multiplesOf);
      const entries = normalizeZ(ed25519.Point, multiples).map(entryOf);
      for (let at = 0; at < entries.length; at += HALF) windows.push(entries.slice(at, at + HALF));
      await pause();
    }
    return new FixedBase(windows);
  }

  /**
   * scalar·point, for 0 <= scalar < q. For every digit the whole window is looked through and one point is added, whatever the
   * digit is: as far as a browser's numbers allow, the work does not show the scalar.
   */
  multiply(scalar: Scalar): CurvePoint {
    let rest = scalar;
    let sum = NEUTRAL;
    for (const window of this.#windows) {
      let digit = Number(rest & MASK);
      rest >>= BigInt(WINDOW);
      if (digit > HALF) {
        digit -= 2 * HALF;
        rest += 1n;
      }
      sum = add(sum, chosen(window, digit));
    }
    return pointOf(sum);
  }
}

/** digit·base, out of the window 1·base to 32·base. */
function chosen(window: readonly Entry[], digit: number): Entry {
  const place = Math.abs(digit) - 1;
  let found = NOTHING;
  for (let i = 0; i < HALF; i += 1) found = i === place ? (window[i] as Entry) : found;
  const negated = { sum: found.difference, difference: found.sum, product: -found.product };
  return digit < 0 ? negated : found;
}

/** 1·base to 32·base. */
function multiplesOf(base: CurvePoint): CurvePoint[] {
  const entry = entryOf(base);
  const multiples: Extended[] = [base];
  while (multiples.length < HALF) multiples.push(add(multiples.at(-1) as Extended, entry));
  return multiples.map(pointOf);
}

/** The sum, by 7 multiplications: the table's points have Z = 1. */
function add({ X, Y, Z, T }: Extended, { sum, difference, product }: Entry): Extended {
  const A = ((Y - X) * difference) % P;
  const B = ((Y + X) * sum) % P;
  const C = (T * product) % P;
  const D = 2n * Z;
  const [E, F, G, H] = [B - A, D - C, D + C, B + A];
  return { X: (E * F) % P, Y: (G * H) % P, Z: (F * G) % P, T: (E * H) % P };
}

function entryOf({ X, Y, T }: CurvePoint): Entry {
  return { sum: Y + X, difference: Y - X, product: (TWICE_D * T) % P };
}

function pointOf({ X, Y, Z, T }: Extended): CurvePoint {
  return new ed25519.Point(positive(X), positive(Y), positive(Z), positive(T));
}

function positive(value: bigint): bigint {
  return value < 0n ? value + P : value;
}
