// Numbers as people write and read them: the suffixes of the command line, and the digits that are shown.

const SUFFIXES = { "": 1, K: 1e3, M: 1e6, B: 1e9, G: 1e9, T: 1e12, P: 1e15 };

/**
 * The number that a text such as `1.5T`, `1,024` or `1e22` states; NaN where it states none.
 * It only places sliders: what is asked is the text.
 *
 * @param {string} text
 */
export function parsed(text) {
  const found = /^\$?\s*([\d.,]+(?:e[+-]?\d+)?)\s*([KMBGTP]?)$/i.exec(String(text).trim());
  return found ? Number(found[1].replaceAll(",", "")) * SUFFIXES[found[2].toUpperCase()] : NaN;
}

/** Three significant digits without a tail of zeros. @param {number} value @param {number} digits */
const digits = (value, digits) => String(Number(value.toPrecision(digits)));

/** A count with a suffix: `286.7B` to `most` digits. @param {number | null | undefined} value */
export function count(value, most = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e15) return value.toExponential(most - 1).replace(/\.?0*e\+?/, "e");
  for (const [suffix, scale] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e4]]) {
    if (size >= scale) return digits(value / (suffix === "K" ? 1e3 : scale), most) + suffix;
  }
  return size >= 1000 ? Math.round(value).toLocaleString("en-US") : digits(value, most);
}

/** Dollars: `$750,550`, `$1.79M`. @param {number | null | undefined} value */
export function usd(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const sign = value < 0 ? "-$" : "$";
  if (size >= 1e6) return sign + count(size);
  if (size >= 1000) return sign + Math.round(size).toLocaleString("en-US");
  return sign + digits(size, 3);
}

/** Nats to three decimals; small differences to two digits. @param {number | null | undefined} value */
export function nats(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value !== 0 && Math.abs(value) < 0.01 ? digits(value, 2) : value.toFixed(3);
}

/** Seconds with a unit. @param {number | null | undefined} value */
export function seconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value >= 1 || value === 0) return `${digits(value, 3)} s`;
  return value < 1e-3 ? `${digits(1e6 * value, 3)} µs` : `${digits(1e3 * value, 3)} ms`;
}

/** Bytes with a decimal prefix, as the command line has them. @param {number | null | undefined} value */
export function bytes(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const [scale, prefix] = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "KB"]].find(([least]) => value >= least) ?? [1, "B"];
  return `${digits(value / scale, 3)} ${prefix}`;
}

/** A share as a percentage. @param {number | null | undefined} value */
export function percent(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : `${digits(100 * value, 2)}%`;
}

/**
 * An amount in a unit that may hold a number, as records have it: 204 of `0.01 nats` is `2.04 nats`, 710 of `$1,000` is
 * `$710,000`.
 *
 * @param {number} value @param {string} unit
 */
export function amount(value, unit) {
  const [, dollar, scale, word] = /^(\$?)([\d.,]*)\s*(.*)$/.exec(unit);
  const whole = value * (scale ? Number(scale.replaceAll(",", "")) : 1);
  return dollar ? usd(whole) : `${count(whole, 4)} ${/^(day|GPU)$/.test(word) && whole !== 1 ? `${word}s` : word}`;
}

/** The ends of a range in words; a lower one of 0 is one that nobody stated. @param {[number, number]} ends */
export const between = ([low, high]) => (low > 0 ? `from ${count(low)} to ${count(high)}` : `up to ${count(high)}`);
