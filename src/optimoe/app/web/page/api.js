// Questions to the server: one at a time for each purpose, a later one ends an earlier one.

const PREFIX = "/api/v1/";
const BUSY_TRIES = 3;
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

/** Ends the question of a purpose, where one is underway. @param {string} purpose */
export const end = (purpose) => underway.get(purpose)?.abort();

/**
 * The answer to a question.
 *
 * @param {string} question Its path, such as `plan`.
 * @param {object} options Of the command, with underscores.
 * @param {{purpose?: string, accept?: string, stale?: () => boolean}} how Questions of one purpose end each other;
 *   `accept` asks for another form than the record, and gives text; a busy server is asked again unless it is `stale`.
 */
export async function ask(question, options, { purpose = question, accept = "", stale = () => false } = {}) {
  end(purpose);
  const ending = new AbortController();
  underway.set(purpose, ending);
  try {
    const init = {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(accept && { Accept: accept }), ...headers() },
      body: JSON.stringify(options),
      signal: ending.signal,
    };
    let response = await fetched(question, init);
    for (let tries = 0; response.status === 429 && tries < BUSY_TRIES && !stale(); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * Number(response.headers.get("Retry-After") ?? 1)));
      if (!stale()) response = await fetched(question, init);
    }
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
 * What is asked, from the text of each option: numbers and switches as the API has them, text as it stands.
 *
 * @param {Record<string, {type?: string, anyOf?: {type: string}[]}>} options What `optionsOf` gives.
 * @param {Record<string, string>} values
 */
export function bodyOf(options, values) {
  const read = (name, text) => {
    const kinds = [options[name]?.type, ...(options[name]?.anyOf ?? []).map((one) => one.type)];
    if (kinds.includes("boolean")) return text === "true";
    if (kinds.some((kind) => kind === "number" || kind === "integer") && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
    return /^[[{]/.test(text) ? JSON.parse(text) : text;
  };
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, read(name, text)]));
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
