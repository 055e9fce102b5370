/** The run file of a finished ceremony, as far as a trustee compares it with what it saw itself. docs/protocol.md section 6.7. */

import { sha256Hex } from "./bytes.ts";
import { array, digest, dumps, fields, integer, type Json, parseCanonical, text } from "./canonical_json.ts";
import { lineOf } from "./certificate.ts";
import type { Finished, Sharing } from "./ceremony.ts";
import { verifyCipher } from "./channel.ts";
import { Inconsistent } from "./errors.ts";
import { revealJson } from "./reveal.ts";

const MAX_BYTES = 8_000_000;
const TERMS = ["veche", "size", "threshold", "cipher", "deadlines", "names"] as const;

/** What is fixed before a run; deadlines for commitments, reveals, complaints in seconds since 1970. */
export interface Terms {
  readonly size: number;
  readonly threshold: number;
  readonly deadlines: readonly number[];
  readonly names: readonly string[];
}

/** The terms of a run, from `terms.json`. Throws Malformed, or Unsupported for a cipher that a browser does not have. */
export function parseTerms(value: Json): Terms {
  const found = fields(value, TERMS);
  verifyCipher(found.cipher);
  const size = integer(found.size, 2, 1000);
  return {
    size,
    threshold: integer(found.threshold, 1, size - 1),
    deadlines: array(found.deadlines, 3).map((one) => integer(one)),
    names: array(found.names, size).map(text),
  };
}

/**
 * Check that the published run is the one this trustee took part in: the same certificates, commitments and reveals that it saw
 * and checked itself, and this trustees.json. Throws Inconsistent `split-view`, `ceremony-trustees`.
 */
export function verifyRun(raw: Uint8Array, trustees: Uint8Array, finished: Finished, seen: Sharing | undefined): void {
  const names = [...TERMS, "certificates", "commitments", "reveals", "trustees", "previous"] as const;
  const found = fields(parseCanonical(raw, MAX_BYTES), names, ["previous"]);
  if (digest(found.trustees) !== sha256Hex(trustees)) {
    throw new Inconsistent("ceremony-trustees", "the ceremony gave another trustees.json");
  }
  const same =
    dumps(found.certificates) === dumps(finished.place.certificates.map(lineOf)) &&
    (seen === undefined ||
      (dumps(found.commitments) === dumps(seen.revealed.commitments) && dumps(found.reveals) === dumps(seen.reveals.map(revealJson))));
  if (!same) {
    throw new Inconsistent("split-view", "the run file shows other commitments or reveals than you saw: stop and compare with the others");
  }
}
