// Figures of a plan: loss against dollars, and what contends with the choice.

import { html, useCallback, useState } from "../../html.js";
import { Figure } from "../../parts/figure.js";
import { count, nats, usd } from "../../parts/numbers.js";
import { Table } from "../../parts/table.js";

const PRICES = {
  total_usd: "training and serving, USD",
  usd_per_mtok: "serving, USD per million output tokens",
};

const routing = ({ family, arch }) =>
  family.num_experts === 1 ? `dense, ${count(arch.params_active)}` : `E = ${family.num_experts}, top-${family.top_k}, ${count(arch.params_active)} active`;

/** Everything that a plan holds beside its choice, as points with what they are. @param {object} answer */
function designs(answer) {
  const point = (what, name) => (design) => ({ what, name: name ?? routing(design), ...design });
  const known = (list) => list.filter((one) => one && one.loss !== null && one.loss !== undefined && one.total_usd !== null);
  const own = answer.scored.flatMap((one) => known([one.in_budget]).map(point("own design, whole budget", one.name))
    .concat(known([one.candidate]).map(point("own design, same loss", one.name))));
  const labs = answer.labs.flatMap((one) => known([one.scored.at_tokens]).map(point("labs, on their own tokens", one.title)));
  return [
    ...known(answer.front).map(point("front, whole budget")),
    ...known(answer.alternatives).map(point("same loss, other experts")),
    ...known([answer.best_dense]).map(point("best dense, whole budget")),
    ...labs,
    ...own,
    point("the choice")(answer.choice),
  ];
}

const MARKS = {
  "front, whole budget": { symbol: "circle", size: 8 },
  "same loss, other experts": { symbol: "diamond-open", size: 9 },
  "best dense, whole budget": { symbol: "square", size: 9 },
  "labs, on their own tokens": { symbol: "triangle-up", size: 10 },
  "own design, whole budget": { symbol: "cross", size: 12 },
  "own design, same loss": { symbol: "cross-open", size: 12 },
  "the choice": { symbol: "star", size: 16 },
};

/** The designs of a list that reach a lower loss than every cheaper one, by a price. */
function lowest(list, price) {
  let loss = Infinity;
  return list.toSorted((a, b) => a[price] - b[price] || a.loss - b.loss).filter((one) => {
    const lower = one.loss < loss;
    if (lower) loss = one.loss;
    return lower;
  });
}

const MOST_STRETCH = 3;

/** The losses that the figure shows: of all designs but labs, and of labs that do not stretch it much. */
function rangeOf(shown, bands) {
  const ends = (list) => [Math.min(...list), Math.max(...list)];
  const banded = shown.filter((one) => bands && (one.what === "the choice" || one.what.startsWith("front")) && one.loss_low);
  const [low, high] = ends([...shown.filter((one) => !one.what.startsWith("labs")).map((one) => one.loss), ...banded.flatMap((one) => [one.loss_low, one.loss_high])]);
  const most = high + MOST_STRETCH * (high - low);
  const [lowest, highest] = ends([low, high, ...shown.map((one) => one.loss).filter((loss) => loss < most)]);
  const room = Math.max(0.002, 0.08 * (highest - lowest));
  return [lowest - room, highest + room];
}

/** Loss against dollars: the front, the choice and all that stands beside it. @param {{answer: object}} props */
export function Front({ answer }) {
  const [price, setPrice] = useState("total_usd");
  const [bands, setBands] = useState(false);
  const all = designs(answer);
  const draw = useCallback(({ accent, muted, series }, narrow) => {
    const shown = all.filter((one) => one[price] > 0);
    const front = lowest(shown.filter((one) => one.what.startsWith("front")), price);
    const band = bands && front.length > 1 ? ["loss_high", "loss_low"].map((end, i) => ({
      x: front.map((one) => one[price]), y: front.map((one) => one[end]), mode: "lines", line: { width: 0, shape: "hv" },
      fill: i ? "tonexty" : "none", fillcolor: `${muted}33`, hoverinfo: "skip", showlegend: i === 1, name: "band of the front",
    })) : [];
    const line = { x: front.map((one) => one[price]), y: front.map((one) => one.loss), mode: "lines", line: { color: muted, width: 1, shape: "hv" }, hoverinfo: "skip", showlegend: false };
    const colour = { "the choice": accent, "front, whole budget": series[0], "same loss, other experts": series[1], "best dense, whole budget": series[2], "labs, on their own tokens": series[3] };
    const traces = Object.keys(MARKS).map((what) => {
      const some = shown.filter((one) => one.what === what);
      return {
        x: some.map((one) => one[price]), y: some.map((one) => one.loss), mode: "markers", name: what,
        marker: { ...MARKS[what], color: colour[what] ?? series[4] },
        text: some.map((one) => `${one.name}<br>loss ${nats(one.loss)} (${nats(one.loss_low)} – ${nats(one.loss_high)})<br>${usd(one.total_usd)} in all, ${usd(one.usd_per_mtok)}/M tokens`),
        hovertemplate: "%{text}<extra></extra>",
        ...(bands && what === "the choice" && some.length && some[0].loss_low ? { error_y: { type: "data", symmetric: false, array: [some[0].loss_high - some[0].loss], arrayminus: [some[0].loss - some[0].loss_low], color: accent } } : {}),
      };
    }).filter((one) => one.x.length);
    const range = rangeOf(shown, bands);
    const outside = shown.filter((one) => one.loss > range[1]).length;
    for (const one of traces) if (outside && one.name.startsWith("labs")) one.name += ` (${outside} above the figure)`;
    const xaxis = { type: "log", title: { text: PRICES[price] }, tickprefix: "$", tickformat: "~s", nticks: narrow ? 4 : 9, tickangle: 0 };
    return { data: [...band, line, ...traces], layout: { xaxis, yaxis: { title: { text: "loss, nats per token" }, range }, hovermode: "closest" } };
  }, [answer, price, bands]);
  const { choice } = answer;
  const told = `Loss against dollars of ${all.length} designs. The choice: ${nats(choice.loss)} nats for ${usd(choice.total_usd)} in all. The table below has every point.`;
  return html`<${Figure} title="Loss against dollars" name="front" told=${told} draw=${draw} tools=${html`
      <label>Against <select onChange=${(event) => setPrice(event.target.value)}>
        ${Object.entries(PRICES).map(([key, words]) => html`<option value=${key} selected=${key === price}>${words}</option>`)}</select></label>
      <label><input type="checkbox" checked=${bands} onChange=${(event) => setBands(event.target.checked)} />90 % bands</label>`}>
    <details><summary>As a table</summary><${Table} caption="Designs of the figure" name="front" columns=${COLUMNS} rows=${all} /></details>
  <//>`;
}

const COLUMNS = [
  { title: "design", value: (one) => one.name, words: true },
  { title: "what it is", value: (one) => one.what, words: true },
  { title: "loss", value: (one) => one.loss, text: (one) => nats(one.loss) },
  { title: "low", value: (one) => one.loss_low, text: (one) => nats(one.loss_low) },
  { title: "high", value: (one) => one.loss_high, text: (one) => nats(one.loss_high) },
  { title: "USD", value: (one) => one.total_usd, text: (one) => usd(one.total_usd) },
  { title: "USD/M tokens", value: (one) => one.usd_per_mtok, text: (one) => usd(one.usd_per_mtok) },
  { title: "active", value: (one) => one.arch.params_active, text: (one) => count(one.arch.params_active) },
  { title: "total", value: (one) => one.arch.params_total, text: (one) => count(one.arch.params_total) },
  { title: "tokens", value: (one) => one.tokens, text: (one) => count(one.tokens) },
];

const written = (value, ranged) => (typeof value === "number" ? count(value, ranged ? 2 : 4) : value);

/** What nine in ten of the designs have that draws do not tell from the choice. @param {{found: object}} props */
export function Contending({ found }) {
  const draw = useCallback(({ accent, ink, muted }, narrow) => {
    const place = ({ ranged, space }, value) => {
      if (!ranged) return space.length > 1 ? space.indexOf(value) / (space.length - 1) : 0.5;
      const [low, high, size] = [space[0], space.at(-1), value].map(Math.log);
      return high > low ? Math.min(1, Math.max(0, (size - low) / (high - low))) : 0.5;
    };
    const between = ({ space }, value) => space.length > 5 && value !== space[0] && value !== space.at(-1);
    const trace = (key, name, colour, width, size, side) => {
      const marks = found.axes.flatMap((axis) => [...axis[key].map((value) => [axis, value]), [axis, null]]);
      return {
        x: marks.map(([axis, value]) => (value === null ? null : place(axis, value))), y: marks.map(([axis]) => axis.name),
        text: marks.map(([axis, value]) => (value === null || !(axis.ranged || key === "space") || (narrow && between(axis, value)) ? "" : written(value, axis.ranged))),
        mode: "lines+markers+text", name, line: { color: colour, width }, marker: { color: colour, size },
        textfont: { color: key === "space" ? ink : colour, size: 11 }, textposition: side, hoverinfo: "skip",
      };
    };
    return {
      data: [trace("space", "all designs", muted, 1, 6, "bottom center"), trace("values", "nine in ten of those that contend", accent, 4, 9, "top center")],
      layout: {
        height: 90 + 44 * found.axes.length, xaxis: { visible: false, range: narrow ? [-0.2, 1.2] : [-0.08, 1.08] },
        yaxis: { autorange: "reversed", showgrid: false, tickfont: { size: narrow ? 10 : 12 } },
      },
    };
  }, [found]);
  const title = `${found.designs.toLocaleString("en-US")} of ${found.of.toLocaleString("en-US")} designs contend with the choice`;
  return html`<${Figure} title=${title} name="contending" draw=${draw} told="${title}; the table has what they have on each axis.">
    <details><summary>As a table</summary><${Table} caption=${title} name="contending" rows=${found.axes} columns=${AXES} /></details>
  <//>`;
}

const AXES = [
  { title: "of each design", value: (axis) => axis.name, words: true },
  { title: "contending", value: (axis) => axis.values.map((value) => written(value, axis.ranged)).join(axis.ranged ? " – " : ", "), words: true },
  { title: "all", value: (axis) => axis.space.map((value) => written(value, axis.ranged)).join(axis.ranged ? " – " : ", "), words: true },
];
