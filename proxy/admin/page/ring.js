// Draws the ring: the circle of hashes outside, the share of each server inside, and the mark of a
// key. A canvas: there are too many parts for elements.
import { at, make, paint, set, swatch, word, write } from "./dom.js";
import { compareText, count, percent } from "./format.js";

const turn = 2 * Math.PI;
const top = -turn / 4;
const legend_max = 12;

// Where on the circle a hash is, 0 to 1. The low bits are less than a pixel.
export const place = (hash) => Number(BigInt(hash) >> 12n) / 2 ** 52;

export class Ring {
  #canvas = at("ring-canvas");
  #context = this.#canvas.getContext("2d");
  #colours;
  #listeners;
  #ring = { servers: [], shares: [], slices: [] };
  #pool = {};
  #servers = new Map();
  #runs = []; // of slices with one owner: [first, end, index of the server]
  #sectors = []; // inside: [from, to, index of the server], of a turn
  #marked = null; // {hash, id}
  #shown = null; // the id of the server that stands out
  #drawn = ""; // what the legend was made of

  // listeners: point(id or null) while the pointer is on a server, pin(id or null) for a click.
  constructor(colours, listeners) {
    this.#colours = colours;
    this.#listeners = listeners;
    new ResizeObserver(() => this.draw()).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.#canvas.addEventListener("pointermove", (event) => listeners.point(this.#owner(event)));
    this.#canvas.addEventListener("pointerleave", () => listeners.point(null));
    this.#canvas.addEventListener("click", (event) => listeners.pin(this.#owner(event)));
  }

  // Draws the ring, unless the same is drawn already.
  update(ring) {
    if (ring === this.#ring) return;
    this.#ring = ring;
    this.#runs = runs(this.#ring.slices);
    this.#sectors = sectors(this.#ring);
    this.draw();
  }

  // Updates the middle and the legend, on every poll.
  describe(pool, servers) {
    this.#pool = pool;
    this.#servers = new Map(servers.map((server) => [server.id, server]));
    this.#showMiddle();
    this.#showLegend(servers);
    const shares = [...servers].sort((a, b) => (b.share ?? 0) - (a.share ?? 0)).slice(0, 5);
    const parts = shares.map((server) => `${server.id} ${percent(server.share ?? 0)}`).join(", ");
    const more =
      servers.length > shares.length ? `, and ${servers.length - shares.length} more` : "";
    set(
      this.#canvas,
      "aria-label",
      `The ring of pool ${pool.name}: ${parts}${more}. The table of servers has it all.`,
    );
  }

  mark(marked) {
    if (this.#marked?.hash === marked?.hash && this.#marked?.id === marked?.id) return;
    this.#marked = marked;
    this.draw();
  }

  show(id) {
    if (this.#shown === id) return;
    this.#shown = id;
    this.draw();
    this.#showMiddle();
  }

  #showMiddle() {
    const server = this.#servers.get(this.#shown);
    const name = at("ring-name");
    set(name, "class", server ? "ring-name id" : "ring-name");
    if (server) {
      write(name, server.id);
      write(at("ring-big"), server.share > 0 ? percent(server.share) : "no keys");
      const state =
        server.status === "online" ? `${count(server.active)} connected` : server.detail;
      write(at("ring-small"), server.share > 0 ? `of all keys · ${state}` : state);
    } else {
      write(name, this.#pool.name ?? "");
      write(at("ring-big"), `${count(this.#pool.online)} of ${count(this.#pool.servers)}`);
      write(at("ring-small"), "servers online");
    }
  }

  #showLegend(servers) {
    const legend = at("legend");
    legend.hidden = servers.length > legend_max;
    if (legend.hidden) return;
    const ordered = [...servers].sort((a, b) => compareText(a.id, b.id));
    const signature = JSON.stringify(ordered.map((server) => server.id));
    if (signature !== this.#drawn) {
      this.#drawn = signature;
      legend.replaceChildren(...ordered.map((server) => this.#legendEntry(server.id)));
    }
    ordered.forEach((server, index) => {
      const entry = legend.children[index];
      set(entry, "class", server.status === "online" ? "" : "off");
      write(
        entry.lastElementChild,
        server.status === "online" ? percent(server.share) : server.status,
      );
      paint(entry.firstElementChild, this.#colours.of(server.id));
    });
  }

  #legendEntry(id) {
    const entry = make(
      "li",
      {},
      swatch(this.#colours.of(id)),
      word(id),
      make("span", { class: "legend-share" }),
    );
    set(entry.children[1], "title", id);
    entry.addEventListener("pointerenter", () => this.#listeners.point(id));
    entry.addEventListener("pointerleave", () => this.#listeners.point(null));
    return entry;
  }

  // The server under the pointer.
  #owner(event) {
    const box = this.#canvas.getBoundingClientRect();
    const { outer, inner } = measures(box.width);
    const x = event.clientX - box.left - box.width / 2;
    const y = event.clientY - box.top - box.height / 2;
    const far = Math.hypot(x, y);
    const near = (band) => far >= band.from - 3 && far <= band.to + 3;
    const where = ((Math.atan2(y, x) - top) / turn + 1) % 1;
    let index;
    if (near(outer)) {
      index = this.#ring.slices[Math.floor(where * this.#ring.slices.length)];
    } else if (near(inner)) {
      index = this.#sectors.find(([from, to]) => where >= from && where < to)?.[2];
    }
    return this.#ring.servers[index] ?? null;
  }

  draw() {
    const size = this.#canvas.clientWidth;
    if (size === 0) return;
    const pixels = Math.round(size * Math.max(devicePixelRatio, 1));
    if (this.#canvas.width !== pixels) this.#canvas.width = this.#canvas.height = pixels;
    const style = getComputedStyle(this.#canvas);
    const paper = {
      ink: style.getPropertyValue("--ink").trim(),
      surface: style.getPropertyValue("--surface").trim(),
      track: style.getPropertyValue("--track").trim(),
    };
    const context = this.#context;
    context.setTransform(pixels / size, 0, 0, pixels / size, 0, 0);
    context.clearRect(0, 0, size, size);
    context.translate(size / 2, size / 2);
    const { outer, inner } = measures(size);
    this.#drawCircle(outer, paper);
    this.#drawSectors(inner, paper);
    if (this.#marked) this.#drawMark(outer, paper);
  }

  #colour(index, paper) {
    return index < 0 ? paper.track : this.#colours.of(this.#ring.servers[index]);
  }

  // Every run reaches a little under the next, so that no seam shines through.
  #drawCircle(band, paper) {
    const length = turn / this.#ring.slices.length;
    const shown = this.#shown === null ? -1 : this.#ring.servers.indexOf(this.#shown);
    this.#context.globalAlpha = this.#shown === null ? 1 : 0.13;
    if (this.#runs.length === 0) this.#arc(band, 0, turn, paper.track);
    for (const [first, end, index] of this.#runs) {
      const under = end === this.#ring.slices.length || this.#shown !== null ? 0 : 0.5;
      this.#arc(band, first * length, (end + under) * length, this.#colour(index, paper));
    }
    this.#context.globalAlpha = 1;
    if (shown < 0) return;
    const wider = { from: band.from - 3, to: band.to + 3 };
    for (const [first, end, index] of this.#runs) {
      if (index === shown)
        this.#arc(wider, first * length, end * length, this.#colour(index, paper));
    }
  }

  #drawSectors(band, paper) {
    const gap = this.#sectors.length > 1 && this.#sectors.length <= 60 ? 1.2 / band.to : 0;
    this.#arc(band, 0, turn, this.#sectors.length > 0 ? paper.surface : paper.track);
    for (const [from, to, index] of this.#sectors) {
      const stands_out = this.#ring.servers[index] === this.#shown;
      const least = stands_out ? 2.5 / band.to : 0; // enough to be seen
      const end = Math.max(to * turn - gap, from * turn + least);
      this.#context.globalAlpha = this.#shown === null || stands_out ? 1 : 0.13;
      const wider = stands_out ? { from: band.from - 3, to: band.to + 3 } : band;
      this.#arc(wider, from * turn, end, this.#colour(index, paper));
    }
    this.#context.globalAlpha = 1;
  }

  #drawMark(band, paper) {
    const angle = top + place(this.#marked.hash) * turn;
    const context = this.#context;
    const at_radius = (radius) => [radius * Math.cos(angle), radius * Math.sin(angle)];
    const line = (width, colour) => {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.beginPath();
      context.moveTo(...at_radius(band.from - 5));
      context.lineTo(...at_radius(band.to + 9));
      context.stroke();
    };
    line(5, paper.surface);
    line(2, paper.ink);
    context.beginPath();
    context.arc(...at_radius(band.to + 13), 6, 0, turn);
    context.fillStyle = this.#marked.id === null ? paper.track : this.#colours.of(this.#marked.id);
    context.fill();
    context.lineWidth = 2;
    context.stroke();
  }

  #arc(band, from, to, colour) {
    const context = this.#context;
    context.beginPath();
    context.arc(0, 0, (band.from + band.to) / 2, top + from, top + to);
    context.lineWidth = band.to - band.from;
    context.strokeStyle = colour;
    context.stroke();
  }
}

// The radii of both bands, for a canvas of that width.
function measures(size) {
  const to = size / 2 - 20;
  return { outer: { from: to * 0.79, to }, inner: { from: to * 0.69, to: to * 0.74 } };
}

function runs(slices) {
  const found = [];
  slices.forEach((index, slice) => {
    const last = found.at(-1);
    if (last && last[2] === index) last[1] = slice + 1;
    else found.push([slice, slice + 1, index]);
  });
  return found;
}

function sectors({ servers, shares }) {
  const order = [...servers.keys()].filter((index) => shares[index] > 0);
  order.sort((a, b) => compareText(servers[a], servers[b]));
  let from = 0;
  return order.map((index) => {
    const sector = [from, from + shares[index], index];
    from += shares[index];
    return sector;
  });
}
