// The page that bench/booth.py opens: times tables and ballots, and leaves the figures in window.figures.

import { deriveCredential } from "../src/ballot/credential.ts";
import { type Election, parseElection } from "../src/ballot/election.ts";
import { prepareBallot } from "../src/ballot/prepared_ballot.ts";
import { dumps } from "../src/crypto/canonical_json.ts";
import { G, prepareTables } from "../src/crypto/group.ts";
import { randomScalar } from "../src/crypto/scalar.ts";

declare global {
  interface Window {
    figures?: Record<string, number>;
  }
}

const UUID = "5bVecheBench11";

function election(options: number, key: string): Election {
  const answers = Array.from({ length: options }, (_, at) => `Option ${at + 1}`);
  const questions = [{ answers, min: 1, max: 1, question: "Which?" }];
  return parseElection(
    dumps({ version: 1, description: "", name: "Bench", group: "Ed25519", public_key: key, questions, uuid: UUID }),
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const options = Number(new URLSearchParams(location.search).get("options"));
const asked = election(options, G.multiply(randomScalar()).text());
const choices = [asked.questions[0]?.answers.map((_, at) => (at === 0 ? 1 : 0)) ?? []];
const tables = await timed(() => prepareTables(asked.publicKey));
const credential = await deriveCredential("1".repeat(22), UUID);
const first = await timed(() => prepareBallot(asked, choices, credential));
const second = await timed(() => prepareBallot(asked, choices, credential));
window.figures = { tables, first, second };
