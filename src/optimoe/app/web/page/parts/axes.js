// Axes over decades, their ticks written as the page writes such numbers.

const STEPS = [[1, 2, 5], [1, 3], [1]];
const MOST = 12;

/**
 * A logarithmic axis over some values.
 *
 * @param {(number | null | undefined)[]} values @param {(value: number) => string} written @param {number} most Ticks.
 * @returns {object} For plotly: type, ticks and their texts.
 */
export function decades(values, written, most = MOST) {
  const shown = values.filter((one) => one > 0 && Number.isFinite(one));
  if (!shown.length) return { type: "log" };
  const first = Math.floor(Math.log10(Math.min(...shown))) - 1;
  const last = Math.ceil(Math.log10(Math.max(...shown))) + 1;
  const inside = (one) => one >= 0.5 * Math.min(...shown) && one <= 2 * Math.max(...shown);
  const at = (steps, apart) => Array.from({ length: last - first + 1 }, (_, i) => first + i)
    .filter((power) => power % apart === 0).flatMap((power) => steps.map((step) => Number(`${step}e${power}`)));
  const choices = [...STEPS.map((steps) => at(steps, 1)), at([1], 2), at([1], 3)];
  const tickvals = choices.find((ticks) => ticks.filter(inside).length <= most) ?? choices.at(-1);
  return { type: "log", tickvals, ticktext: tickvals.map((one) => written(one)), tickangle: 0 };
}
