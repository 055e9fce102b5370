// Builds the scripts again in a temporary copy and compares them, and the style sheet of these sources, with what stands here and with
// what a server serves.
//
//   node verify.mjs [https://vote.example [UUID]]
//
// With the UUID of an election, also with what its record says: the newest annex `software` names the SHA-256 of the lines that are
// printed here. Ends with 1 when anything differs, or the record does not say which style sheet was served.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const local = join(here, "..", "service", "static", "dist");
// Not built: written by hand, in the list by this name and at /static/veche.css.
const STYLE = "veche.css";
const style = readFileSync(join(here, "..", "service", "static", STYLE));
const [server, uuid] = process.argv.slice(2);
const copy = mkdtempSync(join(tmpdir(), "veche-web-"));
let differences = 0;
let unnamed = false;

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
    const wanted = { ...built, [STYLE]: integrity(style) };
    for (const name of Object.keys(wanted)) {
      const answer = await fetch(new URL(name === STYLE ? `/static/${STYLE}` : `/static/dist/${name}`, server), { redirect: "error" });
      served.set(name, answer.ok && Buffer.from(await answer.arrayBuffer()));
    }
    compare(server, wanted, (name) => served.get(name));
  }
  const scripts = Object.keys(built).map((name) => [name, readFileSync(join(copy, "dist", name))]);
  const lines = listed([...scripts, [STYLE, style]]);
  process.stdout.write(lines);
  if (uuid !== undefined) {
    const answer = await fetch(new URL(`/observer/elections/${uuid}/entries.jsonl`, server), { redirect: "error" });
    const named = (await answer.text()).split("\n").filter((line) => line.startsWith('{"annex":"software"')).at(-1);
    const found = named === undefined ? "nothing" : JSON.parse(named).assets;
    unnamed = found === sha256(listed(scripts));
    if (unnamed) {
      console.log(`the record of ${uuid}: ${STYLE}: not named. It names the scripts alone, as versions before this one did:`);
      console.log("  which style sheet was served, and whether it hid anything, the record does not say.");
    } else if (found !== sha256(lines)) report(`the record of ${uuid}`, "software", `${found}, these sources give ${sha256(lines)}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
const agreed = unnamed ? `No file differs, but the record does not name ${STYLE}.` : "The same bytes everywhere.";
console.log(differences === 0 ? agreed : `${differences} files differ.`);
process.exitCode = differences === 0 && !unnamed ? 0 : 1;

/** Lines "SHA256  PATH", sorted by path: what the annex `software` names. */
function listed(files) {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, content]) => `${sha256(content)}  ${name}\n`).join("");
}

function integrity(content) {
  return `sha384-${createHash("sha384").update(content).digest("base64")}`;
}

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

function compare(where, built, contentOf) {
  for (const [name, expected] of Object.entries(built)) {
    const content = contentOf(name);
    const found = content === false ? "nothing" : integrity(content);
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
