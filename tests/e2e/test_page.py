"""The status page, in a real browser before a real proxy."""

import math

import pytest

from support.clients import ask
from support.configuration import FAST_CHECKS, listener, pool_of
from support.page import NARROW, Page
from support.ports import free_port
from support.programs import run
from support.waiting import BIN_DIR, wait_until

# Few points, so that arcs are wide enough to be looked at.
COARSE = {"vnodes": 16}
SURFACE = {"light": [255, 255, 255], "dark": [21, 26, 32]}
HOSTILE = ["<img src=x onerror=document.title='taken'>", "\"'><b>&amp;", "\u202egnorts", "%41/..#?"]

# The colours of the outer band at places round the circle (0 to 1, from the top).
PIXELS = """
const canvas = document.getElementById('ring-canvas');
const band = arguments[1] ?? 0.895;
const half = canvas.width / 2, radius = (half - 20 * canvas.width / canvas.clientWidth) * band;
const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext('2d', {willReadFrequently: true});
copy.fillStyle = getComputedStyle(canvas.closest('.card')).backgroundColor;
copy.fillRect(0, 0, canvas.width, canvas.height);
copy.drawImage(canvas, 0, 0);
const image = copy.getImageData(0, 0, canvas.width, canvas.height);
return arguments[0].map((place) => {
    const angle = (place - 0.25) * 2 * Math.PI;
    const x = Math.floor(half + radius * Math.cos(angle));
    const y = Math.floor(half + radius * Math.sin(angle));
    return [...image.data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3)];
});
"""

# Every visible text whose contrast with what is behind it is under 4.5 (WCAG 2.2, 1.4.3).
FAINT = """
const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
const behind = (node) => {
    for (; node; node = node.parentElement) {
        const [r, g, b, a = 1] = parts(getComputedStyle(node).backgroundColor);
        if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let seen = 0;
while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    ++seen;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(`${walker.currentNode.data}: ${contrast.toFixed(2)}`);
}
return [seen, faint];
"""


@pytest.fixture(scope="module")
def browser():
    page = Page()
    yield page
    page.quit()


@pytest.fixture
def page(browser):
    """The browser, which must have nothing to complain of in the end."""
    browser.leave()
    browser.complaints()
    yield browser
    assert browser.complaints() == []


def watched(bench, backends, **entries):
    """A proxy with the endpoint, one listener and one pool; its origin is added to it."""
    port = free_port()
    config = {
        "listeners": [listener(free_port())],
        "pools": {"main": pool_of(backends, hash=COARSE, **entries)},
        "admin": {"socket": str(bench.folder / "admin.sock"), "http": f"127.0.0.1:{port}"},
    }
    proxy = bench.ringway(config)
    proxy.origin = f"http://127.0.0.1:{port}"
    return proxy


def checked(bench, backends):
    """The same with checks, each server having had its first."""
    proxy = watched(bench, backends, health=FAST_CHECKS)

    def all_checked():
        return all(server["last_check"] for server in proxy.servers().values())

    wait_until(all_checked, "the first checks")
    return proxy


def colour_of(page, id: str) -> list[int]:
    find = """
    const row = [...document.querySelectorAll('#servers-rows tr')].find(
        (row) => row.querySelector('.name').textContent === arguments[0]);
    return row.querySelector('.swatch').style.getPropertyValue('--server');
    """
    return list(bytes.fromhex(page.script(find, id).removeprefix("#")))


def broad(slices: list[int]) -> list[int]:
    """The slices whose neighbours have the same owner: no border is near their middle."""
    count = len(slices)
    return [i for i in range(count) if slices[i - 1] == slices[i] == slices[(i + 1) % count]]


def middles(slices, chosen) -> list[float]:
    return [(i + 0.5) / len(slices) for i in chosen]


def test_the_ring_is_drawn_as_the_proxy_tells_it(bench, page):
    proxy = checked(bench, bench.backends("a", "b", "c"))
    for dark in (False, True):
        page.open(proxy.origin, dark=dark)
        ring = proxy.admin("ring main")
        slices, ids = ring["slices"], ring["servers"]
        colours = [colour_of(page, id) for id in ids]
        assert len({tuple(colour) for colour in colours}) == 3
        chosen = broad(slices)
        assert len(chosen) > len(slices) / 2
        drawn = page.script(PIXELS, middles(slices, chosen))
        assert drawn == [colours[slices[i]] for i in chosen]
    # One that is pointed at stands out; the others fade into the card.
    page.script("document.querySelectorAll('#servers-rows .name')[1].focus()")
    drawn = page.script(PIXELS, middles(slices, chosen))
    for i, pixel in zip(chosen, drawn, strict=True):
        if ids[slices[i]] == "b":
            assert pixel == colour_of(page, "b")
        else:
            assert math.dist(pixel, SURFACE["dark"]) < 50
    assert page.text("#ring-name") == "b"


def test_the_table_is_what_the_proxy_tells(bench, page):
    backends = bench.backends("a", "b")
    proxy = checked(bench, [*backends, bench.nobody("c")])
    proxy.admin(f"register main d {backends[0].address} --weight 2")
    proxy.admin("drain main d")
    for _ in range(30):
        ask(proxy.address(), b"some key")
    proxy.wait_idle()
    proxy.wait_server("c", "offline")
    page.open(proxy.origin)
    servers, rows = proxy.servers(), page.rows()
    assert set(rows) == set(servers) == {"a", "b", "c", "d"}
    for id, row in rows.items():
        server = servers[id]
        address = server["address"] + ("" if server["weight"] == 1 else " · weight 2")
        assert row["Server"][-1] == address
        assert row["State"][1].startswith(server["detail"])
        share = 100 * (server["share"] or 0)
        assert not share or abs(float(row["Share"][0].rstrip(" %")) - share) <= 0.06
        assert row["Connections"][0] == "0"
        assert row["Last check"][0] == server["last_check"]["result"]
    assert [rows[id]["State"][0] for id in "acd"] == ["online", "offline", "draining"]
    assert [rows[id]["Source"][0] for id in "ad"] == ["file", "run time"]
    assert [rows[id]["Override"][0] for id in "ad"] == ["–", "drain"]
    status = proxy.status()
    for reason, times in status["listeners"][0]["ends"].items():
        assert f"{reason.replace('_', ' ')}{times}" in page.text(".ends")
    assert status["pools"][0]["fingerprint"][:16] in page.text("#facts")
    assert str(proxy.config_path) in page.text("#config")
    assert status["config"]["fingerprint"][:16] in page.text("#config")


def test_a_server_that_dies_is_seen_to_die_and_to_return(bench, page):
    backends = bench.backends("a", "b")
    proxy = checked(bench, backends)
    page.open(proxy.origin)
    assert page.state("a") == "online" and page.text("#ring-big") == "2 of 2"
    places = [i / 720 for i in range(720)]
    assert colour_of(page, "a") in page.script(PIXELS, places)
    backends[0].stop()
    # The answers of one poll may be from before and after.
    wait_until(lambda: page.state("a") == "offline", "the table to tell")
    page.wait_text("#ring-big", "1 of 2")
    page.wait_text("#events li:first-child", "server down")
    assert page.title().startswith("(1 of 2)") and page.text("#announced") == "a is down"
    assert colour_of(page, "a") not in page.script(PIXELS, places)
    backends[0].start()
    wait_until(lambda: page.state("a") == "online", "its return")
    page.wait_text("#events li:first-child", "server up")
    page.wait_text("#ring-big", "2 of 2")
    assert colour_of(page, "a") in page.script(PIXELS, places)


TYPED = [
    ("user-42", b"user-42"),
    (" <i>blanks & more</i>?#%41+", b" <i>blanks & more</i>?#%41+"),
    ("größer 🙂", "größer 🙂".encode()),
    (r"\xff\x00\\x41", b"\xff\x00\\x41"),
]


def test_the_box_names_the_server_that_a_key_goes_to(bench, page):
    proxy = checked(bench, bench.backends("a", "b", "c"))
    page.open(proxy.origin)
    radius = page.script("return document.getElementById('ring-canvas').clientWidth") / 2 - 20
    for typed, key in TYPED:
        # As a reader's keyboard would; the driver has no keys for all of it.
        page.script(
            "const box = document.getElementById('key'); box.value = arguments[0];"
            "box.dispatchEvent(new Event('input', {bubbles: true}))",
            typed,
        )
        explained = proxy.explain(key)
        page.wait_text(".hash code", explained["hash"])
        assert page.text(".verdict strong") == explained["owner"] == ask(proxy.address(), key)
        assert page.text(".verdict .key") == explained["key"]
        assert page.text(".walk .id").split("\n") == [step["id"] for step in explained["walk"]]
        # Its mark is on the ring, in the colour of the owner.
        place = int(explained["hash"], 16) / 2**64
        dot = page.script(PIXELS, [place], (radius + 13) / radius)
        assert dot == [colour_of(page, explained["owner"])]
    # The address can be passed on.
    shared = page.address()
    page.open(proxy.origin, shared[shared.index("#") :])
    page.wait_text(".hash code", explained["hash"])
    assert page.script("return document.getElementById('key').value") == typed


def test_the_box_says_the_same_as_ringctl_and_who_would_own_it_otherwise(bench, page):
    proxy = checked(bench, bench.backends("a", "b", "c"))
    first, second, _ = proxy.walk("some key")
    proxy.admin(f"drain main {first}")
    page.open(proxy.origin, "#pool=main&key=some+key")
    page.wait_text(".verdict strong", second)
    assert page.text(".possible") == f"If all servers were online, its owner would be {first}"
    assert page.text(".possible + .walk .id").split("\n")[0] == first
    assert page.text(".possible + .walk .why").split("\n")[0] == "draining"
    told = run(
        BIN_DIR / "ringctl", "--socket", proxy.socket_path, "explain", "main", "some key"
    ).stdout
    assert second in told
    assert page.text(".hash code") in told


def test_ids_and_keys_are_text_whatever_they_hold(bench, page):
    backend = bench.backend("plain")
    entries = [{"id": id, "address": backend.address} for id in HOSTILE]
    proxy = checked(bench, [*entries, backend])
    page.open(proxy.origin, "#pool=main&key=%3Cscript%3Edocument.title%3D'taken'%3C/script%3E")
    page.wait_text(".verdict", "goes to")
    assert set(page.rows()) == {*HOSTILE, "plain"}
    assert page.count("main :is(img, b, i, script)") == 0
    assert "<script>document.title" in page.text(".verdict .key")
    assert "taken" not in page.title()
    proxy.admin(f'unregister main "{HOSTILE[0]}"')
    page.wait_text("#events", HOSTILE[0])
    wait_until(lambda: HOSTILE[0] not in page.rows(), "it to leave the table")


def test_nothing_comes_from_elsewhere(bench, page):
    proxy = watched(bench, bench.backends("a"))
    page.open(proxy.origin, "#key=k")
    page.wait_text(".verdict", "goes to")
    asked = page.requests()
    assert asked and all(name.startswith(f"{proxy.origin}/") for name in asked), asked


def test_it_is_light_or_dark_as_the_reader_prefers_and_legible_in_both(bench, page):
    proxy = checked(bench, [*bench.backends("a", "b"), bench.nobody("c")])
    proxy.wait_server("c", "offline")
    proxy.admin("drain main b")
    pictures = []
    for dark in (False, True):
        page.open(proxy.origin, "#pool=main&key=k", dark=dark)
        page.wait_text(".verdict", "goes to")
        seen, faint = page.script(FAINT)
        assert seen > 80 and faint == []
        pictures.append(page.picture())
    assert pictures[0] != pictures[1]
    page.prefer(still=True)
    assert page.script("return document.getAnimations().length") == 0


def test_a_narrow_screen_needs_no_scrolling_sideways(bench, page):
    long = "x" * 255
    named = {"id": long, "address": bench.backend("a").address}
    proxy = checked(bench, [named, *bench.backends("b")])
    page.open(proxy.origin, f"#pool=main&key={'k' * 500}", size=NARROW)
    page.wait_text(".verdict", "goes to")
    for width in (320, NARROW[0], 700, 900, 1024, 1600):
        page.resize(width, 740)
        assert page.script("return document.documentElement.scrollWidth") <= width
    page.resize(*NARROW)
    assert page.script("return document.getElementById('sort').checkVisibility()")


def test_it_says_when_the_proxy_is_gone_and_returns_by_itself(bench, browser):
    proxy = checked(bench, bench.backends("a"))
    browser.complaints()
    browser.open(proxy.origin)
    bench.forget(proxy).kill()
    browser.wait_text("#banners", "No answer from the proxy since")
    assert browser.text("#live") == "No answer"
    assert list(browser.rows()) == ["a"]  # what was known is still there
    again = bench.ringway(proxy.config)
    browser.wait_live()
    assert browser.text("#banners") == "" and browser.text("#live") == "Live"
    assert browser.count("#events li") == 0  # those of the process before are not this one's
    wait_until(lambda: str(again.pid) in browser.text("#config"), "the new process to be shown")
    assert all("net::ERR_" in complaint for complaint in browser.complaints())


def test_a_refused_reload_is_shown_with_its_reason(bench, page):
    proxy = watched(bench, bench.backends("a"))
    page.open(proxy.origin)
    assert page.text("#banners") == "" and "none yet" in page.text("#config")
    proxy.reload(proxy.config_path.read_text() + "\nnonsense: 1\n")
    page.wait_text("#banners", "reload was refused")
    assert "0 taken, 1 refused" in page.text("#config")
    assert "nonsense" in page.text("#config") and "reload refused" in page.text("#events")
    proxy.reload_well(proxy.config)
    wait_until(lambda: page.text("#banners") == "", "the banner to go")


def test_it_is_worked_by_keyboard(bench, page):
    proxy = checked(bench, bench.backends("a", "b"))
    page.open(proxy.origin)
    focused = "return document.activeElement.id || document.activeElement.textContent"
    reached = set()
    for _ in range(40):
        page.press_tab()
        reached.add(page.script(focused))
    assert {"key", "filter", "Share", "Override", "a", "b", "events"} <= reached
    sorting = "return [...document.querySelectorAll('#servers-head th')].map((th) => th.ariaSort)"
    page.script("document.querySelector('#servers-head button').focus()")
    assert page.script(sorting)[0] == "ascending"
    page.press("\n")
    assert page.script(sorting)[0] == "descending" and list(page.rows()) == ["b", "a"]
    page.script("document.querySelector('#servers-rows .name').focus()")
    page.press(" ")
    page.script("document.activeElement.blur()")
    assert page.text("#ring-name") == "b"  # it stays chosen
    page.press_escape()
    assert page.text("#ring-name") == "main"


def test_a_thousand_servers_are_paged_and_filtered(bench, page):
    entries = [{"id": f"server-{i}", "address": f"10.0.0.1:{1024 + i}"} for i in range(1000)]
    proxy = watched(bench, entries)
    page.open(proxy.origin)
    assert list(page.rows())[:11] == [f"server-{i}" for i in range(11)]
    assert len(page.rows()) == 50 and page.text("#page-place") == "1–50 of 1,000"
    page.script("document.getElementById('page-next').click()")
    assert list(page.rows())[0] == "server-50"
    page.type("#filter", "server-99")
    wait_until(lambda: len(page.rows()) == 11, "server-99, server-990 to server-999")
    assert page.text("#servers-count") == "11 of 1,000"
    page.type("#filter", "nothing like it")
    page.wait_text("#servers-nothing", "No server matches")


def test_pools_are_chosen_and_keep_apart(bench, page):
    port = free_port()
    names = ["another", "main"]
    pools = {names[0]: pool_of(bench.backends("x")), names[1]: pool_of(bench.backends("y", "z"))}
    config = {
        "listeners": [listener(free_port(), pool=names[1])],
        "pools": pools,
        "admin": {"socket": str(bench.folder / "admin.sock"), "http": f"127.0.0.1:{port}"},
    }
    bench.ringway(config)
    page.open(f"http://127.0.0.1:{port}", "#pool=main&key=k")
    assert set(page.rows()) == {"y", "z"}
    page.script("document.querySelector('#pools a').click()")
    wait_until(lambda: set(page.rows()) == {"x"}, "the other pool")
    assert page.text("#ring-name") == names[0]
    page.wait_text(".verdict strong", "x")  # the same key, there
    page.script("location.hash = 'servers-title'")  # as the link for keyboards does
    wait_until(lambda: page.address().endswith("#pool=another&key=k"), "what can be passed on")
