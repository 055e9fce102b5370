/** trustees.json: single keys, threshold groups, and the election key they make. docs/protocol.md sections 6.1 to 6.3. */

import { array, fields, type Json, parseCanonical, text } from "../crypto/canonical_json.ts";
import { Malformed } from "../crypto/errors.ts";
import { Point } from "../crypto/group.ts";
import { groupKey, parseThresholdGroup, type ThresholdGroup, verifyThresholdGroup } from "../crypto/pedersen.ts";
import { parseProof, type Proof } from "../crypto/proof.ts";
import { verifyPossession } from "../crypto/schnorr.ts";

const MAX_BYTES = 8_000_000;

interface SingleTrustee {
  readonly publicKey: Point;
  readonly possession: Proof;
}

/** The items of trustees.json in order, with the bytes they were read from; `keys[n - 1]` is that of trustee number n. */
export interface Trustees {
  readonly raw: Uint8Array;
  readonly keys: readonly Point[];
  readonly groups: readonly ThresholdGroup[];
  readonly electionKey: Point;
}

/** The trustees in these bytes, every statement of theirs checked. Throws ElectionError. */
export function readTrustees(raw: Uint8Array): Trustees {
  const groups: ThresholdGroup[] = [];
  const keys: Point[] = [];
  const parts: Point[] = [];
  for (const item of array(parseCanonical(raw, MAX_BYTES))) {
    const [kind, content] = array(item, 2);
    if (kind === "Pedersen") {
      const group = parseThresholdGroup(content as Json);
      verifyThresholdGroup(group);
      groups.push(group);
      keys.push(...group.keys.map((one) => one.publicKey));
      parts.push(groupKey(group));
    } else if (kind === "Single") {
      const single = parseSingle(content as Json);
      verifyPossession(single.possession, single.publicKey);
      keys.push(single.publicKey);
      parts.push(single.publicKey);
    } else throw new Malformed("trustees-malformed", "each trustee is a Single or a Pedersen item");
  }
  if (parts.length === 0) throw new Malformed("trustees-malformed", "trustees.json names nobody");
  return { raw, keys, groups, electionKey: Point.total(parts.map((part) => [1n, part] as const)) };
}

function parseSingle(value: Json): SingleTrustee {
  const found = fields(value, ["pok", "public_key", "name"], ["name"]);
  if (found.name !== undefined) text(found.name);
  return { publicKey: Point.parse(found.public_key), possession: parseProof(found.pok) };
}
