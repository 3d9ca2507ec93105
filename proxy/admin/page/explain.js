// The key box: on which server a key is placed, and why.
import { at, make, set, swatch, word, write } from "./dom.js";
import { count, millionths, percent } from "./format.js";
import { place } from "./ring.js";

const steps_after = 4; // of the walk, after the chosen server

// Sample keys by a listener's source of keys.
const samples = {
  source_ip: "192.0.2.7",
  source: "192.0.2.7:50312",
  destination: "192.0.2.1:6379",
  sni: "www.example.org",
  mqtt_client_id: "sensor-7",
  mqtt_username: "ann",
  postgres_user: "ann",
  postgres_database: "shop",
  rdp_cookie: "ann",
};

export class KeyBox {
  #colours;
  #listeners;
  #shown = "";

  // listeners: ask(text) for a new key, point(id or null) under the pointer.
  constructor(colours, listeners) {
    this.#colours = colours;
    this.#listeners = listeners;
    let timer;
    at("key").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => listeners.ask(at("key").value), 150);
    });
    at("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(timer);
      listeners.ask(at("key").value);
    });
  }

  // The sources of keys of the pool's listeners.
  hint(pool, listeners) {
    const routes = listeners.flatMap((one) => one.routes).filter((one) => one.pool === pool);
    const kinds = [...new Set(routes.map((one) => one.key))];
    set(at("key"), "placeholder", samples[kinds[0]] ?? "user-42");
    const whose = kinds.length > 0 ? `Keys of this pool are ${kinds.join(" or ")}. ` : "";
    write(at("key-hint"), `${whose}\\xNN stands for any byte.`);
  }

  // The answer to a key; null if there is none to show.
  update(answer, link) {
    const shown = JSON.stringify([answer, link]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (answer === null) at("answer").replaceChildren();
    else if (answer.error)
      at("answer").replaceChildren(make("p", { class: "refusal" }, word(answer.error, "text")));
    else at("answer").replaceChildren(...this.#show(answer, link));
  }

  #show(answer, link) {
    const chosen = answer.walk.findIndex((step) => step.chosen);
    const end = chosen < 0 ? steps_after * 2 : chosen + 1 + steps_after;
    const shown = [
      this.#verdict(answer, answer.walk[chosen]),
      make(
        "p",
        { class: "hash" },
        "hash ",
        make("code", {}, answer.hash),
        `, ${percent(place(answer.hash))} round the circle · `,
        make("a", { href: link }, "link to this"),
      ),
    ];
    if (answer.walk.length > 0) {
      shown.push(
        this.#walk(answer.walk, Math.max(end, 2), (step, index) => {
          const passed = chosen < 0 || index < chosen;
          return [step.chosen ? "chosen" : passed ? "passed" : "later", why(step, passed)];
        }),
      );
    }
    // No connection takes this walk now, so it has a heading of its own.
    const possible = answer.if_all_online;
    if (possible) {
      const owner = possible.owner === null ? "no server" : word(possible.owner);
      shown.push(
        make("p", { class: "possible" }, "If all servers were online, its owner would be ", owner),
        this.#walk(possible.walk, steps_after + 1, (step) => ["later", step.detail]),
      );
    }
    return shown;
  }

  // `describe(step, index)` returns a step's class and text.
  #walk(walk, end, describe) {
    const steps = walk.slice(0, end);
    const left = walk.length - steps.length;
    const farthest = Math.max(...steps.map((step) => distance(step) ?? 0), Number.MIN_VALUE);
    const items = steps.map((step, index) => this.#step(step, ...describe(step, index), farthest));
    const list = make("ol", { class: "walk" }, ...items);
    if (left > 0) list.append(make("li", { class: "rest" }, `and ${count(left)} more`));
    return list;
  }

  #verdict(answer, server) {
    const key = word(answer.key, "key");
    if (!server)
      return make("p", { class: "verdict bad" }, key, " is not placed: no server takes it now");
    const line = make(
      "p",
      { class: "verdict" },
      key,
      " goes to ",
      swatch(this.#colours.of(server.id)),
      make("strong", {}, word(server.id)),
    );
    if (answer.owner !== null && answer.owner !== server.id) {
      line.append(" for now; its owner is ", word(answer.owner));
    }
    return line;
  }

  #step(step, kind, text, farthest) {
    const far = distance(step);
    const bar = make("span", { class: far === null ? "bar none" : "bar", "aria-hidden": "true" });
    bar.style.setProperty("--part", String(far === null ? 0 : far / farthest));
    const item = make(
      "li",
      { class: step.status === "online" ? kind : `${kind} off` },
      swatch(this.#colours.of(step.id)),
      word(step.id),
      make("span", { class: "why" }, text),
      make(
        "span",
        { class: "far", title: "millionths of the circle, from the key to its nearest point" },
        far === null ? "" : millionths(far),
      ),
      bar,
    );
    item.addEventListener("pointerenter", () => this.#listeners.point(step.id));
    item.addEventListener("pointerleave", () => this.#listeners.point(null));
    return item;
  }
}

const distance = (step) => (step.distance === null ? null : place(step.distance));

function why(step, passed) {
  if (step.chosen) return "takes it";
  if (passed) return `passed over: ${step.detail}`;
  return "next in turn";
}
