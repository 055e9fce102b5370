// Builds the scripts again in a temporary copy and compares them with what stands here and with what a server serves.
//
//   node verify.mjs [https://vote.example [UUID]]
//
// With the UUID of an election, also with what its record says: the newest annex `software` names the SHA-256 of the lines that are
// printed here. Ends with 1 when anything differs.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const local = join(here, "..", "service", "static", "dist");
const [server, uuid] = process.argv.slice(2);
const copy = mkdtempSync(join(tmpdir(), "veche-web-"));
let differences = 0;

try {
  cpSync(here, join(copy, "web"), { recursive: true, filter: (path) => !["node_modules", "build"].includes(basename(path)) });
  run("npm", ["ci", "--ignore-scripts", "--silent"]);
  run(process.execPath, ["build.mjs", join(copy, "dist")]);
  const built = JSON.parse(readFileSync(join(copy, "dist", "manifest.json"), "utf8"));
  if (existsSync(join(local, "manifest.json"))) {
    compare("here", built, (name) => existsSync(join(local, name)) && readFileSync(join(local, name)));
    same("here", "manifest.json", readFileSync(join(local, "manifest.json")), readFileSync(join(copy, "dist", "manifest.json")));
  } else {
    console.log("here: nothing was built (make web)");
  }
  if (server !== undefined) {
    const served = new Map();
    for (const name of Object.keys(built)) {
      const answer = await fetch(new URL(`/static/dist/${name}`, server), { redirect: "error" });
      served.set(name, answer.ok && Buffer.from(await answer.arrayBuffer()));
    }
    compare(server, built, (name) => served.get(name));
  }
  const lines = Object.keys(built).map((name) => `${sha256(readFileSync(join(copy, "dist", name)))}  ${name}\n`).join("");
  process.stdout.write(lines);
  if (uuid !== undefined) {
    const answer = await fetch(new URL(`/observer/elections/${uuid}/entries.jsonl`, server), { redirect: "error" });
    const named = (await answer.text()).split("\n").filter((line) => line.startsWith('{"annex":"software"')).at(-1);
    const found = named === undefined ? "nothing" : JSON.parse(named).assets;
    if (found !== sha256(lines)) report(`the record of ${uuid}`, "software", `${found}, these sources give ${sha256(lines)}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(differences === 0 ? "The same bytes everywhere." : `${differences} files differ.`);
process.exitCode = differences === 0 ? 0 : 1;

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

function compare(where, built, contentOf) {
  for (const [name, expected] of Object.entries(built)) {
    const content = contentOf(name);
    const found = content === false ? "nothing" : `sha384-${createHash("sha384").update(content).digest("base64")}`;
    if (found !== expected) report(where, name, `${found}, these sources give ${expected}`);
  }
}

function same(where, name, found, expected) {
  if (!found.equals(expected)) report(where, name, "not the list that these sources give");
}

function report(where, name, what) {
  differences += 1;
  console.log(`${where}: ${name}: ${what}`);
}

function run(program, words) {
  const done = spawnSync(program, words, { cwd: join(copy, "web"), stdio: ["ignore", "inherit", "inherit"] });
  if (done.status !== 0) throw new Error(`${program} ${words.join(" ")} did not succeed`);
}
