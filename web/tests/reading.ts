// What tests/web/test_reading_alike.py runs: reads what it is given and says for each what it read, or the code of the refusal.
//
// On standard input {"texts": [hex…], "codes": [text…], "notes": [hex…], "elections": [hex…]}.

import { readFileSync } from "node:fs";

import { parseCode, wrongGroups } from "../src/ballot/credential.ts";
import { parseElection } from "../src/ballot/election.ts";
import { fromHex, hex } from "../src/crypto/bytes.ts";
import { encode, parse } from "../src/crypto/canonical_json.ts";
import { ElectionError } from "../src/crypto/errors.ts";
import { parseNote } from "../src/crypto/signed_note.ts";

function read(values: string[], reader: (value: string) => unknown): unknown[] {
  return values.map((value) => {
    try {
      return { read: reader(value) };
    } catch (error) {
      if (error instanceof ElectionError) return { refused: error.code };
      throw error;
    }
  });
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(
  JSON.stringify({
    texts: read(asked.texts, (data) => hex(encode(parse(fromHex(data))))),
    codes: read(asked.codes, (typed) => [parseCode(typed), wrongGroups(typed)]),
    notes: read(asked.notes, (data) => parseNote(fromHex(data)).lines.map(({ name, id }) => [name, id])),
    elections: read(asked.elections, (data) => parseElection(fromHex(data)).fingerprint),
  }),
);
