"""The growing files and their parts over a real connection: ETag, Range, HEAD, CORS, and refusals that are never our fault."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from tests.observer.live_server import serving
from tests.service.hand_clock import HandClock
from tests.service.town import ServedTown, open_town
from veche.observer.summary import bucket_digits
from veche.observer.tables import elections
from veche.service.application import create_application
from veche.service.server import Server

ROOT = "/observer/elections"
FILES = ("archive.bel", "entries.jsonl", "manifest.json")


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with serving(create_application(server)) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture
def town(server: Server, clock: HandClock, tmp_path: Path) -> ServedTown:
    return open_town(server, clock, tmp_path / "town")


def cast(town: ServedTown, raw: bytes) -> None:
    asyncio.run(town.server.casting.cast(town.uuid, raw, "192.0.2.1"))


def test_a_file_comes_whole_in_parts_or_not_at_all(web: httpx.Client, town: ServedTown) -> None:
    cast(town, town.ballot(0))
    counts = web.get(f"{ROOT}/{town.uuid}").json()["counts"]
    for name in FILES:
        url = f"{ROOT}/{town.uuid}/{name}"
        whole = web.get(url)
        size = len(whole.content)
        assert whole.headers["content-length"] == str(size)
        assert whole.headers["accept-ranges"] == "bytes"
        assert whole.headers["etag"].startswith('"')
        for asked, start, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 20),
            (f"bytes={size - 1}-", size - 1, size),
            ("bytes=-7", size - 7, size),
            (f"bytes=5-{size * 10}", 5, size),
            (f"bytes=-{size * 10}", 0, size),
        ):
            part = web.get(url, headers={"Range": asked})
            assert (part.status_code, part.content) == (206, whole.content[start:end]), asked
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
            assert part.headers["etag"] == whole.headers["etag"]
        for asked in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
            gone = web.get(url, headers={"Range": asked})
            assert (gone.status_code, gone.json()["code"]) == (416, "range-not-satisfiable")
            assert gone.headers["content-range"] == f"bytes */{size}"
        for ignored in ("bytes=0-1,3-4", "bytes=9-5", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=" + "9" * 30 + "-"):
            assert web.get(url, headers={"Range": ignored}).status_code == 200, ignored
        head = web.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    assert (counts["archive_bytes"], counts["entry_bytes"]) == tuple(
        len(web.get(f"{ROOT}/{town.uuid}/{name}").content) for name in FILES[:2]
    )


def test_a_reader_with_the_newest_state_is_told_so_and_given_nothing(web: httpx.Client, town: ServedTown) -> None:
    urls = [f"{ROOT}/{town.uuid}{name}" for name in ("", "/ballots", "/credentials", "/turnout.csv", *(f"/{one}" for one in FILES))]
    urls += [ROOT, "/observer/campaigns/budget"]
    tags = {url: web.get(url).headers["etag"] for url in urls}
    for url, tag in tags.items():
        for known in (tag, f'W/{tag}, "x"', "*"):
            same = web.get(url, headers={"If-None-Match": known})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag), url
    cast(town, town.ballot(0))
    for url, tag in tags.items():
        expected = 304 if url.endswith("manifest.json") else 200
        assert web.get(url, headers={"If-None-Match": tag}).status_code == expected, url


def test_a_part_of_an_older_state_is_not_given_as_one_of_the_newer(web: httpx.Client, town: ServedTown) -> None:
    url = f"{ROOT}/{town.uuid}/archive.bel"
    old = web.get(url)
    ranged = {"Range": "bytes=0-9", "If-Range": old.headers["etag"]}
    assert web.get(url, headers=ranged).status_code == 206
    cast(town, town.ballot(0))
    newer = web.get(url, headers=ranged)
    assert newer.status_code == 200
    assert newer.content.startswith(old.content)
    # Without a condition, a part goes on where the older copy ended: the file only grows.
    rest = web.get(url, headers={"Range": f"bytes={len(old.content)}-"})
    assert old.content + rest.content == newer.content


def test_data_is_found_by_its_hash_and_kept_for_ever(web: httpx.Client, town: ServedTown) -> None:
    entries = [json.loads(line) for line in web.get(f"{ROOT}/{town.uuid}/entries.jsonl").text.splitlines()]
    named = next(one["credentials"] for one in entries if one.get("annex") == "issued")
    url = f"{ROOT}/{town.uuid}/data/{named[:2]}/{named}"
    answer = web.get(url)
    assert sha256(answer.content).hexdigest() == named
    assert answer.headers["etag"] == f'"{named}"'
    assert "immutable" in answer.headers["cache-control"]
    assert web.get(url, headers={"Range": "bytes=1-3"}).content == answer.content[1:4]
    assert web.get(url, headers={"If-None-Match": f'"{named}"'}).status_code == 304
    growing = web.get(f"{ROOT}/{town.uuid}/archive.bel").headers["cache-control"]
    assert "no-cache" in growing
    for wrong in (f"{named[:2]}/{'0' * 64}", f"00/{named}", f"{named[:2]}/{named.upper()}", f"{named[:2]}/{named[:-1]}", "aa/%00"):
        missing = web.get(f"{ROOT}/{town.uuid}/data/{wrong}")
        assert (missing.status_code, missing.json()["code"]) == (404, "data-missing"), wrong


def test_any_site_may_read_and_nobody_may_write(web: httpx.Client, town: ServedTown) -> None:
    for url in (ROOT, f"{ROOT}/{town.uuid}", f"{ROOT}/{town.uuid}/archive.bel", f"{ROOT}/none", "/observer/nothing"):
        assert web.get(url).headers["access-control-allow-origin"] == "*", url
        assert web.get(url).headers["x-content-type-options"] == "nosniff"
        asked = web.options(url, headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"})
        assert asked.status_code == 204
        assert "Range" in asked.headers["access-control-allow-headers"]
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            refused = web.request(method, url, json={})
            assert (refused.status_code, refused.json()["code"]) == (405, "method-not-allowed"), (method, url)


def test_the_media_types_are_those_of_the_content(web: httpx.Client, town: ServedTown) -> None:
    expected = {
        "": "application/json",
        "/manifest.json": "application/json",
        "/archive.bel": "application/octet-stream",
        "/entries.jsonl": "application/x-ndjson",
        "/ballots": "application/json",
        "/credentials": "application/json",
        "/turnout.csv": "text/csv; charset=utf-8",
        "/result.json": "application/problem+json",
    }
    for name, media_type in expected.items():
        assert web.get(f"{ROOT}/{town.uuid}{name}").headers["content-type"] == media_type, name
        assert web.head(f"{ROOT}/{town.uuid}{name}").headers["content-type"] == media_type, name


UNKNOWN = [
    ("/observer/elections/1111111111111A", 404, "no-election"),
    ("/observer/elections/x", 404, "no-election"),
    ("/observer/elections/%00", 404, "no-election"),
    ("/observer/elections/1111111111111A/archive.bel", 404, "no-election"),
    ("/observer/elections/%F0%9F%97%B3/result.csv", 404, "no-election"),
    ("/observer/campaigns/nothing", 404, "no-campaign"),
    ("/observer/campaigns/%00", 404, "no-campaign"),
    ("/observer/anything/else", 404, "not-found"),
    ("{}/ballots/" + "0" * 64, 404, "not-in-record"),
    ("{}/ballots/" + "A" * 64, 400, "tracker-malformed"),
    ("{}/ballots/%00", 400, "tracker-malformed"),
    ("{}/ballots?tracker=nonsense", 400, "tracker-malformed"),
    ("{}/ballots?tracker=" + "0" * 64, 404, "not-in-record"),
    ("{}/ballots?tracker=" + "0" * 300, 422, "invalid-request"),
    ("{}/ballots?after=-1", 422, "invalid-request"),
    ("{}/ballots?after=" + "9" * 40, 422, "invalid-request"),
    ("{}/ballots?limit=1001", 422, "invalid-request"),
    ("{}/credentials/g", 400, "prefix-malformed"),
    ("{}/credentials/0000", 400, "prefix-malformed"),
    ("{}/credentials/0", 400, "prefix-too-long"),
    ("{}/data/zz/zz", 404, "data-missing"),
]


def test_what_is_not_there_is_a_problem_with_a_stable_code(web: httpx.Client, town: ServedTown) -> None:
    for url, status, code in UNKNOWN:
        answer = web.get(url.format(f"{ROOT}/{town.uuid}"))
        assert (answer.status_code, answer.json()["code"]) == (status, code), url
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_status_is_described(web: httpx.Client) -> None:
    paths = web.get("/api/openapi.json").json()["paths"]
    ours = {path: found for path, found in paths.items() if path.startswith("/observer")}
    assert len(ours) >= 14
    for path, found in ours.items():
        assert set(found) == {"get"}, path
        assert {"200", "304", "400", "404", "405", "422", "503"} <= set(found["get"]["responses"]), path


@pytest.mark.parametrize(
    ("listed", "digits"), [(0, 0), (1, 0), (511, 0), (512, 1), (8191, 1), (8192, 2), (131_071, 2), (131_072, 3), (10**7, 3)]
)
def test_a_bucket_holds_at_least_32_credentials_on_average(listed: int, digits: int) -> None:
    assert bucket_digits(listed) == digits


@pytest.mark.slow
def test_a_large_archive_is_served_without_holding_it(server: Server, town: ServedTown, web: httpx.Client) -> None:
    """What is streamed is read piece by piece: 400 MB in all, and this process does not grow by more than 80 MB."""
    for place in range(6):
        cast(town, town.ballot(place))
    url = f"{ROOT}/{town.uuid}/archive.bel"
    size = len(web.get(url).content)
    path = server.storage.files.archive(town.uuid)
    original = path.read_bytes()
    with server.storage.database.writing() as connection:
        connection.execute(update(elections).where(elections.c.uuid == town.uuid).values(archive_bytes=400_000_000))
    with path.open("r+b") as stream:
        stream.truncate(400_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = 0
    with web.stream("GET", url) as answer:
        for piece in answer.iter_raw():
            seen += len(piece)
    assert seen == 400_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80_000
    assert original == path.read_bytes()[:size]
