// Compare: models side by side, each with the dense model that it costs as much as.

import { bodyOf, optionsOf } from "../api.js";
import { html } from "../html.js";
import { AnswerFrame } from "../parts/answer.js";
import { useForm } from "../parts/asking.js";
import { OtherFields, QuantityField, TextField } from "../parts/fields.js";
import { ModelsField, modelsOf, textOf } from "../parts/models.js";
import { count } from "../parts/numbers.js";
import { useAnswers } from "../parts/several.js";
import { Compared } from "./compare/answer.js";

export const name = "compare";
export const title = "Compare";
export const short = { models: "m", gpus: "g", context: "c" };

/** What is compared where the address states nothing. */
const START = { models: "mixtral-8x7b,deepseek-v3,llama-3.1-70b" };
const MOST = 4;

/** Options with a place of their own, or none here. */
const PLACED = new Set(["model", "more", "models", "context", "precision", "gpus", "tokens", "words"]);

export function View({ api, options: stated, change }) {
  const options = optionsOf(api, "compare");
  const asked = stated.models ? stated : { ...START, ...stated };
  const form = useForm(options, asked, (changes) => change({ ...asked, ...changes }));
  const { models: text, ...others } = form.values;
  const models = modelsOf(text);
  const [model, ...more] = models;
  const body = { ...bodyOf(options, others), model, more };
  const { found, busy } = useAnswers({ compare: ["compare", body] });
  const { answer = null, error = null } = found.compare ?? {};
  const beside = error && error.field in options ? { [error.field]: error.message } : {};
  const shown = { ...form, errors: beside };
  return html`<div class="split">
    <form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
      <h2>Models</h2>
      <${ModelsField} label="Models, up to ${MOST}" models=${models} names=${options.model.examples ?? []} most=${MOST}
        help=${options.model.description} error=${beside.model ?? beside.more} keep=${(list) => form.settle({ models: textOf(list) })} />
      <h2>Counted and served</h2>
      <${QuantityField} form=${shown} name="context" label="Context of FLOPs" unit="tokens" low=${512} high=${1_048_576} whole />
      <${TextField} form=${shown} name="precision" label="Precision of weights" />
      <${TextField} form=${shown} name="gpus" label="GPUs that serve" />
      <${QuantityField} form=${shown} name="tokens" label="Training tokens" low=${1e10} high=${1e14} rest="none" unset=${1e10} />
      <${OtherFields} form=${shown} names=${Object.keys(options).filter((one) => !PLACED.has(one))} />
    </form>
    <${AnswerFrame} sentence=${answer ? sentence(answer.models) : ""} ready=${answer !== null} busy=${busy} error=${error}
      beside=${Object.keys(beside).length > 0}>
      ${answer && html`<${Compared} answer=${answer} body=${body} />`}
    <//>
  </div>`;
}

/** The first model that routes in words: what it stores, uses, and costs as much as. */
function sentence(models) {
  const one = models.find((each) => each.arch.kind === "moe") ?? models[0];
  const { slow_decode: slow, fast_decode: fast } = one.dense_equivalent_full;
  return `${one.name} uses ${count(one.params_active)} of ${count(one.params_total)} parameters for a token; it costs as much as a dense model of ${count(slow)} in large batches, and of ${count(fast)} where answers are fast.`;
}
