// Formats numbers, times and words for the page. Pure.

export const unknown = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const natural = new Intl.Collator("en", { numeric: true });

const known = (value) => typeof value === "number" && Number.isFinite(value);

export const compareText = natural.compare;

export const count = (value) => (known(value) ? whole.format(value) : unknown);

export function rate(value) {
  if (!known(value)) return unknown;
  if (value === 0) return "0";
  return value < 9.95 ? fine.format(value) : whole.format(value);
}

export function bytes(value) {
  if (!known(value)) return unknown;
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) {
    value /= 1000;
    ++unit;
  }
  return `${unit > 0 && value < 9.95 ? fine.format(value) : whole.format(value)} ${units[unit]}`;
}

export function percent(share) {
  if (!known(share)) return unknown;
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 0.1 || value >= 99.95) return `${significant.format(value)} %`;
  return `${value.toFixed(value < 1 ? 2 : 1)} %`;
}

export const millionths = (share) => `${significant.format(1e6 * share)} ppm`;

export function duration(seconds) {
  if (!known(seconds)) return unknown;
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = units.findIndex(([length]) => seconds >= length);
  if (first < 0) return "0 s";
  const parts = [];
  for (const [length, name] of units.slice(first, first + 2)) {
    const part = Math.floor(seconds / length);
    seconds -= part * length;
    if (part > 0) parts.push(`${part} ${name}`);
  }
  return parts.join(" ");
}

export function milliseconds(value) {
  if (!known(value)) return unknown;
  if (value >= 1000) return `${fine.format(value / 1000)} s`;
  return `${value < 9.95 ? fine.format(value) : whole.format(value)} ms`;
}

// The local time of day, with the date if that is not today.
export function moment(text) {
  const time = new Date(text ?? NaN);
  if (Number.isNaN(time.getTime())) return unknown;
  const today = time.toDateString() === new Date().toDateString();
  return today ? clock.format(time) : `${day.format(time)}, ${clock.format(time)}`;
}

export const plural = (number, one, many = `${one}s`) =>
  `${count(number)} ${number === 1 ? one : many}`;
