// Serve: a model on GPUs: how fast, how many, for what price, and the fleet that carries a load.

import { bodyOf, optionsOf } from "../api.js";
import { html, useRef } from "../html.js";
import { AnswerFrame } from "../parts/answer.js";
import { useForm } from "../parts/asking.js";
import { modelsOf } from "../parts/models.js";
import { count, seconds, usd } from "../parts/numbers.js";
import { useAnswers } from "../parts/several.js";
import { Served } from "./serve/answer.js";
import { ServeForm } from "./serve/form.js";

export const name = "serve";
export const title = "Serve";
export const short = {
  models: "m", gpus: "g", input_tokens: "in", output_tokens: "out", price_tier: "pt", requests_per_s: "rs", gpu: "k",
};

/** What is served where the address states nothing. */
const START = { models: "mixtral-8x7b", gpus: "8xh100-sxm" };

/** The options of a question among what is stated, as its body. */
function bodyFor(options, values, model) {
  const own = Object.fromEntries(Object.entries(values).filter(([name]) => name in options));
  return { ...bodyOf(options, own), model };
}

export function View({ api, options: stated, change }) {
  const asked = { ...START, ...stated };
  const questions = { cost: optionsOf(api, "cost"), curves: optionsOf(api, "cost/curves"), fleet: optionsOf(api, "cost/fleet") };
  const form = useForm({ ...questions.fleet, ...questions.cost }, asked, (changes) => change({ ...asked, ...changes }));
  const { models, gpu, ...values } = form.values;
  const model = modelsOf(models)[0];
  const loaded = values.requests_per_s || values.tokens_per_day;
  const longer = {
    curves: ["cost/curves", bodyFor(questions.curves, values, model)],
    fleet: loaded ? ["cost/fleet", { ...bodyFor(questions.fleet, values, model), gpu: gpu ?? (values.gpus ?? "").replace(/^\d+x/, "") }] : null,
  };
  const settled = useRef(longer);  // what takes seconds is asked when the hand rests
  if (!form.dragging) settled.current = longer;
  const { found, busy } = useAnswers({ cost: ["cost", bodyFor(questions.cost, values, model)], ...settled.current });
  const { answer = null, error = null } = found.cost ?? {};
  const named = [error, found.curves?.error, found.fleet?.error].filter((one) => one && one.field in form.options);
  const beside = Object.fromEntries(named.map((one) => [one.field, one.message]));
  return html`<div class="split">
    <${ServeForm} form=${{ ...form, errors: beside }} options=${questions} loaded=${Boolean(loaded)} />
    <${AnswerFrame} sentence=${answer ? sentence(answer) : ""} ready=${answer !== null} busy=${busy} error=${error}
      beside=${Boolean(error && beside[error.field])}>
      ${answer && html`<${Served} cost=${answer} curves=${found.curves} fleet=${found.fleet} reports=${settled.current.fleet ? { fleet: settled.current.fleet } : {}} />`}
    <//>
  </div>`;
}

/** The deployment in words. */
function sentence({ name: model, gpu, num_gpus: number, tokens_per_s: rate, tpot_s: tpot, usd_per_mtok: price, bound_by: cause }) {
  const speed = tpot ? `, a token every ${seconds(tpot)} to a user` : "";
  return `${model} on ${number} × ${gpu}: ${count(rate)} output tokens a second${speed}${price ? `, ${usd(price)} per million` : ""}; most of the time goes to ${cause}.`;
}
