// What tests/web/test_ballots_of_both.py runs: makes the ballots that it asks for, with true randomness, and checks those it brings.
//
// On standard input {"election": text, "make": [{"code", "choices"}…], "check": [ballot text…]}; prints {"made": […], "objections": […]}.

import { readFileSync } from "node:fs";

import { deriveCredential } from "../src/ballot/credential.ts";
import { parseElection } from "../src/ballot/election.ts";
import { readBallot, verifyBallot } from "../src/ballot/encrypted_ballot.ts";
import { prepareBallot } from "../src/ballot/prepared_ballot.ts";
import { utf8 } from "../src/crypto/bytes.ts";
import { ElectionError } from "../src/crypto/errors.ts";
import { prepareTables } from "../src/crypto/group.ts";

const asked = JSON.parse(readFileSync(0, "utf8"));
const election = parseElection(asked.election);
await prepareTables(election.publicKey);
const made: string[] = [];
for (const { code, choices } of asked.make) {
  made.push((await prepareBallot(election, choices, await deriveCredential(code, election.uuid))).sign().text);
}
const objections = asked.check.map((ballot: string) => {
  try {
    verifyBallot(readBallot(utf8(ballot)), election, () => true);
    return null;
  } catch (error) {
    if (error instanceof ElectionError) return error.code;
    throw error;
  }
});
process.stdout.write(JSON.stringify({ made, objections }));
