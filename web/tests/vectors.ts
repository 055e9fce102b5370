// The repository's vectors, which Python reads too.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Randomness } from "../src/crypto/scalar.ts";

// A test runs from web/build/tests.
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export function read(path: string): Uint8Array {
  return Uint8Array.from(readFileSync(`${ROOT}${path}`));
}

// Vectors are read as they are: what is wrong in them fails the test.
export function load(path: string): any {
  return JSON.parse(readFileSync(`${ROOT}${path}`, "utf8"));
}

/** The randomness of tests/crypto/drawing.py: the same bytes at the same asking in both languages. */
export function drawing(seed: string): Randomness {
  let drawn = 0;
  return (size) => {
    drawn += 1;
    return Uint8Array.from(createHash("shake256", { outputLength: size }).update(`${seed}|${drawn}`).digest());
  };
}
