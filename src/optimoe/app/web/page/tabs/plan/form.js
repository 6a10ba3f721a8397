// The question of a plan: what most people negotiate as sliders, everything else below.

import { html } from "../../html.js";
import { Drop } from "../../parts/drop.js";
import { GpusField, LatencyField, OtherFields, QuantityField, SelectField, SwitchField, TextField, Ways } from "../../parts/fields.js";

const BUDGETS = [
  { label: "GPUs × days", start: { train_days: "30" } },
  { label: "FLOPs", start: { train_flops: "1e23" } },
  { label: "dollars", start: { train_usd: "1M" } },
];
const TRAFFICS = [
  { label: "requests per second", start: { requests_per_s: "50" } },
  { label: "tokens over its life", start: { serve_tokens: "1T" } },
];

/** Options that have a place of their own; the others stand under “All other options”. */
const PLACED = new Set([
  "train_gpus", "train_days", "train_flops", "train_usd", "requests_per_s", "serve_tokens", "life_days", "peak_to_mean",
  "input_tokens", "output_tokens", "ttft", "tpot", "serve_gpus", "precision", "price_tier", "law", "unique_tokens", "no_repeats", "score",
  "quick", "explain", "words", "near", "brief",
]);

/** The designs of one's own, as they stand in what is asked. @param {string} text */
export function scoredOf(text) {
  try {
    return text ? JSON.parse(text) : [];
  } catch {
    return [text];
  }
}

/** @param {{form: object}} props A form of `useForm`, with `errors` by option. */
export function PlanForm({ form }) {
  const { values } = form;
  const own = scoredOf(values.score);
  const keepOwn = (list) => form.settle({ score: list.length ? JSON.stringify(list) : "" });
  const others = Object.keys(form.options).filter((name) => !PLACED.has(name));
  return html`<form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
    <h2>Training</h2>
    <${Ways} form=${form} label="Budget" ways=${BUDGETS} />
    <${GpusField} form=${form} name="train_gpus" label="GPUs that train" low=${8} high=${16384} />
    ${values.train_days !== undefined && html`<${QuantityField} form=${form} name="train_days" label="Days" low=${1} high=${365} />`}
    ${values.train_flops !== undefined && html`<${QuantityField} form=${form} name="train_flops" label="Compute" unit="FLOPs" low=${1e20} high=${1e26} />`}
    ${values.train_usd !== undefined && html`<${QuantityField} form=${form} name="train_usd" label="Dollars" unit="USD" low=${1e4} high=${1e9} />`}
    <${QuantityField} form=${form} name="unique_tokens" label="Training tokens at hand" low=${1e10} high=${1e14} rest="endless" unset=${1e14} />
    <${SwitchField} form=${form} name="no_repeats" label="never twice" />
    <h2>Traffic</h2>
    <${Ways} form=${form} label="Stated as" ways=${TRAFFICS} />
    ${values.requests_per_s !== undefined && html`<${QuantityField} form=${form} name="requests_per_s" label="Requests" unit="1/s" low=${0.1} high=${10_000} />
      <${QuantityField} form=${form} name="life_days" label="Life" unit="days" low=${30} high=${3650} />
      <${QuantityField} form=${form} name="peak_to_mean" label="Peak over mean" low=${1} high=${10} rest="1" unset=${1} />`}
    ${values.serve_tokens !== undefined && html`<${QuantityField} form=${form} name="serve_tokens" label="Output tokens" low=${1e9} high=${1e16} />`}
    <${QuantityField} form=${form} name="input_tokens" label="Prompt" unit="tokens" low=${64} high=${131_072} whole />
    <${QuantityField} form=${form} name="output_tokens" label="Answer" unit="tokens" low=${16} high=${32_768} whole />
    <${LatencyField} form=${form} name="ttft" label="Time to first token" low=${50} high=${60_000} />
    <${LatencyField} form=${form} name="tpot" label="Time per output token" low=${5} high=${500} />
    <h2>Serving and prices</h2>
    <${TextField} form=${form} name="serve_gpus" label="GPUs of one deployment" />
    <${TextField} form=${form} name="precision" label="Precision of weights" />
    <${SelectField} form=${form} name="price_tier" label="Price tier" />
    <h2>Loss</h2>
    <${SelectField} form=${form} name="law" label="Law" />
    <h2>Your own design</h2>
    <${Drop} label="Drop a config.json to score it"
      add=${(name, config) => keepOwn([...own, { ...config, name }])} />
    ${own.length > 0 && html`<ul class="own">${own.map((one, i) => html`<li>${typeof one === "string" ? one : one.name}
      <button type="button" class="quiet" onClick=${() => keepOwn(own.filter((_, j) => j !== i))}>Remove<span class="unseen"> ${typeof one === "string" ? one : one.name}</span></button></li>`)}</ul>`}
    ${form.errors.score && html`<p class="error" role="alert">${form.errors.score}</p>`}
    <${OtherFields} form=${form} names=${others} />
  </form>`;
}
