// Makes one readable file per page from src/ and writes what it made to manifest.json: {"booth.js": "sha384-…"}.
//
//   node build.mjs [FOLDER]      FOLDER: where to, by default ../service/static/dist
//
// Two builds of the same sources are byte-identical: no minifying, no source maps, no dates, no paths of this machine.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "..", "service", "static", "dist"));
// A folder of src/ with a main.ts is a page.
const PAGES = readdirSync(join(here, "src")).filter((name) => existsSync(join(here, "src", name, "main.ts"))).sort();

const made = await build({
  absWorkingDir: here,
  entryPoints: Object.fromEntries(PAGES.map((page) => [page, `src/${page}/main.ts`])),
  bundle: true,
  splitting: false,
  minify: false,
  sourcemap: false,
  format: "esm",
  platform: "browser",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "inline",
  outdir: "dist",
  metafile: true,
  write: false,
  logLevel: "warning",
});

// Beside its place and then moved there, so that nobody reads a half of it.
const [fresh, old] = [`${out}.new`, `${out}.old`];
for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
mkdirSync(join(fresh, "licenses"), { recursive: true });
const files = new Map(made.outputFiles.map((file) => [relative(join(here, "dist"), file.path), Buffer.from(file.contents)]));
for (const [name, text] of licenses(Object.keys(made.metafile.inputs))) files.set(`licenses/${name}.txt`, text);

const manifest = {};
for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
  writeFileSync(join(fresh, name), content);
  manifest[name] = `sha384-${createHash("sha384").update(content).digest("base64")}`;
}
writeFileSync(join(fresh, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
if (existsSync(out)) renameSync(out, old);
renameSync(fresh, out);
rmSync(old, { recursive: true, force: true });

/** The full licence text of every package whose code stands in a bundle; one without a text stops the build. */
function licenses(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  return [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const file = existsSync(folder) ? readdirSync(folder).find((one) => /^licen[cs]e(\.|$)/i.test(one)) : undefined;
    if (file === undefined) throw new Error(`no licence text of ${name}: it may not be shipped`);
    return [name.replace("@", "").replace("/", "-"), readFileSync(join(folder, file))];
  });
}
