// The status page: polls the proxy about once a second and shows the answers. The selected pool
// and key are in the fragment of the address, so that a link can be shared.
import { Colours } from "./colours.js";
import { at, make, set, write } from "./dom.js";
import { KeyBox } from "./explain.js";
import {
  Events,
  Tiles,
  showAbout,
  showConfig,
  showFacts,
  showListeners,
  showPools,
} from "./facts.js";
import { showFleet } from "./fleet.js";
import { compareText, moment, plural } from "./format.js";
import { Explainer, NoAnswer, RequestError, get, ofPool } from "./proxy.js";
import { Rates } from "./rates.js";
import { Ring } from "./ring.js";
import { ServerTable, stateOf } from "./servers.js";

const poll_ms = 1000;
const hidden_ms = 10000; // while the page is not visible
const lost_ms_max = 5000; // between attempts while there is no answer
const least_part = 10; // an answer that took t is requested every 10 t at most

// The selection.
const view = { pool: null, key: "" };
// The latest answers.
const latest = { pid: null, uptime_s: 0, servers: [], ring: null, ring_of: "" };
let pinned = null;
let pointed = null;
let lost = null; // since when there has been no valid answer, and why

const colours = new Colours();
const rates = new Rates();
const tiles = new Tiles();
const events = new Events();
const explainer = new Explainer();
const picks = { point, pin: (id) => pin(id === pinned ? null : id) };
const ring = new Ring(colours, picks);
const table = new ServerTable(colours, picks);
const key_box = new KeyBox(colours, { ask, point });

// Polling.

async function poll() {
  const status = await get("v1/status");
  if (status.pid !== latest.pid || status.uptime_s < latest.uptime_s) startAnew();
  latest.pid = status.pid;
  latest.uptime_s = status.uptime_s;
  const pool = choosePool(status.pools);
  showPools(status.pools, pool?.name, fragment);
  if (!pool) return;
  const key = view.key;
  const [servers, happened, { fleet }, explained] = await Promise.all([
    get(ofPool(pool.name, "servers")),
    get("v1/events"),
    get("v1/fleet"),
    explainer.ask(pool, key),
  ]);
  const ring_of = `${pool.name} ${pool.fingerprint}`;
  if (ring_of !== latest.ring_of) {
    latest.ring = await get(ofPool(pool.name, "ring"));
    latest.ring_of = ring_of;
  }
  if (pool.name !== view.pool || key !== view.key) return poll(); // the selection has changed meanwhile
  showFleet(fleet);
  show(status, pool, servers.servers, happened.events, explained);
}

function choosePool(pools) {
  const pool = pools.find((one) => one.name === view.pool) ?? pools[0];
  if (pool && pool.name !== view.pool) choose(pool.name);
  return pool;
}

// Rates of one pool must not continue those of another.
function choose(name) {
  view.pool = name;
  pin(null);
  table.reset();
  tiles.reset();
}

// Another process: its counters and events start at zero.
function startAnew() {
  rates.clear();
  tiles.reset();
  events.reset();
}

// Display.

function show(status, pool, servers, happened, explained) {
  lost = null;
  const now = performance.now();
  const ids = servers.map((server) => server.id);
  colours.keep([...new Set([...ids, ...latest.ring.servers])].sort(compareText));
  const counters = ({ total, bytes_up, bytes_down }) => ({ total, bytes_up, bytes_down });
  for (const server of servers) {
    server.state = stateOf(server);
    server.rates = rates.of(`server ${pool.name} ${server.id}`, now, counters(server));
  }
  const fresh = servers.every((server) => server.rates.total !== undefined);
  const sum = (name) => servers.reduce((all, server) => all + server.rates[name], 0);
  const pool_rates = fresh
    ? { total: sum("total"), bytes_up: sum("bytes_up"), bytes_down: sum("bytes_down") }
    : {};
  latest.servers = servers;

  showAbout(status);
  tiles.show(pool, pool_rates);
  showFacts(pool);
  showConfig(status);
  showListeners(status.listeners, ({ name, accepted }) =>
    rates.of(`listener ${name}`, now, { accepted }),
  );
  rates.keep([
    ...ids.map((id) => `server ${pool.name} ${id}`),
    ...status.listeners.map(({ name }) => `listener ${name}`),
  ]);
  ring.update(latest.ring);
  ring.describe(pool, servers);
  table.update(servers);
  table.pinned(pinned);
  showKey(explained, status.listeners);
  announce(events.show(happened));
  showBanners(status, pool);
  highlight();
  set(at("servers-link"), "href", ofPool(pool.name, "servers"));
  set(at("ring-link"), "href", ofPool(pool.name, "ring"));
  write(at("facts-title"), `Pool ${pool.name}`);
  const alarm = pool.online === pool.servers ? "" : `(${pool.online} of ${pool.servers}) `;
  document.title = `${alarm}${pool.name} · Ringway`;
}

function showKey(answer, listeners) {
  key_box.hint(view.pool, listeners);
  key_box.update(answer, fragment());
  const chosen = answer?.walk?.find((step) => step.chosen);
  ring.mark(answer?.hash ? { hash: answer.hash, id: chosen?.id ?? null } : null);
}

function showBanners(status, pool) {
  const banners = [];
  if (lost !== null) {
    const what = lost.reason ? `The proxy says "${lost.reason}"` : "No answer from the proxy";
    banners.push([
      "bad",
      `${what} since ${moment(lost.since)}. The page shows the state at that time; retrying.`,
    ]);
  } else if (pool?.panic) {
    banners.push([
      "warn",
      `Panic: so few servers of ${pool.name} are up that their states are ignored.`,
    ]);
  } else if (pool && pool.online === 0) {
    banners.push(["bad", `No server of ${pool.name} is online: its clients are refused.`]);
  }
  if (status && status.config.result !== "ok") {
    banners.push([
      "warn",
      "The last reload was refused. The configuration before it is still in use; see below.",
    ]);
  }
  const shown = JSON.stringify(banners);
  if (at("banners").dataset.shown === shown) return;
  at("banners").dataset.shown = shown;
  at("banners").replaceChildren(
    ...banners.map(([kind, text]) => make("p", { class: `banner ${kind}` }, text)),
  );
}

function announce(fresh) {
  const changes = fresh.filter(({ kind }) => kind === "server_down" || kind === "server_up");
  if (changes.length === 0) return;
  const last = changes.at(-1);
  const what = last.kind === "server_down" ? "down" : "up";
  const more = changes.length > 1 ? `, and ${plural(changes.length - 1, "change")} before it` : "";
  write(at("announced"), `${last.server} is ${what}${more}`);
}

function showLive(state, text) {
  set(document.body, "data-live", state);
  write(at("live"), text);
}

// Highlight and selection.

function point(id) {
  pointed = id;
  highlight();
}

function pin(id) {
  pinned = id;
  table.pinned(id);
  highlight();
}

function highlight() {
  const there = (id) => latest.servers.some((server) => server.id === id);
  const id = [pointed, pinned].find((one) => one !== null && there(one)) ?? null;
  ring.show(id);
  table.show(id);
}

function ask(text) {
  if (text === view.key) return;
  view.key = text;
  history.replaceState(null, "", fragment());
  wake();
}

const fragment = (pool = view.pool ?? "") =>
  `#${new URLSearchParams({ pool, ...(view.key && { key: view.key }) })}`;

function readFragment() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (wanted.get("pool") && wanted.get("pool") !== view.pool) choose(wanted.get("pool"));
  if (wanted.has("pool") || wanted.has("key")) {
    view.key = wanted.get("key") ?? "";
    if (at("key").value !== view.key) at("key").value = view.key;
  } else if (view.pool !== null) {
    history.replaceState(null, "", fragment()); // a link within the page
  }
}

// The poll loop.

let timer;
let polling = false;
let again = false; // a poll was requested during a poll
let failures = 0;

async function turn() {
  clearTimeout(timer);
  if (polling) {
    again = true;
    return;
  }
  polling = true;
  again = false;
  const begin = performance.now();
  try {
    await poll();
    failures = 0;
    showLive("live", "Live");
  } catch (error) {
    if (!(error instanceof NoAnswer || error instanceof RequestError)) throw error;
    ++failures;
    lost = {
      since: lost?.since ?? new Date(),
      reason: error instanceof RequestError ? error.message : null,
    };
    showLive("lost", "No answer");
    showBanners(null, null);
  } finally {
    polling = false;
    timer = setTimeout(turn, again ? 0 : pause(performance.now() - begin));
  }
}

function pause(took) {
  if (document.hidden) return hidden_ms;
  if (failures > 0) return Math.min(poll_ms * 1.5 ** (failures - 1), lost_ms_max);
  return Math.max(poll_ms - took, least_part * took, 0);
}

const wake = () => turn();

addEventListener("hashchange", () => {
  readFragment();
  wake();
});
document.addEventListener("visibilitychange", () => document.hidden || wake());
addEventListener("online", wake);
addEventListener("keydown", (event) => event.key === "Escape" && pin(null));

readFragment();
turn();
