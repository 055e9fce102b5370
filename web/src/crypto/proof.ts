/** A challenge and a response: the form of every proof and signature in this project. */

import { fields, type Json } from "./canonical_json.ts";
import { parseScalar, type Scalar } from "./scalar.ts";

/** A pair of public scalars, each below q. In JSON `{"challenge":"…","response":"…"}`, decimal strings. */
export interface Proof {
  readonly challenge: Scalar;
  readonly response: Scalar;
}

/** The proof of strict JSON. Throws Malformed: other fields, leading zeros, a scalar ≥ q. */
export function parseProof(value: Json): Proof {
  const found = fields(value, ["challenge", "response"]);
  return { challenge: parseScalar(found.challenge), response: parseScalar(found.response) };
}

export function proofJson(proof: Proof): Json {
  return { challenge: proof.challenge.toString(), response: proof.response.toString() };
}
