/** Tagged, length-prefixed hashing of Veche's own proofs. docs/protocol.md section 3.2. */

import { concat, eightBytes, littleEndian, sha256, sha512, utf8 } from "./bytes.ts";
import { Point } from "./group.ts";
import { reduce, type Scalar } from "./scalar.ts";

export type Item = Point | Uint8Array | string | number | bigint;

/** T(tag, items): each item as its 8-byte big-endian length and its bytes. */
export function transcript(tag: string, ...items: readonly Item[]): Uint8Array {
  return concat(...[tag, ...items].flatMap((one) => {
    const data = bytesOf(one);
    return [eightBytes(data.length), data];
  }));
}

/** H(tag, items): SHA-512 of the transcript, 64 bytes little endian, mod q. */
export function challenge(tag: string, ...items: readonly Item[]): Scalar {
  return reduce(littleEndian(digest512(tag, ...items)));
}

/** SHA-512 of the transcript, 64 bytes. */
export function digest512(tag: string, ...items: readonly Item[]): Uint8Array {
  return sha512(transcript(tag, ...items));
}

/** SHA-256 of the transcript, 32 bytes. */
export function digest256(tag: string, ...items: readonly Item[]): Uint8Array {
  return sha256(transcript(tag, ...items));
}

function bytesOf(value: Item): Uint8Array {
  if (value instanceof Point) return value.encoding;
  if (value instanceof Uint8Array) return value;
  return utf8(typeof value === "string" ? value : BigInt(value).toString());
}
