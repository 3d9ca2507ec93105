// The page around the ring and the table: pools, facts, listeners, configuration, events.
import { at, describe, make, set, word, write } from "./dom.js";
import { sourceRows } from "./fleet.js";
import { bytes, count, duration, moment, percent, plural, rate, unknown } from "./format.js";

const history_points = 90;
const events_max = 100;

// `linkTo` makes the address of a pool.
export function showPools(pools, chosen, linkTo) {
  const nav = at("pools");
  nav.hidden = pools.length < 2;
  while (nav.children.length > pools.length) nav.lastElementChild.remove();
  pools.forEach((pool, index) => {
    if (index === nav.children.length) {
      nav.append(make("a", {}, word("", "name"), make("span", { class: "online" })));
    }
    const link = nav.children[index];
    set(link, "href", linkTo(pool.name));
    set(link, "aria-current", pool.name === chosen ? "true" : null);
    set(
      link,
      "data-state",
      pool.online === pool.servers ? "online" : pool.online > 0 ? "some" : "offline",
    );
    write(link.firstElementChild, pool.name);
    write(link.lastElementChild, `${count(pool.online)} of ${count(pool.servers)}`);
  });
}

export function showAbout(status) {
  const parts = [
    `version ${status.version}`,
    `up ${duration(status.uptime_s)}`,
    plural(status.workers, "worker"),
    `generation ${count(status.generation)}`,
  ];
  if (status.not_ready) parts.push(`not ready: ${status.not_ready}`);
  write(at("about"), parts.join(" · "));
}

// The large numbers of a pool, two of them with the last minute and a half as a line.
export class Tiles {
  #history = { open: [], connections: [], bytes: [] };

  reset() {
    this.#history = { open: [], connections: [], bytes: [] };
  }

  show(pool, rates) {
    this.#remember("open", pool.active);
    this.#remember("connections", rates.total);
    this.#remember(
      "bytes",
      rates.bytes_up === undefined ? undefined : rates.bytes_up + rates.bytes_down,
    );
    const per_second =
      rates.bytes_up === undefined ? unknown : `${bytes(rates.bytes_up + rates.bytes_down)}/s`;
    const tiles = [
      ["Connections", count(pool.active), "open now", this.#history.open],
      ["New", `${rate(rates.total)}/s`, "connections", this.#history.connections],
      [
        "Throughput",
        per_second,
        `${bytes(rates.bytes_up)} in, ${bytes(rates.bytes_down)} out`,
        this.#history.bytes,
      ],
      [
        "Peak to average",
        pool.peak_to_average > 0 ? pool.peak_to_average.toFixed(2) : unknown,
        "of the shares of keys",
      ],
      ["Keys moved", percent(pool.moved_last_change), "by the last change"],
      ["Spills", count(pool.spills), "placed past their owner"],
    ];
    const root = at("tiles");
    tiles.forEach(([name, value, note, line], index) => {
      if (index === root.children.length) root.append(makeTile(line !== undefined));
      const [title, number, below, drawing] = root.children[index].children;
      write(title, name);
      write(number, value);
      write(below, note);
      if (drawing) drawLine(drawing.firstElementChild, line);
    });
  }

  #remember(name, value) {
    if (value === undefined) return;
    const values = this.#history[name];
    values.push(value);
    if (values.length > history_points) values.shift();
  }
}

function makeTile(has_line) {
  const tile = make(
    "div",
    { class: "tile" },
    make("h3"),
    make("span", { class: "big" }),
    make("span", { class: "fine" }),
  );
  if (has_line) {
    const svg = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
    const drawing = svg("svg");
    set(drawing, "viewBox", `0 0 ${history_points - 1} 24`);
    set(drawing, "preserveAspectRatio", "none");
    set(drawing, "aria-hidden", "true");
    drawing.append(svg("polyline"));
    tile.append(drawing);
  }
  return tile;
}

function drawLine(line, values) {
  const greatest = Math.max(...values, 1e-9);
  const first = history_points - values.length;
  const points = values.map(
    (value, index) => `${first + index},${(23 - 22 * (value / greatest)).toFixed(1)}`,
  );
  set(line, "points", points.join(" "));
}

const short = (text) => (text ? `${text.slice(0, 16)}…` : unknown);

export function showFacts(pool) {
  const rows = [
    ["Servers", `${count(pool.online)} of ${count(pool.servers)} online`],
    ["Algorithm", pool.algorithm ?? unknown],
    [pool.algorithm === "maglev" ? "Table entries" : "Points", count(pool.points)],
    [
      "Panic",
      pool.panic ? "yes: what is known of servers is ignored" : "no",
      { class: pool.panic ? "bad" : "" },
    ],
    [
      "Fingerprint",
      short(pool.fingerprint),
      { title: `${pool.fingerprint}: equal on replicas that place every key alike`, class: "code" },
    ],
  ];
  rows.push(...sourceRows(pool.sources));
  const { tls } = pool;
  if (tls) {
    rows.push(handshakesRow(tls));
    if (!tls.verifies) rows.push(["Certificates", "not verified", { class: "warn" }]);
  }
  describe(at("facts"), rows);
}

function lastReload({ reloads, result, reloaded_at }) {
  if (reloads === 0) return "none yet";
  const outcome = result === "ok" ? "ok" : "refused";
  return reloaded_at ? `${outcome}, ${moment(reloaded_at)}` : outcome;
}

export function showConfig(status) {
  const { config } = status;
  const well = config.result === "ok";
  const taken = config.reloads - config.failed_reloads;
  const rows = [
    ["File", config.file, { class: "code" }],
    ["File’s SHA-256", short(config.fingerprint), { title: config.fingerprint, class: "code" }],
    ["Generation", count(status.generation)],
    ["In force since", moment(config.loaded_at), { title: config.loaded_at }],
    ["Last reload", lastReload(config), { class: well ? "" : "bad", title: config.reloaded_at }],
    ["Reloads", `${count(taken)} taken, ${count(config.failed_reloads)} refused`],
    ["Process", `${status.pid}, ${plural(status.workers, "worker")}`],
    ["Engine", status.engine.name, { title: status.engine.reason }],
    ["Connections at most", count(status.max_connections)],
    [
      "Log lines dropped",
      count(status.log_lines_dropped),
      { class: status.log_lines_dropped > 0 ? "bad" : "" },
    ],
  ];
  if (!well) rows.splice(5, 0, ["Why refused", config.result, { class: "bad long" }]);
  describe(at("config"), rows);
}

export function showListeners(listeners, ratesOf) {
  const root = at("listeners");
  while (root.children.length > listeners.length) root.lastElementChild.remove();
  listeners.forEach((listener, index) => {
    if (index === root.children.length) root.append(makeListener());
    const [head, where, facts, ends] = root.children[index].children;
    write(head.firstElementChild, listener.name);
    const { routes, routes_left_out: left_out } = listener;
    const pools = [...new Set(routes.map((route) => route.pool))];
    write(head.lastElementChild, listener.pool ?? `${pools.length} pools`);
    const by = listener.pool
      ? `key: ${listener.key}`
      : `${routes.length + left_out} routes: ${pools.slice(0, 5).join(", ")}`;
    write(where, `${listener.bind} · ${by}`);
    const rows = [
      ["New", `${rate(ratesOf(listener).accepted)}/s`],
      ["Open", count(listener.active)],
      ["Accepted", count(listener.accepted)],
      ["Refused", count(listener.refused), { class: listener.refused > 0 ? "warn" : "" }],
    ];
    const elsewhere = (listener.placed_by_source_ip ?? 0) + (listener.placed_at_random ?? 0);
    if (elsewhere > 0)
      rows.push([
        "Without key",
        count(elsewhere),
        { title: "placed by their address or at random" },
      ]);
    if (listener.tls) rows.push(...tlsRows(listener.tls));
    describe(facts, rows);
    const reasons = Object.entries(listener.ends ?? {}).sort((a, b) => b[1] - a[1]);
    describe(
      ends,
      reasons.map(([reason, times]) => [reason.replaceAll("_", " "), count(times)]),
    );
    ends.hidden = reasons.length === 0;
  });
}

const soon_days = 14;

const handshakesRow = (tls) => [
  "TLS handshakes",
  count(tls.handshakes),
  { title: `${count(tls.resumed)} of them resumed a session` },
];

function tlsRows(tls) {
  const days = Math.floor(tls.expires_in_s / 86400);
  const left = days < 0 ? "expired" : plural(days, "day");
  return [
    handshakesRow(tls),
    [
      "Certificate",
      left,
      {
        class: days < 0 ? "bad" : days < soon_days ? "warn" : "",
        title: `${tls.first_to_expire}, the first of ${tls.certificates} to expire`,
      },
    ],
  ];
}

const makeListener = () =>
  make(
    "li",
    {},
    make(
      "h3",
      {},
      word(""),
      make("span", { class: "arrow", "aria-label": "to pool" }, " → "),
      word(""),
    ),
    make("p", { class: "fine" }),
    make("dl", { class: "counts" }),
    make("dl", { class: "ends", "aria-label": "Ends by reason" }),
  );

const bad_kinds = new Set(["server_down", "panic", "reload_refused", "local_fault", "names_fail"]);
const good_kinds = new Set([
  "server_up",
  "panic_over",
  "reload",
  "registered",
  "local_fault_over",
  "names_recover",
]);

export class Events {
  #newest = -1;

  reset() {
    this.#newest = -1;
    at("events").replaceChildren();
  }

  // Adds new events and returns them; none on the first call.
  show(events) {
    const root = at("events");
    const first = this.#newest < 0;
    const fresh = events.filter((event) => event.id > this.#newest);
    if (fresh.length > 0) this.#newest = fresh.at(-1).id;
    else if (first) this.#newest = 0;
    for (const event of fresh.slice(-events_max)) root.prepend(makeEvent(event, !first));
    while (root.children.length > events_max) root.lastElementChild.remove();
    root.classList.toggle("empty", root.children.length === 0);
    return first ? [] : fresh;
  }
}

function makeEvent(event, is_new) {
  const mood = bad_kinds.has(event.kind) ? "bad" : good_kinds.has(event.kind) ? "good" : "plain";
  const about = make("span", { class: "about-what" });
  if (event.server) about.append(word(event.server), " ");
  if (event.pool)
    about.append(
      make("span", { class: "in-pool" }, event.server ? "in " : "pool ", word(event.pool, "pool")),
    );
  return make(
    "li",
    { class: is_new ? "new" : null, "data-mood": mood },
    make("time", { datetime: event.time, title: event.time }, moment(event.time)),
    make("p", {}, make("span", { class: "kind" }, event.kind.replaceAll("_", " ")), " ", about),
    make("bdi", { class: "text" }, event.text ?? ""),
  );
}
