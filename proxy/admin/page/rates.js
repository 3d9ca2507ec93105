// Changes per second of counters that only rise, over the last few seconds.

const window_ms = 3500;

export class Rates {
  #samples = new Map(); // name -> [{time, counters}], oldest first

  // What `counters` (an object of numbers) has risen by, a second. Nothing on the first call, or
  // when a counter has fallen: the process was restarted.
  of(name, time, counters) {
    const samples = this.#samples.get(name) ?? [];
    const last = samples.at(-1);
    if (last && Object.keys(counters).some((key) => counters[key] < last.counters[key])) {
      samples.length = 0;
    }
    samples.push({ time, counters });
    while (samples.length > 2 && samples[1].time <= time - window_ms) samples.shift();
    this.#samples.set(name, samples);
    const first = samples[0];
    const seconds = (time - first.time) / 1000;
    if (seconds <= 0) return {};
    return Object.fromEntries(
      Object.entries(counters).map(([key, value]) => [
        key,
        (value - first.counters[key]) / seconds,
      ]),
    );
  }

  // Drops all others.
  keep(names) {
    const there = new Set(names);
    for (const name of this.#samples.keys()) {
      if (!there.has(name)) this.#samples.delete(name);
    }
  }

  clear() {
    this.#samples.clear();
  }
}
