// The question of serving: a model, GPUs, requests and limits; a load that a fleet has to carry.

import { html } from "../../html.js";
import { GpusField, LatencyField, OtherFields, QuantityField, SelectField, TextField, Ways } from "../../parts/fields.js";
import { ModelsField, modelsOf, textOf } from "../../parts/models.js";

const LOADS = [
  { label: "none", start: {} },
  { label: "requests per second", start: { requests_per_s: "50" } },
  { label: "tokens a day", start: { tokens_per_day: "10B" } },
];

/** Options with a place of their own, or none here. */
const PLACED = new Set([
  "model", "models", "gpus", "gpu", "input_tokens", "output_tokens", "ttft", "tpot", "engine", "precision", "kv_precision", "price_tier",
  "concurrency", "requests_per_s", "tokens_per_day", "percentile", "most_gpus", "trace", "words",
]);

/** @param {{form: object, options: Record<string, object>, loaded: boolean}} props Options by question. */
export function ServeForm({ form, options, loaded }) {
  const { values, errors } = form;
  const others = Object.keys(form.options).filter((name) => !PLACED.has(name));
  return html`<form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
    <h2>Model and GPUs</h2>
    <${ModelsField} label="Model" models=${modelsOf(values.models)} names=${options.cost.model.examples ?? []} most=${1}
      help=${options.cost.model.description} error=${errors.model} keep=${(list) => form.settle({ models: textOf(list) })} />
    <${GpusField} form=${form} name="gpus" label="GPUs" low=${1} high=${256} />
    <${SelectField} form=${form} name="engine" label="Engine" />
    <${TextField} form=${form} name="precision" label="Precision of weights" />
    <${TextField} form=${form} name="kv_precision" label="Precision of the cache" />
    <h2>Requests</h2>
    <${QuantityField} form=${form} name="input_tokens" label="Prompt" unit="tokens" low=${64} high=${131_072} whole />
    <${QuantityField} form=${form} name="output_tokens" label="Answer" unit="tokens" low=${16} high=${32_768} whole />
    <${QuantityField} form=${form} name="concurrency" label="In flight" low=${1} high=${8192} whole rest="best" unset=${1} />
    <${LatencyField} form=${form} name="ttft" label="Time to first token" low=${50} high=${60_000} />
    <${LatencyField} form=${form} name="tpot" label="Time per output token" low=${5} high=${500} />
    <h2>Price</h2>
    <${SelectField} form=${form} name="price_tier" label="Price tier" />
    <h2>A load for a fleet</h2>
    <${Ways} form=${form} label="Stated as" ways=${LOADS} />
    ${values.requests_per_s && html`<${QuantityField} form=${form} name="requests_per_s" label="Requests" unit="1/s" low=${0.1} high=${10_000} />`}
    ${values.tokens_per_day && html`<${QuantityField} form=${form} name="tokens_per_day" label="Output tokens a day" low=${1e6} high=${1e13} />`}
    ${loaded && html`<${TextField} form=${{ ...form, options: options.fleet }} name="gpu" label="Kinds of GPUs, by comma" />
      <${TextField} form=${form} name="percentile" label="Share that keeps both limits" />
      <${TextField} form=${form} name="most_gpus" label="Most GPUs of one deployment" />`}
    <${OtherFields} form=${form} names=${others} />
  </form>`;
}
