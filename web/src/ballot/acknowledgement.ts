/** The box's signed answer to a cast ballot. docs/protocol.md section 8.7. */

import { utf8 } from "../crypto/bytes.ts";
import { Inconsistent, Malformed, Refused } from "../crypto/errors.ts";
import { parseNote, parseVerifierKey, type VerifierKey, verifyNote } from "../crypto/signed_note.ts";

const FIRST_LINE = "veche/acknowledgement/v1";
const FORMS: readonly (readonly [string, RegExp])[] = [
  ["origin", /^[^\s+]+$/],
  ["fingerprint", /^[A-Za-z0-9+/]{43}$/],
  ["Setup hash", /^[0-9a-f]{64}$/],
  ["tracker", /^[0-9a-f]{64}$/],
  ["height", /^(?:0|[1-9][0-9]{0,14})$/],
  ["event hash", /^[0-9a-f]{64}$/],
  ["time", /^(?:0|[1-9][0-9]{0,14})$/],
];

/** The ballot `tracker` is event number `height`, whose hash is `event`, since `time` (seconds since 1970). */
export interface Acknowledgement {
  readonly origin: string;
  readonly fingerprint: string;
  readonly setup: string;
  readonly tracker: string;
  readonly height: number;
  readonly event: string;
  readonly time: number;
}

/** What an acknowledgement must speak of: the election's fingerprint (43 characters), its Setup hash and the ballot's tracker in hex. */
export interface Expected {
  readonly fingerprint: string;
  readonly setup: string;
  readonly tracker: string;
}

/** What the holder of `box` has signed. Throws Malformed, InvalidSignature, or Refused when the origin is not the key's. */
export function parseAcknowledgement(note: Uint8Array | string, box: VerifierKey | string): Acknowledgement {
  const key = typeof box === "string" ? parseVerifierKey(box) : box;
  const read = parseNote(typeof note === "string" ? utf8(note) : note);
  if (read.lines.length !== 1) {
    throw new Malformed("acknowledgement-malformed", `an acknowledgement has one signature line, found ${read.lines.length}`);
  }
  verifyNote(read, [key]);
  const found = parseText(read.text);
  if (key.name !== `${found.origin}/box`) {
    throw new Refused(
      "acknowledgement-key",
      `the box of ${found.origin.slice(0, 100)} signs as ORIGIN/box; this key is ${key.name.slice(0, 100)}`,
    );
  }
  return found;
}

/**
 * Check that the note is the box's word for this election and this ballot, and give it. Throws as `parseAcknowledgement`, and
 * Inconsistent `acknowledgement-election` or `acknowledgement-ballot`.
 */
export function verifyAcknowledgement(note: Uint8Array | string, box: VerifierKey | string, expected: Expected): Acknowledgement {
  const found = parseAcknowledgement(note, box);
  if (found.fingerprint !== expected.fingerprint || found.setup !== expected.setup) {
    throw new Inconsistent(
      "acknowledgement-election",
      `acknowledged for the election ${found.fingerprint} with Setup ${found.setup.slice(0, 16)}…, expected ` +
        `${expected.fingerprint} with ${expected.setup.slice(0, 16)}…`,
    );
  }
  if (found.tracker !== expected.tracker) {
    throw new Inconsistent(
      "acknowledgement-ballot",
      `acknowledges ballot ${found.tracker.slice(0, 16)}…, not ballot ${expected.tracker.slice(0, 16)}…`,
    );
  }
  return found;
}

function parseText(text: string): Acknowledgement {
  const [first, ...lines] = text.slice(0, -1).split("\n");
  if (first !== FIRST_LINE || lines.length !== FORMS.length) {
    throw new Malformed(
      "acknowledgement-malformed",
      `expected ${FIRST_LINE} and ${FORMS.length} lines, found ${lines.length} after the first`,
    );
  }
  FORMS.forEach(([name, form], at) => {
    if (!form.test(lines[at] ?? "")) throw new Malformed("acknowledgement-malformed", `the line with the ${name} is not in its one form`);
  });
  const [origin, fingerprint, setup, tracker, height, event, time] = lines as [string, string, string, string, string, string, string];
  return { origin, fingerprint, setup, tracker, height: Number(height), event, time: Number(time) };
}
