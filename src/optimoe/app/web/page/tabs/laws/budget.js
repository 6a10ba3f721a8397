// What each law would decide at a training budget.

import { bodyOf, optionsOf } from "../../api.js";
import { html, useState } from "../../html.js";
import { AnswerFrame, Records } from "../../parts/answer.js";
import { useForm } from "../../parts/asking.js";
import { QuantityField } from "../../parts/fields.js";
import { Lines, Notes } from "../../parts/notes.js";
import { count } from "../../parts/numbers.js";
import { useAnswers } from "../../parts/several.js";
import { Table } from "../../parts/table.js";
import { Answers } from "./figures.js";

const START = { train_flops: "1e23" };

const ANSWERS = [
  { title: "question", value: (one) => one.question, words: true },
  { title: "law", value: (one) => one.law, words: true },
  { title: "says", value: (one) => one.value, text: (one) => `${one.bound} ${count(one.value)}`.trim() },
  { title: "evidence", value: (one) => one.evidence, words: true },
  { title: "decades beyond", value: (one) => Object.entries(one.decades_beyond).filter(([, far]) => far > 0).map(([symbol, far]) => `${symbol} ${count(far, 2)}`).join(", "), words: true },
];

export function Budget({ api, stated, change, which }) {
  const options = optionsOf(api, "laws/decide");
  const asked = { ...START, ...stated };
  const form = useForm(options, asked, (changes) => change({ ...asked, ...changes }));
  const { found, busy } = useAnswers({ budget: ["laws/decide", bodyOf(options, { train_flops: form.values.train_flops })] });
  const [chosen, choose] = useState("");
  const { answer = null, error = null } = found.budget ?? {};
  const shown = { ...form, errors: error && error.field in options ? { [error.field]: error.message } : {} };
  const verdicts = answer?.verdicts ?? [];
  const told = verdicts.filter((one) => one.answers.length);
  const now = told.find((one) => one.question === chosen) ?? told[0];
  const sentence = answer && `At ${count(answer.train_flops)} FLOPs laws agree on ${told.filter((one) => one.agree).length} of ${told.length} questions.`;
  return html`<div class="split">
    <form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
      ${which}
      <h2>Budget</h2>
      <${QuantityField} form=${shown} name="train_flops" label="Training" unit="FLOPs" low=${1e18} high=${1e27} />
    </form>
    <${AnswerFrame} sentence=${sentence} ready=${answer !== null} busy=${busy} error=${error} beside=${Object.keys(shown.errors).length > 0}>
      ${answer && html`${now && html`<p class="tools"><label>Question <select onChange=${(event) => choose(event.target.value)}>${told.map((one) => html`<option value=${one.question} selected=${one === now}>${one.question.replaceAll("_", " ")}</option>`)}</select></label></p>
          <${Answers} verdict=${now} />`}
        <${Lines} wide lines=${verdicts.map((one) => [one.question.replaceAll("_", " "), one.words])} />
        <${Table} caption="Every answer" name="decisions" columns=${ANSWERS} rows=${told.flatMap((one) => one.answers.map((each) => ({ question: one.question.replaceAll("_", " "), ...each })))} />
        <${Notes} notes=${answer.notes} /><${Records} records=${{ decisions: answer }} />`}
    <//>
  </div>`;
}
