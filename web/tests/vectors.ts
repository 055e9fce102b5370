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

/* eslint-disable-next-line @typescript-eslint/no-explicit-any */
export function load(path: string): any {
  return JSON.parse(readFileSync(`${ROOT}${path}`, "utf8"));
}

/** The randomness of a test: SHA-512 of "seed|0", "seed|1", …, one for each asking. Python's tests have the same. */
export function fixedRandomness(seed: string): Randomness {
  let asked = 0;
  return (size) => {
    const fresh = createHash("sha512").update(`${seed}|${asked}`).digest().subarray(0, size);
    asked += 1;
    return Uint8Array.from(fresh);
  };
}
