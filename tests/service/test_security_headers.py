"""Headers of every answer, and the small files that pages are made with, here and in an installed wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from base64 import b64encode
from hashlib import sha384
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.responses import Response
from starlette.testclient import TestClient

from tests.service.signed_in import SAME_SITE
from veche.service import security_headers
from veche.service.application import create_application
from veche.service.pages import STATIC, TEMPLATES
from veche.service.security_headers import STILL, policy_of
from veche.service.server import Server

ROOT = Path(__file__).parents[2]

EVERYWHERE = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}
WITH_SCRIPT = EVERYWHERE | {
    "content-security-policy": EVERYWHERE["content-security-policy"].replace(
        "default-src 'none'; ", "default-src 'none'; script-src 'self'; "
    )
}


@pytest.fixture
def client(server: Server) -> TestClient:
    return TestClient(create_application(server), headers=SAME_SITE, follow_redirects=False)


def small(secure: bool) -> TestClient:
    """An application of three routes; one fails, one says things of its own."""
    application = FastAPI()

    @application.get("/fails")
    def fails() -> None:
        raise ZeroDivisionError

    @application.get("/own")
    def own() -> Response:
        return Response(headers={"Content-Security-Policy": "default-src *", "Cache-Control": "max-age=5"})

    @application.get("/observer/x")
    def observer() -> Response:
        return Response()

    security_headers.install(application, secure)
    return TestClient(application, raise_server_exceptions=False)


def test_every_answer_carries_the_headers(client: TestClient) -> None:
    answers = [
        client.get("/login"),
        client.get("/account"),
        client.get("/nowhere"),
        client.put("/login"),
        client.get("/static/veche.css"),
        client.get("/api/openapi.json"),
        client.get("/observer/elections"),
        client.get("/healthz"),
        client.post("/sign-in", data={"token": "x"}),
        client.post("/api/elections/x/ballots", content=b"{}"),
        small(secure=False).get("/fails"),
        small(secure=False).get("/own"),
    ]
    assert len({answer.status_code for answer in answers}) >= 5
    for answer in answers:
        assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE, answer.url
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "strict-transport-security" not in answer.headers
        for name, value in answer.headers.multi_items():
            assert value == value.strip(), name


@pytest.mark.parametrize("path", ["/", "/ru/", "/vote/x", "/ru/vote/x", "/my", "/track/x", "/observe/x", "/trustee/x", "/en/help"])
def test_pages_of_voters_and_trustees_run_our_own_scripts_alone(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert {name: answer.headers.get(name) for name in WITH_SCRIPT} == WITH_SCRIPT


def test_only_the_public_record_is_for_pages_of_other_sites(client: TestClient) -> None:
    assert client.get("/help").headers["cross-origin-resource-policy"] == "same-origin"
    assert "cross-origin-resource-policy" not in client.get("/observer/elections").headers


def test_no_other_page_runs_a_script() -> None:
    for path in ("/login", "/account", "/demo/count/x", "/observer/elections", "/api/", "/static/dist/my"):
        assert policy_of(path) == STILL


def test_the_policy_lets_no_script_run() -> None:
    rules = dict(part.split(" ", 1) for part in STILL.split("; "))
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert not re.search(r"unsafe|\*|http:", STILL)


def test_over_https_browsers_are_told_to_stay_there() -> None:
    for path in ("/own", "/fails"):
        assert small(secure=True).get(path).headers["strict-transport-security"] == "max-age=63072000"


def test_a_mistake_of_ours_is_a_problem_that_says_nothing_of_it() -> None:
    answer = small(secure=False).get("/fails")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["code"] == "our-fault"
    assert "ZeroDivision" not in answer.text


def test_only_what_everybody_sees_alike_may_be_kept_by_a_cache(client: TestClient) -> None:
    assert client.get("/login").headers["cache-control"] == "no-store"
    assert client.get("/account").headers["cache-control"] == "no-store"
    assert client.get("/api/session").headers["cache-control"] == "no-store"
    assert small(secure=False).get("/own").headers["cache-control"] == "max-age=5"
    assert "cache-control" not in small(secure=False).get("/observer/x").headers


def test_every_page_names_the_hash_of_the_style_sheet_that_the_server_hands_out(client: TestClient) -> None:
    named = "sha384-" + b64encode(sha384(client.get("/static/veche.css").content).digest()).decode()
    tag = f'<link rel="stylesheet" href="/static/veche.css" integrity="{named}" crossorigin="anonymous">'
    for path in ("/", "/login", "/nowhere", "/vote/x", "/my", "/observe/x", "/trustee/x", "/help"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        assert re.findall("<link[^>]*stylesheet[^>]*>|<style", page) == [tag], path
    # That base.html alone dresses pages is why these few stand for all.
    own = [one.name for one in TEMPLATES.rglob("*.html") if re.search("<html|<link|<style", one.read_text("utf-8"))]
    assert own == ["base.html"]


@pytest.mark.parametrize("path", ["", "..%2ftables.py", "../tables.py", "veche.css/", "%2e%2e/tables.py", "base.html"])
def test_no_other_file_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_colours_can_be_read_in_light_and_dark() -> None:
    """Contrast of at least 4.5 to 1 for every colour that text has, on both grounds (WCAG 2.2, 1.4.3)."""
    css = (STATIC / "veche.css").read_text("utf-8")
    light, dark, paper = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in _schemes(css))
    for colours in (light, dark, light | paper):
        for name in ("text", "quiet", "link", "alarm", "note", "good"):
            for ground in ("paper", "soft"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        assert contrast(colours["button-text"], colours["link"]) >= 4.5
        assert contrast(colours["line"], colours["paper"]) >= 3
        assert contrast(colours["bar"], colours["soft"]) >= 3


def _schemes(css: str) -> list[str]:
    return re.findall(r":root \{(.*?)\}", css, re.DOTALL)


def contrast(one: str, other: str) -> float:
    first, second = sorted((luminance(one), luminance(other)))
    return (second + 0.05) / (first + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_templates_escape_everything_and_hold_no_script() -> None:
    found = sorted(TEMPLATES.rglob("*"))
    assert found
    for path in found:
        if path.is_dir():
            continue
        # The settings of the environment escape by the page, not by the file's name; no page may undo it.
        assert path.suffix == ".html"
        source = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe|autoescape|<script|<style|\son[a-z]+\s*=|\sstyle\s*=|javascript:|https?://", source), path


@pytest.mark.slow
def test_an_installed_wheel_has_templates_and_stylesheet(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", build, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    with zipfile.ZipFile(tmp_path / done.stdout.strip().split("\n")[-1]) as wheel:
        names = set(wheel.namelist())
    for folder in (TEMPLATES, STATIC):
        for path in folder.rglob("*.*"):
            assert f"veche/service/{folder.name}/{path.relative_to(folder)}" in names
