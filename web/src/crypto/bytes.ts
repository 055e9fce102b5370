/** Bytes and texts: UTF-8, hex, base64, SHA-256. */

import { sha256 as hash256, sha512 as hash512 } from "@noble/hashes/sha2.js";

import { Malformed } from "./errors.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The text of these bytes. Throws Malformed `not-utf8`; a byte order mark stays a character. */
export function utf8Text(data: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new Malformed("not-utf8", "these bytes are not UTF-8");
  }
}

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(data: Uint8Array): string {
  let written = "";
  for (const byte of data) written += DIGITS[byte];
  return written;
}

/** The bytes of lower-case hexadecimal digits. Throws Malformed `hex`. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw new Malformed("hex", "lower-case hexadecimal digits were expected");
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

export function base64(data: Uint8Array): string {
  let binary = "";
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The bytes of strict base64 with padding. Throws Malformed `base64` for any text but the one of these bytes. */
export function fromBase64(text: string): Uint8Array {
  if (!BASE64.test(text)) throw new Malformed("base64", "not strict base64");
  const data = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  if (base64(data) !== text) throw new Malformed("base64", "not the one base64 text of these bytes");
  return data;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** The number in these bytes, most significant first. */
export function bigEndian(data: Uint8Array): bigint {
  return data.length === 0 ? 0n : BigInt(`0x${hex(data)}`);
}

/** The number in these bytes, least significant first. */
export function littleEndian(data: Uint8Array): bigint {
  return bigEndian(data.slice().reverse());
}

/** A number of 0..2^64-1 in 8 bytes, most significant first. */
export function eightBytes(value: bigint | number): Uint8Array {
  return fromHex(BigInt(value).toString(16).padStart(16, "0"));
}

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return hash256(concat(...parts));
}

export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  return hash512(concat(...parts));
}

/** SHA-256 in 64 hexadecimal digits. */
export function sha256Hex(data: Uint8Array): string {
  return hex(sha256(data));
}
