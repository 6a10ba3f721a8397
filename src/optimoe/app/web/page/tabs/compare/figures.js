// Figures of a comparison, one trace a part, a component or a model.

import { html, useCallback, useState } from "../../html.js";
import { decades } from "../../parts/axes.js";
import { Figure } from "../../parts/figure.js";
import { bytes, count, seconds } from "../../parts/numbers.js";
import { Table } from "../../parts/table.js";

/** Words of keys of records: `routed_experts` is “routed experts”, `depth_s` “depth”. */
const worded = (key) => key.replace(/_s$/, "").replaceAll("_", " ");

/** A legend in the order of the bars. */
const LEGEND = { orientation: "h", yref: "container", y: 0, yanchor: "bottom", traceorder: "normal" };

const PARTS = ["routed_experts", "shared_experts", "dense_ffn", "attention", "recurrent", "router", "streams", "norms", "embedding", "unembedding"];

/** Colours of `all` things in the order of the theme, then of their paler kin. */
const coloursOf = ({ accent, series }, all) => all.map((_, i) => [accent, ...series][i % 7] + (i < 7 ? "" : "80"));

/** Parameters by part, in all or as shares. @param {{models: object[]}} props */
export function Parts({ models }) {
  const [shares, setShares] = useState(models.length > 1);
  const present = PARTS.filter((part) => models.some((one) => one.parts[part] > 0));
  const draw = useCallback((theme, narrow) => {
    const shade = coloursOf(theme, present);
    return {
      data: present.map((part, i) => ({
        type: "bar", orientation: "h", name: worded(part), y: models.map((one) => one.name), x: models.map((one) => one.parts[part]),
        marker: { color: shade[i] }, text: models.map((one) => `${worded(part)} of ${one.name}: ${count(one.parts[part])}`),
        textposition: "none", hovertemplate: "%{text}<extra></extra>",
      })),
      layout: {
        barmode: "stack", barnorm: shares ? "percent" : "", height: 150 + 44 * models.length + (narrow ? 60 : 0), legend: LEGEND,
        xaxis: { title: { text: shares ? "share of all parameters, %" : "parameters" }, exponentformat: "B" },
        yaxis: { autorange: "reversed", showgrid: false },
      },
    };
  }, [JSON.stringify(models.map((one) => [one.name, one.parts])), shares]);
  const told = models.map((one) => `${one.name}: ${count(one.params_total)}, ${present.filter((part) => one.parts[part]).map((part) => `${worded(part)} ${count(one.parts[part])}`).join(", ")}`).join("; ");
  const rows = [
    { part: "in all", of: (one) => one.params_total }, { part: "used by a token", of: (one) => one.params_active },
    ...present.map((part) => ({ part: worded(part), of: (one) => one.parts[part] })),
    { part: "routed experts of a token", of: (one) => one.parts.routed_experts_active },
  ];
  return html`<${Figure} title="Parameters by part" name="parts" told=${told} draw=${draw}
    tools=${html`<label><input type="checkbox" checked=${shares} onChange=${(event) => setShares(event.target.checked)} />as shares</label>`}>
    <details><summary>As a table</summary><${Table} caption="Parameters by part" name="parts" rows=${rows} columns=${[
      { title: "part", value: (row) => row.part, words: true },
      ...models.map((one) => ({ title: one.name, value: (row) => row.of(one), text: (row) => count(row.of(one)) })),
    ]} /></details>
  <//>`;
}

const REGIMES = { prefill: "prefill", slow_decode: "large-batch decoding", fast_decode: "fast decoding", long_context: "long context" };
const KINDS = { dense_equivalent_full: "the full cost model", dense_equivalent: "the rule of thumb" };

/** Dense sizes of equal cost in the four regimes, between what is used and what is stored. */
export function Equivalents({ models, children }) {
  const [kind, setKind] = useState("dense_equivalent_full");
  const regimes = Object.keys(REGIMES);
  const draw = useCallback((theme, narrow) => {
    const shade = coloursOf(theme, models);
    return {
      data: models.map((one, i) => ({
        type: "bar", name: one.name, x: regimes.map((regime) => REGIMES[regime].replace(" ", narrow ? "<br>" : " ")), y: regimes.map((regime) => one[kind][regime]),
        marker: { color: shade[i] }, text: regimes.map((regime) => `${one.name}, ${REGIMES[regime]}: ${count(one[kind][regime])}<br>${count(one.params_active)} active of ${count(one.params_total)}`),
        textposition: "none", hovertemplate: "%{text}<extra></extra>",
      })),
      layout: { barmode: "group", yaxis: { ...decades(models.flatMap((one) => Object.values(one[kind])), count), title: { text: "dense parameters of equal cost" } }, xaxis: { tickangle: 0, tickfont: { size: narrow ? 10 : 12 } } },
    };
  }, [JSON.stringify(models.map((one) => [one.name, one[kind]])), kind]);
  const told = models.map((one) => `${one.name}: ${regimes.map((regime) => `${REGIMES[regime]} ${count(one[kind][regime])}`).join(", ")}`).join("; ");
  return html`<${Figure} title="The dense model that costs as much, in four regimes" name="dense-equivalents" told=${told} draw=${draw}
    tools=${html`<label>By <select onChange=${(event) => setKind(event.target.value)}>${Object.entries(KINDS).map(([key, words]) => html`<option value=${key} selected=${key === kind}>${words}</option>`)}</select></label>`}>
    ${children}<//>`;
}

/** What the time of a token goes to in one regime, model by model. */
export function Components({ models, children }) {
  const [regime, setRegime] = useState("all");
  const parts = Object.keys(models[0].components_full.prefill);
  const one = regime !== "all";
  const draw = useCallback((theme, narrow) => {
    const shade = coloursOf(theme, parts);
    const of = (each) => models.map((model) => ({ each, model }));
    const rows = one ? of(regime) : Object.keys(REGIMES).flatMap((each) => [{ each, model: null }, ...of(each)]);
    const bars = rows.map((row, at) => ({ ...row, at })).filter(({ model }) => model);
    return {
      data: parts.map((part, i) => ({
        type: "bar", orientation: "h", name: worded(part), marker: { color: shade[i] },
        y: bars.map(({ at }) => at),
        x: bars.map(({ each, model }) => model.components_full[each][part] * (one ? 1e3 : 1)),
        text: bars.map(({ each, model }) => `${worded(part)} of ${model.name}, ${REGIMES[each]}: ${seconds(model.components_full[each][part])}`),
        textposition: "none", hovertemplate: "%{text}<extra></extra>",
      })),
      layout: {
        barmode: "stack", barnorm: one ? "" : "percent", height: 150 + 26 * rows.length + (narrow ? 40 : 0), legend: LEGEND,
        xaxis: { title: { text: one ? "time of a token, ms" : "share of a token's time, %" } },
        yaxis: {
          range: [rows.length - 0.5, -0.5], showgrid: false, zeroline: false, tickfont: { size: narrow ? 10 : 12 }, tickvals: rows.map((_, at) => at),
          ticktext: rows.map(({ each, model }) => model?.name ?? `${narrow && each === "slow_decode" ? "large batches" : REGIMES[each]}:`),
        },
      },
    };
  }, [JSON.stringify(models.map((each) => [each.name, each.components_full])), regime]);
  const told = models.map((model) => Object.entries(REGIMES).map(([key, words]) => `${model.name}, ${words}: ${parts.map((part) => `${worded(part)} ${seconds(model.components_full[key][part])}`).join(", ")}`).join("; ")).join("; ");
  const rows = models.flatMap((model) => Object.entries(REGIMES).map(([key, words]) => ({ model: model.name, words, parts: model.components_full[key] })));
  return html`<${Figure} title="What the time of a token goes to" name="components" told=${told} draw=${draw}
    tools=${html`<label>In <select onChange=${(event) => setRegime(event.target.value)}><option value="all">all regimes, as shares</option>
      ${Object.entries(REGIMES).map(([key, words]) => html`<option value=${key} selected=${key === regime}>${words}, in ms</option>`)}</select></label>`}>
    <details><summary>As tables, and by the rule of thumb</summary>
      <${Table} caption="Time of a token by component" name="components" rows=${rows} columns=${[
        { title: "model", value: (row) => row.model, words: true }, { title: "regime", value: (row) => row.words, words: true },
        ...parts.map((part) => ({ title: worded(part), value: (row) => row.parts[part], text: (row) => seconds(row.parts[part]) })),
      ]} />${children}</details>
  <//>`;
}

/** Bytes of one sequence's cache against its length. */
export function Cache({ models }) {
  const draw = useCallback((theme, narrow) => {
    const shade = coloursOf(theme, models);
    return {
      data: models.map((one, i) => ({
        x: one.kv_bytes_by_context.map(([tokens]) => tokens), y: one.kv_bytes_by_context.map(([, held]) => held), mode: "lines+markers", name: one.name,
        line: { color: shade[i] }, text: one.kv_bytes_by_context.map(([tokens, held]) => `${one.name}: ${bytes(held)} at ${count(tokens)} tokens`), hovertemplate: "%{text}<extra></extra>",
      })),
      layout: {
        xaxis: { ...decades(models.flatMap((one) => one.kv_bytes_by_context.map(([tokens]) => tokens)), count, narrow ? 6 : 12), title: { text: "tokens of a sequence" } },
        yaxis: { ...decades(models.flatMap((one) => one.kv_bytes_by_context.map(([, held]) => held)), bytes), title: { text: "cache and states" } },
      },
    };
  }, [JSON.stringify(models.map((one) => [one.name, one.kv_bytes_by_context]))]);
  const contexts = [...new Set(models.flatMap((one) => one.kv_bytes_by_context.map(([tokens]) => tokens)))];
  const held = (one, tokens) => one.kv_bytes_by_context.find(([each]) => each === tokens)?.[1] ?? null;
  const told = models.map((one) => `${one.name}: ${bytes(one.kv_bytes_per_token)} a token in ${one.kv_precision}`).join("; ");
  return html`<${Figure} title="Cache of one sequence by its length" name="cache" told=${told} draw=${draw}>
    <details><summary>As a table</summary><${Table} caption="Cache of one sequence, as far as a model was made for" name="cache" rows=${contexts} columns=${[
      { title: "tokens", value: (tokens) => tokens, text: (tokens) => tokens.toLocaleString("en-US") },
      ...models.map((one) => ({ title: `${one.name}, ${one.kv_precision}`, value: (tokens) => held(one, tokens), text: (tokens) => bytes(held(one, tokens)) })),
    ]} /></details>
  <//>`;
}
