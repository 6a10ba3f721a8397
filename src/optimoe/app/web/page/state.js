// What is asked, in the address: the tab, and of its options those that differ from their defaults.

const LONGEST = 16_000;

/**
 * The tab and the options that an address states.
 *
 * @param {string} query As `?tab=plan&days=30`.
 * @param {Record<string, string>} short Short key of each option, of those that have one.
 */
export function readState(query, short = {}) {
  const long = Object.fromEntries(Object.entries(short).map(([name, key]) => [key, name]));
  const found = Object.fromEntries([...new URLSearchParams(query)].map(([key, text]) => [long[key] ?? key, text]));
  const { tab = "", ...options } = found;
  return { tab, options };
}

/**
 * The address of a state; an option whose text is too long for an address (a model's config.json) is left out.
 *
 * @param {string} tab @param {Record<string, string>} options @param {Record<string, string>} short
 */
export function writeState(tab, options, short = {}) {
  const query = new URLSearchParams({ tab });
  for (const [name, text] of Object.entries(options)) {
    if (text !== "" && text.length <= LONGEST) query.set(short[name] ?? name, text);
  }
  return `?${query}`;
}
