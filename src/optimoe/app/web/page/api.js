// Questions to the server: one at a time for each purpose, a later one ends an earlier one.

const PREFIX = "/api/v1/";
const underway = new Map();

/** A question that was not answered: one line, and the option that it names, where it names one. */
export class AskError extends Error {
  /** @param {string} line @param {number} status */
  constructor(line, status) {
    super(line);
    this.status = status;
    this.field = (/^-{0,2}([a-z][\w-]*):/.exec(line)?.[1] ?? "").replaceAll("-", "_");
  }
}

/** Whether a question was ended by a later one. @param {unknown} error */
export const isSuperseded = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * Takes the token from the address (`#token=…`) once, keeps it for this tab of the browser, and hides it.
 */
export function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!found) return;
  sessionStorage.setItem("token", found);
  history.replaceState(history.state, "", location.pathname + location.search);
}

function headers() {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function refused(response) {
  try {
    return new AskError((await response.json()).error, response.status);
  } catch {
    return new AskError(`the server answered ${response.status}`, response.status);
  }
}

async function fetched(path, init) {
  try {
    return await fetch(PREFIX + path, init);
  } catch (error) {
    if (isSuperseded(error)) throw error;
    throw new AskError("the server cannot be reached", 0);
  }
}

/**
 * The answer to a question.
 *
 * @param {string} question Its path, such as `plan`.
 * @param {object} options Of the command, with underscores.
 * @param {{purpose?: string, accept?: string}} how Questions of one purpose end each other; `accept` asks for
 *   another form than the record, and gives text.
 */
export async function ask(question, options, { purpose = question, accept = "" } = {}) {
  underway.get(purpose)?.abort();
  const ending = new AbortController();
  underway.set(purpose, ending);
  try {
    const response = await fetched(question, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(accept && { Accept: accept }), ...headers() },
      body: JSON.stringify(options),
      signal: ending.signal,
    });
    if (!response.ok) throw await refused(response);
    return await (accept ? response.text() : response.json());
  } finally {
    if (underway.get(purpose) === ending) underway.delete(purpose);
  }
}

let described;

/** What may be asked: `version`, and of each of `questions` its options; fetched once. @returns {Promise<object>} */
export function description() {
  described ??= (async () => {
    const response = await fetched("questions.json", { headers: headers() });
    if (!response.ok) throw await refused(response);
    return response.json();
  })();
  return described;
}

/**
 * The options of a question by name: schema, description and default.
 *
 * @param {object} api What `description` gives.
 * @param {string} question
 * @returns {Record<string, {type?: string, description?: string, default?: unknown, examples?: string[]}>}
 */
export const optionsOf = (api, question) =>
  api.questions[question].properties;
