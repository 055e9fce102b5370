/** What a tracker page was given: a receipt, an acknowledgement, an opened ballot, or a tracker. */

import { parseTracker } from "../ballot/tracker.ts";
import { utf8, utf8Text } from "../crypto/bytes.ts";
import { ElectionError } from "../crypto/errors.ts";
import { FIRST_LINE } from "../ledger/receipt.ts";

export type Given =
  | { readonly is: "receipt"; readonly data: Uint8Array }
  | { readonly is: "acknowledgement"; readonly note: Uint8Array; readonly index: number | null }
  | { readonly is: "opened"; readonly data: Uint8Array }
  | { readonly is: "tracker"; readonly tracker: string; readonly index: number | null };

/** Null for anything else. A text that was pasted may have lost or gained white space at its end. */
export function recognise(data: Uint8Array): Given | null {
  let text: string;
  try {
    text = utf8Text(data).replaceAll("\r\n", "\n");
  } catch {
    return null;
  }
  const whole = `${text.trim()}\n`;
  if (whole.startsWith(`${FIRST_LINE}\n`)) return { is: "receipt", data: utf8(whole) };
  if (whole.startsWith("veche/acknowledgement/v1\n")) return paper(whole);
  if (whole.startsWith('{"veche":"opened/1"')) return { is: "opened", data: utf8(text.trim()) };
  try {
    return { is: "tracker", tracker: parseTracker(text), index: null };
  } catch (error) {
    if (error instanceof ElectionError) return null;
    throw error;
  }
}

/** The note, and the number of its entry where the paper says it (docs/protocol.md section 12.5). */
function paper(text: string): Given {
  const match = /\nindex (0|[1-9][0-9]{0,15})\n$/.exec(text);
  const index = match?.[1];
  if (match === null || index === undefined) return { is: "acknowledgement", note: utf8(text), index: null };
  return { is: "acknowledgement", note: utf8(`${text.slice(0, match.index)}\n`), index: Number(index) };
}
