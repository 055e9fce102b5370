/**
 * The drill: before the vote each trustee multiplies a point that nobody chose. docs/protocol.md section 6.8.
 *
 * The base is computed here: a trustee that multiplied points from outside would decrypt ballots one by one (attack D7).
 */

import { bigEndian, hex } from "./bytes.ts";
import { type Json, encode } from "./canonical_json.ts";
import { proveWithNonce } from "./equality.ts";
import { Malformed } from "./errors.ts";
import { Point } from "./group.ts";
import { type Proof, proofJson } from "./proof.ts";
import { makeNonce, type Randomness, type Scalar } from "./scalar.ts";
import { digest256, transcript } from "./transcript.ts";

/** For what and whom: uuid, SHA-256 (32 bytes) of manifest and of trustees.json, the owner's number from 1. */
export interface DrillStatement {
  readonly uuid: string;
  readonly manifest: Uint8Array;
  readonly trustees: Uint8Array;
  readonly owner: number;
}

/** F = x·B and the proof that x is the owner's key. */
export interface Drill {
  readonly factor: Point;
  readonly proof: Proof;
}

/** B = 8·point(b): the first y at or after the hash that lies on the curve. Nobody knows its logarithm. */
export function drillBase({ uuid, manifest, trustees, owner }: DrillStatement): Point {
  const start = bigEndian(digest256("veche/v1/drill", uuid, manifest, trustees, owner)) >> 2n;
  for (let y = start; ; y += 1n) {
    const point = pointAbove(y);
    if (point !== undefined) return point;
  }
}

/** The drill of the owner of `key` = secret·G. */
export function makeDrill(secret: Scalar, key: Point, statement: DrillStatement, randomness: Randomness): Drill {
  const { uuid, manifest, trustees, owner } = statement;
  const context = transcript("veche/v1/drill-proof", uuid, manifest, trustees, owner);
  const base = drillBase(statement);
  const factor = base.multiply(secret);
  const nonce = makeNonce(randomness, secret, context);
  return { factor, proof: proveWithNonce(secret, { context, key, bases: [base], factors: [factor] }, nonce) };
}

/** The file `drill/1` that a trustee hands in. */
export function encodeDrill(uuid: string, owner: number, { factor, proof }: Drill): Uint8Array {
  const value: Json = { veche: "drill/1", election: uuid, owner, factor: factor.text(), proof: proofJson(proof) };
  return encode(value);
}

/** 8·P for the curve point with this y and even x; undefined when there is none or 8·P is the identity. */
function pointAbove(y: bigint): Point | undefined {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => Number((y >> BigInt(8 * at)) & 255n));
  let point: Point;
  try {
    point = Point.decodeForSignature(bytes);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
  const two = point.add(point);
  const four = two.add(two);
  const eight = four.add(four);
  return eight.isIdentity ? undefined : Point.parse(hex(eight.encoding.slice().reverse()));
}
