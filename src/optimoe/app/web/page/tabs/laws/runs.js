// Runs of one's own: a family fitted to them, or a law brought to their level.

import { bodyOf, optionsOf } from "../../api.js";
import { html } from "../../html.js";
import { AnswerFrame, Records } from "../../parts/answer.js";
import { useForm } from "../../parts/asking.js";
import { Drop } from "../../parts/drop.js";
import { OtherFields, SelectField, TextField, useId } from "../../parts/fields.js";
import { Lines, Notes } from "../../parts/notes.js";
import { count, percent } from "../../parts/numbers.js";
import { useAnswers } from "../../parts/several.js";
import { Table } from "../../parts/table.js";
import { Residuals } from "./figures.js";
import { OwnLine } from "./own.js";

const HOW = { fit: "fit a family to them", anchor: "bring a law to their level" };
const USUAL = { family: "chinchilla", law: "optimoe2026" };
const PLACED = new Set(["runs", "family", "law", "columns", "where", "holdout", "words", "law_file"]);
const TABLES = { accept: ".csv,.tsv,.jsonl,.json", what: "a table of runs", read: (text, file) => ({ name: file.name, text }), most: 900_000 };

/** The runs that are stated. */
function runsOf(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

export function Runs({ api, stated, change, which }) {
  const how = stated.how === "anchor" ? "anchor" : "fit";
  const options = optionsOf(api, `laws/${how}`);
  const form = useForm(options, stated, (changes) => change({ ...stated, ...changes }));
  const runs = runsOf(form.values.runs);
  const own = Object.fromEntries(Object.entries(form.values).filter(([name]) => name in options && name !== "runs"));
  const of = how === "fit" ? "family" : "law";
  const body = runs && { ...bodyOf(options, own), [of]: own[of] ?? USUAL[of], runs, law_file: true };
  const { found, busy } = useAnswers({ list: ["laws/list", {}], [how]: body && [`laws/${how}`, body] });
  const { answer = null, error = null } = found[how] ?? {};
  const list = found.list?.answer?.laws ?? [];
  const names = [...new Set(list.filter((one) => how === "anchor" || one.units.L).map((one) => (how === "fit" ? one.family : one.name)))].sort();
  const errors = error && error.field in options ? { [error.field]: error.message } : {};
  const shown = { ...form, errors, options: { ...options, [of]: { ...options[of], examples: names, default: USUAL[of] } } };
  return html`<div class="split">
    <form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
      ${which}
      <h2>Runs</h2>
      <${Drop} label="Drop a table of runs (.csv, .tsv, .jsonl)" kind=${TABLES} add=${(_, table) => form.settle({ runs: JSON.stringify(table) })} />
      ${runs && html`<ul class="own"><li>${runs.name}<button type="button" class="quiet" onClick=${() => form.settle({ runs: "" })}>Remove<span class="unseen"> ${runs.name}</span></button></li></ul>`}
      ${errors.runs && html`<p class="error" role="alert">${errors.runs}</p>`}
      <${How} now=${how} choose=${(next) => form.settle({ how: next === "fit" ? "" : next })} />
      <${SelectField} form=${shown} name=${of} label=${how === "fit" ? "Family" : "Law"} />
      <${TextField} form=${shown} name="columns" label="Columns" />
      <${TextField} form=${shown} name="where" label="Rows" />
      ${how === "fit" && html`<${TextField} form=${shown} name="holdout" label="Held out" />`}
      <${OtherFields} form=${shown} names=${Object.keys(options).filter((one) => !PLACED.has(one))} />
    </form>
    ${body ? html`<${AnswerFrame} sentence=${answer ? sentence(how, answer) : ""} ready=${answer !== null} busy=${busy} error=${error} beside=${Object.keys(errors).length > 0}>
      ${answer && html`<${Found} how=${how} answer=${answer} />`}<//>`
    : html`<section class="answer" aria-label="The answer"><div class="verdict" aria-live="polite"><h1>Drop a table of runs: a row each, with a loss and what the law takes.</h1></div>
      <p class="progress" role="status"></p><p>A family of laws is fitted to them, or a law of the library brought to their level; columns are found by their names, or stated.</p></section>`}
  </div>`;
}

function How({ now, choose }) {
  const id = useId();
  return html`<fieldset class="ways"><legend>To do</legend>${Object.entries(HOW).map(([key, words]) => html`<label><input type="radio" name=${id}
    checked=${key === now} onChange=${() => choose(key)} />${words}</label>`)}</fieldset>`;
}

function sentence(how, answer) {
  if (how === "anchor") return `${answer.law.name}: ${answer.statement}.`;
  return `${answer.law.name} describes ${answer.runs} runs to ${percent(answer.rmse_log)} of their loss; the fit is ${answer.verdict.replaceAll("_", " ")}.`;
}

const EFFECTS = [
  { title: "of one's own", value: (one) => one.name, words: true }, { title: "value", value: (one) => one.value, text: (one) => count(one.value, 4) },
  { title: "deviation", value: (one) => one.std, text: (one) => count(one.std) }, { title: "before", value: (one) => one.prior_std, text: (one) => count(one.prior_std) },
  { title: "told by the runs", value: (one) => (one.identified ? "yes" : "no") },
];

function Found({ how, answer }) {
  const rows = Object.entries(answer.coefficients).map(([symbol, value]) => ({ symbol, value, ...answer.intervals?.[symbol] }));
  const columns = [
    { title: "coefficient", value: (one) => one.symbol, words: true }, { title: "value", value: (one) => one.value, text: (one) => count(one.value, 5) },
    ...(answer.intervals ? [
      { title: "low", value: (one) => one.low, text: (one) => count(one.low, 4) }, { title: "high", value: (one) => one.high, text: (one) => count(one.high, 4) },
      { title: "level", value: (one) => one.level, text: (one) => percent(one.level) },
    ] : []),
  ];
  return html`<${Lines} lines=${answer.words.flatMap((block) => block.lines ?? [])} />
    ${answer.residuals?.length > 0 && html`<${Residuals} residuals=${answer.residuals} />`}
    <${OwnLine} law=${{ name: `${answer.law.name}.toml`, text: answer.law_file }} />
    <h2>Coefficients</h2><${Table} caption="Coefficients of ${answer.law.name}" name="coefficients" columns=${columns} rows=${rows} />
    ${answer.effects && html`<${Table} caption="How these runs differ from the law" name="effects" columns=${EFFECTS} rows=${answer.effects} />`}
    <${Notes} notes=${answer.notes} /><${Records} records=${{ [how]: answer }} />`;
}
