// Questions to the proxy that serves this page.

const patience_ms = 5000; // with one answer
const least_part = 20; // what took t to explain is not asked again before 20 t have gone

export class Lost extends Error {} // no answer, or none that makes sense
export class Refused extends Error {} // an answer that says no

export async function get(path) {
  let response;
  let answer;
  try {
    const signal = AbortSignal.timeout(patience_ms);
    response = await fetch(path, { cache: "no-store", signal });
    answer = await response.json();
  } catch (error) {
    throw new Lost(error.message, { cause: error });
  }
  if (!response.ok || answer.ok !== true) throw new Refused(answer.error ?? response.statusText);
  return answer;
}

export const ofPool = (pool, what) => `v1/pools/${encodeURIComponent(pool)}/${what}`;

// The bytes of what was typed, as the endpoint takes them: UTF-8, but for \xNN, which is any
// byte, and \\ for a backslash.
export function percentEncoded(text) {
  return text.replace(/\\\\|\\x[0-9a-f]{2}|[^]/giu, (part) => {
    if (part === "\\\\") return "%5C";
    if (part.length === 4) return `%${part.slice(2)}`;
    return /[\ud800-\udfff]/u.test(part) ? "%EF%BF%BD" : encodeURIComponent(part);
  });
}

// Where keys go. That costs the proxy something where servers are many, and changes with
// the pool's fingerprint, or slowly, with the servers that are full.
export class Explainer {
  #answer = null;
  #of = "";
  #good_until = 0;

  async ask(pool, key) {
    if (key === "") return null;
    const of = JSON.stringify([pool.name, pool.fingerprint, key]);
    const begin = performance.now();
    if (of === this.#of && begin < this.#good_until) return this.#answer;
    const answer = await this.#fetch(pool, key);
    const took = performance.now() - begin;
    [this.#of, this.#answer, this.#good_until] = [of, answer, begin + least_part * took];
    return answer;
  }

  async #fetch(pool, key) {
    try {
      return await get(ofPool(pool.name, `explain?key=${percentEncoded(key)}`));
    } catch (error) {
      if (error instanceof Refused) return { error: error.message };
      throw error;
    }
  }
}
