// Runs tests/*.test.ts under node's own test runner: esbuild only takes the types away.
//
//   node test.mjs [NAME…]      only tests/NAME.test.ts

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const asked = process.argv.slice(2);
const names = readdirSync(join(here, "tests"))
  .filter((name) => name.endsWith(".test.ts") && (asked.length === 0 || asked.includes(name.replace(".test.ts", ""))))
  .sort();
const out = join(here, "build", "tests");
rmSync(out, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: names.map((name) => `tests/${name}`),
  bundle: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: ["node20"],
  outdir: "build/tests",
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
});
const files = names.map((name) => join(out, name.replace(/\.ts$/, ".mjs")));
process.exit(spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit", cwd: here }).status ?? 1);
