// Where servers come from, and the replicas of the fleet.
import { at, describe, make, set, word, write } from "./dom.js";
import { count, duration, moment, plural, unknown } from "./format.js";

// A row of facts for each source of a pool's servers besides the file.
export function sourceRows(sources) {
  return (sources ?? []).map((source) => {
    const parts = [source.what, plural(source.servers, "server"), age(source.age_s)];
    if (source.problem) parts.push(source.problem);
    const { warnings, warnings_left_out } = source;
    const warned = warnings.length + warnings_left_out;
    if (warned > 0) parts.push(plural(warned, "warning"));
    return [
      "Servers from",
      parts.join(" · "),
      {
        class: source.problem ? "bad long" : warned > 0 ? "warn long" : "long",
        title: warned > 0 ? warnings.join("\n") : null,
      },
    ];
  });
}

const age = (seconds) => (seconds === null ? "never answered" : `${duration(seconds)} old`);

// "b.test, 127.0.0.2:80", where a server is.
export function placeOf({ address, host }) {
  if (!host) return address ?? unknown;
  return `${host.name}, ${address ?? "no address"}`;
}

export function showFleet(fleet) {
  at("fleet-card").hidden = fleet === null;
  if (fleet === null) return;
  write(at("fleet-count"), plural(fleet.replicas.length, "replica"));
  describe(at("fleet"), fleetRows(fleet));
  const root = at("replicas");
  while (root.children.length > fleet.replicas.length) root.lastElementChild.remove();
  fleet.replicas.forEach((replica, index) => {
    if (index === root.children.length) root.append(makeReplica());
    showReplica(root.children[index], replica);
  });
}

function fleetRows(fleet) {
  const agreed = duration(fleet.agrees_since_s);
  const rows = [
    etcdRow(fleet),
    [
      "Replicas",
      `${fleet.agrees ? "all agree" : "disagree"} for ${agreed}`,
      { class: fleet.agrees ? "" : "bad" },
    ],
    checksRow(fleet),
  ];
  if (fleet.name_is_taken)
    rows.push(["Name", `another process is ${fleet.name} too`, { class: "bad" }]);
  if (fleet.not_published) rows.push(["Not published", fleet.not_published, { class: "bad long" }]);
  for (const problem of fleet.problems)
    rows.push(["Not understood", problem, { class: "warn long" }]);
  for (const { pool, id, override } of fleet.overrides)
    rows.push(["Override", `${id} in ${pool}: ${override}`, { class: "warn" }]);
  return rows;
}

function etcdRow({ state, state_since_s, reason, endpoint }) {
  const time = duration(state_since_s);
  if (state === "in_sync") return ["etcd", `in sync for ${time}`, { title: endpoint }];
  if (state === "lost") return ["etcd", `lost for ${time}: ${reason}`, { class: "bad long" }];
  return ["etcd", `${state} for ${time}`, { class: "warn" }];
}

function checksRow({ health, health_in_force }) {
  if (health_in_force === "majority") return ["Checks", "of most replicas decide"];
  const wanted = health === "own";
  return ["Checks", "this replica’s own decide", { class: wanted ? "" : "warn" }];
}

const makeReplica = () =>
  make(
    "li",
    {},
    make("h3", {}, word(""), make("span", { class: "fine" })),
    make("p", { class: "fine" }),
    make("p", { class: "differs" }),
  );

function showReplica(item, replica) {
  const [head, facts, differs] = item.children;
  write(head.firstElementChild, replica.name);
  write(head.lastElementChild, replica.here ? " this one" : "");
  const pools = Object.values(replica.pools);
  const sum = (name) => pools.reduce((all, pool) => all + pool[name], 0);
  const parts = [
    `${count(sum("online"))} of ${count(sum("servers"))} servers online`,
    `generation ${count(replica.generation)}`,
    `version ${replica.version}`,
    `up since ${moment(replica.started_at)}`,
  ];
  write(facts, parts.join(" · "));
  const same = replica.differs_in.length === 0;
  set(differs, "class", same ? "differs" : "differs warn");
  write(differs, same ? "agrees" : `differs in ${replica.differs_in.join(", ")}`);
}
