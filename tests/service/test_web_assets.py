"""Scripts and style: a page names the hash of what it takes, the server hands out exactly that, and the record lists it."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256, sha384
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from veche.crypto.errors import Inconsistent
from veche.service.desk import current_software
from veche.service.web_asset_routes import web_asset_routes
from veche.service.web_assets import STATIC, STYLE, installed_assets, read_web_assets

SCRIPT = b"export {};\n" * 50


def built(folder: Path, content: bytes = SCRIPT) -> Path:
    """A folder as `node build.mjs` leaves it; `content` is what stands there under the hash of SCRIPT."""
    (folder / "licenses").mkdir()
    files = {"booth.js": SCRIPT, "licenses/noble-curves.txt": b"MIT\n"}
    manifest = {name: "sha384-" + b64encode(sha384(data).digest()).decode() for name, data in files.items()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name, data in (files | {"booth.js": content}).items():
        (folder / name).write_bytes(data)
    return folder


def client(folder: Path) -> TestClient:
    """A browser in front of nothing but scripts and style sheet."""
    application = FastAPI()
    application.include_router(web_asset_routes(read_web_assets(folder)))
    return TestClient(application)


def test_a_script_is_handed_out_whole_compressed_or_not_at_all_when_it_is_known(tmp_path: Path) -> None:
    browser = client(built(tmp_path))
    plain = browser.get("/static/dist/booth.js", headers={"Accept-Encoding": "identity"})
    packed = browser.get("/static/dist/booth.js", headers={"Accept-Encoding": "gzip"})
    assert plain.content == packed.content == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT)
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert plain.headers["cache-control"] == "no-cache", "an older script from a cache would not have the hash of the page"


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_a_script_that_is_known_is_not_sent_again_and_head_says_what_get_would(tmp_path: Path, accepted: str) -> None:
    browser = client(built(tmp_path))
    browser.headers = {"Accept-Encoding": accepted}
    whole, head = browser.get("/static/dist/booth.js"), browser.head("/static/dist/booth.js")
    assert (head.status_code, head.content, head.headers) == (200, b"", whole.headers)
    tag = whole.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        for again in (browser.get, browser.head):
            same = again("/static/dist/booth.js", headers={"If-None-Match": known})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
            assert same.headers["vary"] == "Accept-Encoding" and same.headers["cache-control"] == "no-cache"
    style = browser.get(f"/static/{STYLE}")
    assert style.content == (STATIC / STYLE).read_bytes() and style.headers["content-type"] == "text/css; charset=utf-8"
    same = browser.get(f"/static/{STYLE}", headers={"If-None-Match": style.headers["etag"]})
    assert (same.status_code, same.content, same.headers["cache-control"]) == (304, b"", "no-cache")
    for other in ('"other"', tag[:-1], f"{tag[:-1]}x\""):
        assert browser.get("/static/dist/booth.js", headers={"If-None-Match": other}).content == SCRIPT


def test_the_compressed_script_has_a_tag_of_its_own_and_goes_to_nobody_who_turns_it_away(tmp_path: Path) -> None:
    browser = client(built(tmp_path))
    tags: dict[bool, set[str]] = {True: set(), False: set()}
    for accepted, packed in (("gzip", 1), ("br, GZIP;q=0.5", 1), ("gzip;q=0", 0), ("gzip; q=0.0, br", 0), ("xgzip", 0)):
        found = browser.get("/static/dist/booth.js", headers={"Accept-Encoding": accepted})
        assert found.content == SCRIPT and ("content-encoding" in found.headers) == bool(packed)
        tags[bool(packed)].add(found.headers["etag"])
    assert [len(one) for one in tags.values()] == [1, 1] and tags[True] != tags[False]


OTHER = ["manifest.json", "veche.css", "..%2fveche.css", "%2e%2e/veche.css", "sources.sha256", "licenses/", ""]


@pytest.mark.parametrize("name", OTHER)
def test_no_other_path_names_a_file(tmp_path: Path, name: str) -> None:
    assert client(built(tmp_path)).get(f"/static/dist/{name}").status_code == 404


def test_a_script_that_was_changed_after_the_build_stops_the_server(tmp_path: Path) -> None:
    with pytest.raises(Inconsistent) as refusal:
        read_web_assets(built(tmp_path, SCRIPT + b" "))
    assert refusal.value.code == "web-assets"


def test_the_list_for_the_record_names_every_file_and_the_style_sheet_by_its_sha256(tmp_path: Path) -> None:
    style = tmp_path / "hides.css"
    style.write_bytes(b".seal { display: none }")
    lines = read_web_assets(built(tmp_path), style).listed().decode().splitlines()
    assert lines[0] == f"{sha256(SCRIPT).hexdigest()}  booth.js"
    assert lines[-1] == f"{sha256(style.read_bytes()).hexdigest()}  veche.css"
    assert [line.split("  ")[1] for line in lines] == ["booth.js", "licenses/noble-curves.txt", "veche.css"]


def test_where_nothing_was_built_the_style_sheet_alone_is_listed_and_served(tmp_path: Path) -> None:
    style = (STATIC / STYLE).read_bytes()
    assert read_web_assets(tmp_path).listed() == f"{sha256(style).hexdigest()}  veche.css\n".encode()
    assert client(tmp_path).get("/static/veche.css").content == style
    assert client(tmp_path).get("/static/dist/booth.js").status_code == 404


def test_the_record_of_an_election_names_scripts_and_style_of_this_build() -> None:
    software, assets = current_software("4hVecheTestA11")
    assert assets == installed_assets().listed()
    assert software.assets == sha256(assets).hexdigest()
