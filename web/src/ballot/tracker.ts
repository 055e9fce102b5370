/** A ballot's tracker, its SHA-256, in the two forms that people copy. docs/protocol.md section 8.4. */

import { base64, fromBase64, fromHex, hex } from "../crypto/bytes.ts";
import { Malformed } from "../crypto/errors.ts";

/** A tracker as 64 hex digits, from either of its forms: 64 hex digits or 43 characters of base64. Throws Malformed. */
export function parseTracker(written: string): string {
  const shown = written.replace(/\s+/g, "");
  if (/^[0-9a-fA-F]{64}$/.test(shown)) return shown.toLowerCase();
  if (/^[A-Za-z0-9+/]{43}$/.test(shown)) {
    try {
      return hex(fromBase64(`${shown}=`));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
  throw new Malformed("tracker-malformed", "a tracker has 64 hexadecimal digits, or 43 letters, digits, + and /");
}

/** The 43-character form of a tracker in hex. */
export function compactTracker(tracker: string): string {
  return base64(fromHex(tracker)).replace(/=+$/, "");
}
