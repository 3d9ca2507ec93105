// Requests to the proxy that serves this page.

const timeout_ms = 5000; // of one request
const least_part = 20; // an explanation that took t is requested every 20 t at most

export class NoAnswer extends Error {} // no answer, or not a JSON object
export class RequestError extends Error {} // an answer with "ok": false

export async function get(path) {
  let response;
  let answer;
  try {
    const signal = AbortSignal.timeout(timeout_ms);
    response = await fetch(path, { cache: "no-store", signal });
    answer = await response.json();
  } catch (error) {
    throw new NoAnswer(error.message, { cause: error });
  }
  if (!response.ok || answer.ok !== true)
    throw new RequestError(answer.error ?? response.statusText);
  return answer;
}

export const ofPool = (pool, what) => `v1/pools/${encodeURIComponent(pool)}/${what}`;

// The typed text, percent-encoded as UTF-8. \xNN is any byte, \\ a backslash.
export function percentEncoded(text) {
  return text.replace(/\\\\|\\x[0-9a-f]{2}|[^]/giu, (part) => {
    if (part === "\\\\") return "%5C";
    if (part.length === 4) return `%${part.slice(2)}`;
    return /[\ud800-\udfff]/u.test(part) ? "%EF%BF%BD" : encodeURIComponent(part);
  });
}

// Explains keys. With many servers this is expensive for the proxy; the answer changes with the
// pool's fingerprint, or slowly, with the servers that are full.
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
      if (error instanceof RequestError) return { error: error.message };
      throw error;
    }
  }
}
