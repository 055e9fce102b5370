/** What the record says to a code: where its voter stands, or in which words that nothing was found. */

import { wrongGroups } from "../ballot/credential.ts";
import { ElectionError } from "../crypto/errors.ts";
import { prepareTables } from "../crypto/group.ts";
import type { Said } from "./code_entry.ts";
import { type Contest, Unreachable } from "./contest.ts";
import { type Standing, standings } from "./standing.ts";

/** The contests in which the code is listed, or why that is not known. */
export async function lookUp(code: string, contests: readonly Contest[]): Promise<readonly Standing[] | Said> {
  await prepareTables();
  try {
    return await standings(code, contests);
  } catch (error) {
    if (error instanceof ElectionError) return { key: "code-false-answer", values: {} };
    if (error instanceof Unreachable) return { key: "code-offline", values: {} };
    throw error;
  }
}

/** A code that no contest lists: the groups where the slip probably is, and what is said. */
export function notListed(code: string): { readonly groups: readonly number[]; readonly said: Said } {
  const groups = wrongGroups(code);
  const values = { groups: groups.join(", ") };
  return { groups, said: groups.length > 0 ? { key: "code-unknown-group", values } : { key: "code-unknown", values: {} } };
}
