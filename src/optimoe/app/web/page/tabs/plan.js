// Plan: which model to train for a budget and a traffic.

import { bodyOf, optionsOf } from "../api.js";
import { html, useMemo } from "../html.js";
import { useAnswer, useForm } from "../parts/asking.js";
import { Answer, Brief } from "./plan/answer.js";
import { PlanForm } from "./plan/form.js";

export const name = "plan";
export const title = "Plan";
export const short = {
  train_gpus: "tg", train_days: "td", train_flops: "tf", train_usd: "tu", serve_gpus: "sg", serve_tokens: "st",
  requests_per_s: "rs", input_tokens: "in", output_tokens: "out", price_tier: "pt", unique_tokens: "ut",
};

/** What is asked where the address states nothing: a month of a small cluster, and a year of a busy product. */
const START = { train_gpus: "256xh100-sxm", train_days: "30", requests_per_s: "50", serve_gpus: "8xh100-sxm" };

/**
 * What a first answer leaves out: how sure it is, and designs far from those of an earlier plan; while a slider is
 * dragged what stands beside the choice too.
 */
const quickOf = (options, dragging) => ({ quick: true, ...(options.near && { near: true }), ...(options.brief && dragging && { brief: true }) });

export function View({ api, options: stated, change }) {
  const options = optionsOf(api, "plan");
  const asked = Object.keys(stated).length ? stated : START;
  const keep = (changes) => change({ ...asked, ...changes });
  return html`<${Plan} options=${options} asked=${asked} keep=${keep} />`;
}

function Plan({ options, asked, keep }) {
  const form = useForm(options, asked, keep);
  const body = useMemo(() => bodyOf(options, form.values), [JSON.stringify(form.values)]);
  const quick = useMemo(() => quickOf(options, form.dragging), [options, form.dragging]);
  const { answer, current, whole, busy, error } = useAnswer("plan", body, { dragging: form.dragging, quick });
  const beside = error && error.field in options ? { [error.field]: error.message } : {};
  return html`<div class="split">
    <${PlanForm} form=${{ ...form, errors: beside }} />
    <${Answer} answer=${answer} body=${body} current=${current} whole=${whole} busy=${busy} error=${error} beside=${Object.keys(beside).length > 0} />
    ${answer && html`<${Brief} choice=${answer.choice} />`}
  </div>`;
}
