// A design under every law that covers it.

import { bodyOf, optionsOf } from "../../api.js";
import { html } from "../../html.js";
import { AnswerFrame, Records } from "../../parts/answer.js";
import { useForm } from "../../parts/asking.js";
import { QuantityField } from "../../parts/fields.js";
import { ModelsField, modelsOf, nameOf, textOf } from "../../parts/models.js";
import { Lines, Notes } from "../../parts/notes.js";
import { count, nats } from "../../parts/numbers.js";
import { useAnswers } from "../../parts/several.js";
import { Table } from "../../parts/table.js";
import { Opinions } from "./figures.js";

const START = { models: "mixtral-8x7b", tokens: "2T" };

const OPINIONS = [
  { title: "law", value: (one) => one.law, words: true },
  { title: "loss", value: (one) => one.loss, text: (one) => nats(one.loss) },
  { title: "low", value: (one) => one.low, text: (one) => nats(one.low) },
  { title: "high", value: (one) => one.high, text: (one) => nats(one.high) },
  { title: "dense", value: (one) => one.dense_loss, text: (one) => nats(one.dense_loss) },
  { title: "difference", value: (one) => one.difference, text: (one) => nats(one.difference) },
  { title: "worth, parameters", value: (one) => one.worth?.params ?? null, text: (one) => count(one.worth?.params) },
  { title: "decades beyond", value: (one) => Object.entries(one.decades_beyond).filter(([, far]) => far > 0).map(([symbol, far]) => `${symbol} ${count(far, 2)}`).join(", "), words: true },
  { title: "to be known", value: (one) => one.concerns.join("; "), words: true },
];

const SILENT = [{ title: "law", value: (one) => one.law, words: true }, { title: "says nothing of", value: (one) => one.reason, words: true }];

export function Design({ api, stated, change, which }) {
  const options = optionsOf(api, "laws/compare");
  const asked = { ...START, ...stated };
  const form = useForm(options, asked, (changes) => change({ ...asked, ...changes }));
  const model = modelsOf(form.values.models)[0];
  const { found, busy } = useAnswers({ design: ["laws/compare", { ...bodyOf(options, { tokens: form.values.tokens }), model }] });
  const { answer = null, error = null } = found.design ?? {};
  const beside = error && error.field in options ? { [error.field]: error.message } : {};
  const shown = { ...form, errors: beside };
  const sentence = answer && `${answer.opinions.length} laws cover ${nameOf(model)} trained on ${count(answer.tokens)} tokens (${count(answer.train_flops)} FLOPs); ${answer.silent.length} say nothing of it.`;
  return html`<div class="split">
    <form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
      ${which}
      <h2>Design</h2>
      <${ModelsField} label="Model" models=${[model]} names=${options.model.examples ?? []} most=${1} help=${options.model.description} error=${beside.model}
        keep=${(list) => form.settle({ models: textOf(list) })} />
      <${QuantityField} form=${shown} name="tokens" label="Training tokens" low=${1e9} high=${1e14} />
    </form>
    <${AnswerFrame} sentence=${sentence} ready=${answer !== null} busy=${busy} error=${error} beside=${Object.keys(beside).length > 0}>
      ${answer && html`<${Opinions} opinions=${answer.opinions} />
        <${Table} caption="Each law's loss, and against its own dense model" name="opinions" columns=${OPINIONS} rows=${answer.opinions} />
        <details><summary>In words</summary><${Lines} wide lines=${answer.words.flatMap((block) => block.lines ?? [])} /></details>
        <details><summary>Laws that say nothing of it</summary><${Table} caption="Laws that say nothing of it" name="silent" columns=${SILENT} rows=${answer.silent} /></details>
        <${Notes} notes=${answer.notes} /><${Records} records=${{ "laws-compare": answer }} />`}
    <//>
  </div>`;
}
