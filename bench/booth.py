"""How long a voter waits for the encryption, in a real Chromium with a slowed processor, and how large the scripts are.

    python -m bench.booth [--runs 3] [--slowed 4]

Each figure is of a fresh browser: nothing is warm but what the page itself has warmed. Goals: the first ballot with 10 options in
300 ms and with 40 options in 1 s with the processor slowed four times; the booth below 200 kB compressed.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WEB, BUILT = ROOT / "web", ROOT / "service" / "static" / "dist"
PAGE = '<!doctype html><html lang="en"><title>bench</title><script type="module" src="bench.js"></script>'
POLICY = "default-src 'none'; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
GOALS = {10: 300, 40: 1000}
MAX_BOOTH_BYTES = 200_000
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder under the booth's policy, without a line of log for each."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the base class's)
        """Nothing."""


@contextmanager
def page_at() -> Iterator[str]:
    """The address of a page that times itself."""
    with TemporaryDirectory() as folder:
        esbuild = str(WEB / "node_modules" / ".bin" / "esbuild")
        options = ["--bundle", "--format=esm", "--target=es2022", f"--outfile={folder}/bench.js", "--log-level=warning"]
        subprocess.run([esbuild, "tests/bench.ts", *options], cwd=WEB, check=True)
        Path(folder, "index.html").write_text(PAGE)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/index.html"
        finally:
            server.shutdown()
            server.server_close()


def figures(browser: Browser, address: str, options: int, slowed: float) -> dict[str, float]:
    """Milliseconds of one fresh page."""
    page = browser.new_page()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(f"{address}?options={options}")
    for _ in range(600):
        found: dict[str, float] | None = page.evaluate("() => window.figures ?? null")
        if found is not None:
            page.close()
            return found
        page.wait_for_timeout(100)
    raise SystemExit("the page did not come to an end within a minute")


def report_times(runs: int, slowed: float) -> None:
    """Print a line for each number of options."""
    print("options  slowed   tables   first ballot   second   goal (ms, median of fresh browsers; the quickest in brackets)")
    with page_at() as address, sync_playwright() as playwright:
        for options, goal in GOALS.items():
            for rate in (1.0, slowed):
                found = []
                for _ in range(runs):
                    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
                    found.append(figures(browser, address, options, rate))
                    browser.close()
                tables, first, second = (median(one[name] for one in found) for name in ("tables", "first", "second"))
                best = min(one["first"] for one in found)
                kept = "" if rate == 1 else f"   {goal}: {'kept' if first <= goal else 'MISSED'}"
                print(f"{options:7d} {rate:7g} {tables:8.0f} {first:8.0f} ({best:4.0f}) {second:8.0f}{kept}", flush=True)


def report_sizes() -> None:
    """Print what each page's script weighs."""
    for path in sorted(BUILT.glob("*.js")):
        content = path.read_bytes()
        packed = len(gzip.compress(content, 9, mtime=0))
        print(f"{path.name:12s} {len(content):9,} bytes, {packed:8,} compressed", end="")
        verdict = "kept" if packed <= MAX_BOOTH_BYTES else "MISSED"
        print(f"   goal {MAX_BOOTH_BYTES:,}: {verdict}" if path.name == "booth.js" else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slowed", type=float, default=4)
    asked = parser.parse_args()
    report_sizes()
    report_times(asked.runs, asked.slowed)


if __name__ == "__main__":
    main()
