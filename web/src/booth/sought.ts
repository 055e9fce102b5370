/** What stands behind the # of a tracker page's address: the tracker, and where known the number of its entry in the log. */

import { compactTracker, parseTracker } from "../ballot/tracker.ts";

export interface Sought {
  readonly tracker: string;
  readonly index: number | null;
}

export function soughtFragment({ tracker, index }: Sought): string {
  // Plus and slash would be changed by some programs that pass addresses on.
  const safe = compactTracker(tracker).replaceAll("+", "-").replaceAll("/", "_");
  return index === null ? `#${safe}` : `#${safe}.${index}`;
}

/** Null for what is no such fragment. */
export function parseFragment(fragment: string): Sought | null {
  const match = /^#?([A-Za-z0-9_-]{43})(?:\.(0|[1-9][0-9]{0,15}))?$/.exec(fragment);
  const [, written, index] = match ?? [];
  if (written === undefined) return null;
  try {
    const tracker = parseTracker(written.replaceAll("-", "+").replaceAll("_", "/"));
    return { tracker, index: index === undefined ? null : Number(index) };
  } catch {
    return null;
  }
}
