/** The prime-order group of Ed25519. `Point.decode` is the only way in from bytes. docs/protocol.md section 2. */

import { normalizeZ } from "@noble/curves/abstract/curve.js";
import { ed25519 } from "@noble/curves/ed25519.js";

import { fromHex, hex } from "./bytes.ts";
import { Malformed } from "./errors.ts";
import { reduce, type Scalar } from "./scalar.ts";

type CurvePoint = InstanceType<typeof ed25519.Point>;

const HEX = /^[0-9a-f]{64}$/;
/** Bits of a window of the tables: wider ones make quicker multiples, and tables that keep the browser from drawing for longer. */
const WINDOW = 7;

/**
 * An element of the group of order q, or the identity, which only sums and products can give.
 *
 * Invariant: of order q, or the identity; nothing below checks again.
 */
export class Point {
  readonly #point: CurvePoint;
  #encoding: Uint8Array | undefined;
  #text: string | undefined;

  private constructor(point: CurvePoint, encoding?: Uint8Array) {
    this.#point = point;
    this.#encoding = encoding;
  }

  /**
   * The point of order q with these 32 bytes (RFC 8032). Throws Malformed `point-not-in-group` for anything else, the identity
   * included: a point with a component of small order would satisfy every proof whose challenges are 0 mod 8 (attack B7).
   */
  static decode(data: Uint8Array): Point {
    const point = Point.#read(data);
    if (point.is0() || !point.isTorsionFree()) throw notInGroup();
    return new Point(point, data.slice());
  }

  /** As `decode`, but the identity is allowed: right in tallies and factors only. */
  static decodeOrIdentity(data: Uint8Array): Point {
    return data.length === 32 && data[0] === 1 && data.slice(1).every((byte) => byte === 0) ? IDENTITY : Point.decode(data);
  }

  /** The point of order q in Belenios form: 64 lower-case hex digits, bytes reversed. Throws Malformed. */
  static parse(text: unknown): Point {
    return Point.decode(bytesOf(text));
  }

  /** As `parse`, but the identity is allowed. */
  static parseOrIdentity(text: unknown): Point {
    return Point.decodeOrIdentity(bytesOf(text));
  }

  /**
   * A point of the curve that is not of small order, for the check of an Ed25519 signature only, whose keys need not be of
   * order q. Throws Malformed `point-not-in-group`.
   */
  static decodeForSignature(data: Uint8Array): Point {
    const point = Point.#read(data);
    if (point.isSmallOrder()) throw notInGroup();
    return new Point(point, data.slice());
  }

  /** Σ s·P for public scalars. */
  static total(terms: readonly (readonly [Scalar, Point])[]): Point {
    let sum = ed25519.Point.ZERO;
    for (const [scalar, point] of terms) {
      const times = reduce(scalar);
      if (times !== 0n) sum = sum.add(point === G || tabled.has(point) ? point.#point.multiply(times) : point.#point.multiplyUnsafe(times));
    }
    return new Point(sum);
  }

  /** Every encoding of these points at once, which is much quicker than one after another. */
  static encodeAll(points: readonly Point[]): void {
    const open = points.filter((point) => point.#encoding === undefined);
    const normal = normalizeZ(ed25519.Point, open.map((point) => point.#point));
    open.forEach((point, at) => (point.#encoding = normal[at]?.toBytes()));
  }

  static readonly BASE: Point = new Point(ed25519.Point.BASE);
  static readonly ZERO: Point = new Point(ed25519.Point.ZERO);

  /** The canonical 32 bytes of RFC 8032. */
  get encoding(): Uint8Array {
    return (this.#encoding ??= this.#point.toBytes());
  }

  /** Belenios form S(P): the encoding reversed, in lower-case hex. */
  text(): string {
    return (this.#text ??= hex(this.encoding.slice().reverse()));
  }

  get isIdentity(): boolean {
    return this.#point.is0();
  }

  equals(other: Point): boolean {
    return this.#point.equals(other.#point);
  }

  add(other: Point): Point {
    return new Point(this.#point.add(other.#point));
  }

  subtract(other: Point): Point {
    return new Point(this.#point.subtract(other.#point));
  }

  negate(): Point {
    return new Point(this.#point.negate());
  }

  /** scalar·P by the steps that do not depend on the scalar, as far as a browser can: right for secrets. */
  multiply(scalar: Scalar): Point {
    const times = reduce(scalar);
    return times === 0n ? IDENTITY : new Point(this.#point.multiply(times));
  }

  /** Afterwards multiples of this point are quick: a table of some hundred kilobytes, made once, in some twenty milliseconds. */
  precompute(): this {
    if (!tabled.has(this)) {
      this.#point.precompute(WINDOW, false);
      tabled.add(this);
    }
    return this;
  }

  static #read(data: Uint8Array): CurvePoint {
    if (data.length !== 32) throw notInGroup();
    try {
      return ed25519.Point.fromBytes(data, false);
    } catch {
      throw notInGroup();
    }
  }
}

const tabled = new WeakSet<Point>();

/** The base point of Ed25519. */
export const G: Point = Point.BASE;

/** The neutral element. */
export const IDENTITY: Point = Point.ZERO;

/**
 * Afterwards multiples of G and of these points are quick. Ask for it when a page loads, while the person reads: it lets the
 * browser draw between two tables.
 */
export async function prepareTables(...points: readonly Point[]): Promise<void> {
  for (const point of [G, ...points]) {
    point.precompute();
    await pause();
  }
}

/** Lets the browser draw and hear its user. Not by a timer, which browsers make wait 4 milliseconds each time. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

function bytesOf(text: unknown): Uint8Array {
  if (typeof text !== "string" || !HEX.test(text)) {
    throw new Malformed("point-not-canonical", "a group element is written as 64 lower-case hexadecimal digits");
  }
  return fromHex(text).reverse();
}

function notInGroup(): Malformed {
  return new Malformed("point-not-in-group", "not a canonical encoding of a point of order q");
}
