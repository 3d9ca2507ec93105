// The table of a pool's servers: sorted, filtered, a page at a time, rewritten in place.
import { at, make, paint, set, swatch, word, write } from "./dom.js";
import { placeOf } from "./fleet.js";
import {
  bytes,
  compareText,
  count,
  duration,
  milliseconds,
  percent,
  rate,
  unknown,
} from "./format.js";

// Rows on one page. Where there is no width for columns, rows are blocks, and long.
const narrow = matchMedia("(max-width: 66rem)");
const pageRows = () => (narrow.matches ? 10 : 50);

// A column: `value` is what it sorts by, numbers the greatest first.
const columns = [
  { name: "Server", value: (row) => row.id, text: true },
  { name: "State", value: (row) => `${order[row.state]} ${row.detail}`, text: true },
  { name: "Share", value: (row) => row.share ?? -1, number: true },
  { name: "Connections", value: (row) => row.active, number: true },
  { name: "New/s", value: (row) => row.rates.total ?? 0, number: true },
  {
    name: "In/s",
    title: "Bytes a second from clients",
    value: (row) => row.rates.bytes_up ?? 0,
    number: true,
  },
  {
    name: "Out/s",
    title: "Bytes a second to clients",
    value: (row) => row.rates.bytes_down ?? 0,
    number: true,
  },
  { name: "Last check", value: (row) => row.last_check?.result ?? "", text: true },
  { name: "Source", value: (row) => row.source, text: true },
  { name: "Override", value: (row) => (row.override === "auto" ? "~" : row.override), text: true },
];
const order = { offline: 0, draining: 1, ramping: 2, online: 3 };

// One of four states, for colour and order; the detail has more.
export function stateOf(server) {
  if (server.override === "drain") return "draining";
  if (server.status !== "online") return "offline";
  return server.ramp_percent < 100 ? "ramping" : "online";
}

export class ServerTable {
  #colours;
  #listeners;
  #rows = [];
  #found = []; // filtered and sorted
  #lines = new Map(); // id -> its row of the table
  #column = 0;
  #descending = false;
  #page = 0;
  #total = 0;
  #greatest = 1; // share

  // listeners: point(id or null) under pointer or focus, pin(id) when a name is pressed.
  constructor(colours, listeners) {
    this.#colours = colours;
    this.#listeners = listeners;
    this.#makeHead();
    at("filter").addEventListener("input", () => {
      this.#page = 0;
      this.#arrange();
    });
    at("page-back").addEventListener("click", () => this.#turn(-1));
    at("page-next").addEventListener("click", () => this.#turn(1));
    narrow.addEventListener("change", () => this.#arrange());
  }

  update(servers) {
    this.#rows = servers;
    this.#greatest = Math.max(...servers.map((server) => server.share ?? 0), 1e-9);
    const there = new Set(servers.map((server) => server.id));
    for (const [id, line] of this.#lines) {
      if (there.has(id)) continue;
      line.remove();
      this.#lines.delete(id);
    }
    this.#arrange(this.#inUse());
  }

  // Another pool: from its first page.
  reset() {
    this.#page = 0;
    this.#lines.clear();
    at("servers-rows").replaceChildren();
  }

  show(id) {
    for (const [other, line] of this.#lines) set(line, "data-shown", other === id ? "" : null);
  }

  pinned(id) {
    for (const [other, line] of this.#lines) {
      set(line.cells[0].querySelector("button"), "aria-pressed", String(other === id));
    }
  }

  #makeHead() {
    columns.forEach((column, index) => {
      const button = make("button", { type: "button", title: column.title }, column.name);
      button.addEventListener("click", () => this.#sortBy(index));
      at("servers-head").append(
        make("th", { scope: "col", class: column.number ? "number" : null }, button),
      );
      at("sort").append(make("option", { value: index }, column.name));
    });
    at("sort").addEventListener("change", () => this.#sortBy(Number(at("sort").value), false));
    this.#showOrder();
  }

  #sortBy(index, may_turn = true) {
    const again = this.#column === index && may_turn;
    this.#descending = again ? !this.#descending : columns[index].number === true;
    this.#column = index;
    this.#page = 0;
    this.#showOrder();
    this.#arrange();
  }

  #showOrder() {
    [...at("servers-head").cells].forEach((cell, index) => {
      const sorted = this.#descending ? "descending" : "ascending";
      set(cell, "aria-sort", index === this.#column ? sorted : null);
    });
    at("sort").value = String(this.#column);
  }

  #turn(step) {
    this.#page += step;
    this.#arrange();
    at("servers-title").focus({ preventScroll: true });
    at("servers-title").scrollIntoView({ block: "nearest" });
  }

  // Rows do not move under a pointer or away from the focus.
  #inUse() {
    return at("servers-rows").matches(":hover, :focus-within");
  }

  #arrange(keep_order = false) {
    const wanted = at("filter").value.trim().toLowerCase();
    const { value, text } = columns[this.#column];
    const matches = (row) =>
      wanted === "" ||
      [row.id, placeOf(row), row.status, row.state, row.detail, row.source, row.override].some(
        (field) => String(field).toLowerCase().includes(wanted),
      );
    const compare = (a, b) => {
      const way = text ? compareText(value(a), value(b)) : value(a) - value(b);
      return (this.#descending ? -way : way) || compareText(a.id, b.id);
    };
    const found = this.#rows.filter(matches);
    if (keep_order) {
      const places = new Map(this.#found.map((row, place) => [row.id, place]));
      const place = (row) => places.get(row.id) ?? places.size;
      this.#found = found.sort((a, b) => place(a) - place(b));
    } else {
      this.#found = found.sort(compare);
    }
    this.#total = this.#rows.length;
    this.#write();
  }

  #write() {
    const page_rows = pageRows();
    const pages = Math.max(1, Math.ceil(this.#found.length / page_rows));
    this.#page = Math.min(Math.max(this.#page, 0), pages - 1);
    const first = this.#page * page_rows;
    const rows = this.#found.slice(first, first + page_rows);
    const lines = rows.map((row) => this.#line(row));
    const body = at("servers-rows");
    if (
      lines.length !== body.rows.length ||
      lines.some((line, place) => body.rows[place] !== line)
    ) {
      body.replaceChildren(...lines);
    }
    const some = this.#found.length < this.#total;
    write(
      at("servers-count"),
      some ? `${count(this.#found.length)} of ${count(this.#total)}` : count(this.#total),
    );
    at("servers-nothing").hidden = rows.length > 0;
    write(
      at("servers-nothing"),
      this.#total > 0 ? "No server matches the filter." : "This pool has no servers.",
    );
    at("pager").hidden = pages === 1;
    write(
      at("page-place"),
      `${count(first + 1)}–${count(first + rows.length)} of ${count(this.#found.length)}`,
    );
    at("page-back").disabled = this.#page === 0;
    at("page-next").disabled = this.#page === pages - 1;
  }

  #line(row) {
    let line = this.#lines.get(row.id);
    if (!line) {
      line = this.#makeLine(row.id);
      this.#lines.set(row.id, line);
    }
    this.#fill(line, row);
    return line;
  }

  #makeLine(id) {
    const name = make(
      "button",
      { type: "button", class: "name", "aria-pressed": "false", title: id },
      word(id),
    );
    const cell = (index, ...children) =>
      make(
        "td",
        {
          role: "cell",
          class: columns[index].number ? "number" : null,
          "data-name": columns[index].name,
        },
        ...children,
      );
    const plain = () => make("span");
    const line = make(
      "tr",
      { role: "row" },
      make(
        "th",
        { scope: "row", role: "rowheader" },
        make("div", { class: "named" }, swatch(this.#colours.of(id)), name),
        make("div", { class: "fine" }),
      ),
      cell(1, make("span", { class: "state" }), make("div", { class: "fine" })),
      cell(2, plain(), make("span", { class: "bar", "aria-hidden": "true" })),
      ...[3, 4, 5, 6].map((index) => cell(index, plain())),
      cell(7, plain(), make("div", { class: "fine" })),
      cell(8, plain()),
      cell(9, plain()),
    );
    name.addEventListener("click", () => this.#listeners.pin(id));
    name.addEventListener("focus", () => this.#listeners.point(id));
    name.addEventListener("blur", () => this.#listeners.point(null));
    line.addEventListener("pointerenter", () => this.#listeners.point(id));
    line.addEventListener("pointerleave", () => this.#listeners.point(null));
    return line;
  }

  #fill(line, row) {
    const first = (index) => line.cells[index].firstElementChild;
    const second = (index) => line.cells[index].lastElementChild;
    const { rates, last_check: check } = row;
    set(line, "data-state", row.state);
    paint(first(0).firstElementChild, this.#colours.of(row.id));
    const place = placeOf(row);
    write(second(0), row.weight === 1 ? place : `${place} · weight ${row.weight}`);
    set(second(0), "title", row.host?.problem ?? null);
    write(first(1), row.state);
    write(second(1), `${row.detail} · ${duration(row.since_s)}`);
    write(first(2), percent(row.share));
    second(2).style.setProperty("--part", String((row.share ?? 0) / this.#greatest));
    write(
      first(3),
      row.max_connections > 0
        ? `${count(row.active)} / ${count(row.max_connections)}`
        : count(row.active),
    );
    write(first(4), rate(rates.total));
    write(first(5), bytes(rates.bytes_up));
    write(first(6), bytes(rates.bytes_down));
    write(first(7), check ? check.result : unknown);
    write(second(7), check ? lastCheck(check) : "");
    write(first(8), row.source === "runtime" ? "run time" : row.source);
    set(line.cells[9], "data-none", row.override === "auto" ? "" : null);
    write(first(9), row.override === "auto" ? unknown : row.override);
  }
}

function lastCheck(check) {
  const ago = `${duration(Math.floor(check.ago_ms / 1000))} ago`;
  return typeof check.check_ms === "number" ? `${milliseconds(check.check_ms)}, ${ago}` : ago;
}
