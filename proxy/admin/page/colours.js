// A colour for every server, from its id alone where possible: if two ids of a pool have the same
// colour, the second of them (in the order of their hashes) gets the next free one. A server keeps
// its colour while the page is open.

// The first six are Okabe and Ito's ("Color Universal Design"): distinguishable without seeing
// red or green, on light and on dark backgrounds. The next four come close to that.
const pure = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"];
const further = ["#8c6bb8", "#b5a300", "#a8415b", "#8a6642"];
// Beyond ten servers, lighter and darker kinds of all of them: [towards, how far].
const tones = [
  [255, 0.42],
  [0, 0.35],
  [255, 0.2],
];

const hues = [...pure, ...further];
const kinds = tones.map(([towards, far]) => hues.map((hue) => mixed(hue, towards, far)));
// A tier is used only once the tiers before it are full.
const tiers = [pure, further, ...kinds];

function mixed(hue, towards, far) {
  const parts = [1, 3, 5].map((place) => parseInt(hue.slice(place, place + 2), 16));
  const hex = (part) =>
    Math.round(part + (towards - part) * far)
      .toString(16)
      .padStart(2, "0");
  return `#${parts.map(hex).join("")}`;
}

// FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }
  return value;
}

function free(value, taken) {
  for (const tier of tiers) {
    for (let step = 0; step < tier.length; ++step) {
      const colour = tier[(value + step) % tier.length];
      if (!taken.has(colour)) return colour;
    }
  }
  return hues[value % hues.length]; // more servers than colours
}

export class Colours {
  #colours = new Map(); // by id

  // Sets the current servers.
  keep(ids) {
    const taken = new Set(ids.map((id) => this.#colours.get(id)));
    const fresh = ids.filter((id) => !this.#colours.has(id)).map((id) => [hash(id), id]);
    fresh.sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
    for (const [value, id] of fresh) {
      const colour = free(value, taken);
      taken.add(colour);
      this.#colours.set(id, colour);
    }
  }

  of(id) {
    return this.#colours.get(id) ?? pure[0];
  }
}
