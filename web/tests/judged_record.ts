// What tests/web/test_trustee_judges_records.py runs: what the trustee's page says of each record that it is given.
//
// On standard input [{"archive": base64, "manifest": base64, "uuid", "setup", "end"}…]; prints the code of each refusal, or the total's text.

import { readFileSync } from "node:fs";

import { encodeTally } from "../src/ballot/tally.ts";
import { fromBase64, utf8Text } from "../src/crypto/bytes.ts";
import { ElectionError } from "../src/crypto/errors.ts";
import { readRecord, recomputeTally, verifyConfirmed, verifyEnough } from "../src/trustee/record.ts";

const said: string[] = [];
for (const { archive, manifest, uuid, setup, end } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const record = readRecord(fromBase64(archive), fromBase64(manifest), uuid);
    verifyConfirmed(record, setup, end);
    verifyEnough(record);
    said.push(utf8Text(encodeTally(await recomputeTally(record, () => undefined))));
  } catch (error) {
    if (!(error instanceof ElectionError)) throw error;
    said.push(error.code);
  }
}
process.stdout.write(JSON.stringify(said));
