// Laws along one of their variables: the question and what is shown.

import { optionsOf } from "../../api.js";
import { html } from "../../html.js";
import { AnswerFrame, Records } from "../../parts/answer.js";
import { useForm } from "../../parts/asking.js";
import { QuantityField, SelectField, SwitchField, TextField } from "../../parts/fields.js";
import { ModelsField, modelsOf, textOf } from "../../parts/models.js";
import { between, count, nats } from "../../parts/numbers.js";
import { Lines } from "../../parts/notes.js";
import { useAnswers } from "../../parts/several.js";
import { Along } from "./figures.js";

/** What is drawn where the address states nothing. */
const START = { laws: "ludziejewski2025,optimoe2026" };
const MOST = 6;
const POINTS = 61;
/** Variables along which a law is shown first. */
export const PREFERRED = ["N_act", "N", "N1", "D", "C", "F"];

/** A value of an output of a law, as people read it. */
export const written = (output, value) => (output.startsWith("L") ? nats(value) : count(value, 4));

/** The variables that some laws need for an output, each as the first law that has it tells. */
function variablesOf(shows, output) {
  const found = {};
  for (const show of shows) for (const symbol of show.required[output] ?? []) found[symbol] ??= show.variables[symbol];
  return found;
}

/**
 * The question of the line of one law; null where it lacks the variable. What is not stated is as the first law has it.
 *
 * @param {object | undefined} show What laws/show says of it.
 * @param {string | {name: string, text: string}} law Its name, or its file.
 */
export function lineOf(show, law, { output, along, low, high, values, variables }) {
  const needed = show?.required[output];
  if (!needed?.includes(along) || low === null) return null;
  const set = Object.fromEntries(needed.filter((symbol) => symbol !== along).map((symbol) => [symbol, values[`v_${symbol}`] ?? variables[symbol].usual]));
  if (Object.values(set).includes(null)) return null;
  const body = { law, output, set, along: `${along}=${low}:${high}`, points: POINTS };
  return ["laws/along", values.allow_inconsistent ? { ...body, allow_inconsistent: true } : body];
}

/** The range of a fit in words. @param {number[]} ends */
export const span = (ends) => (ends.length ? `fitted ${between(ends)}` : "its fitted range is not stated");

export function Line({ api, stated, change, which }) {
  const options = optionsOf(api, "laws/along");
  const asked = { ...START, ...stated };
  const form = useForm(options, asked, (changes) => change({ ...asked, ...changes }));
  const { values } = form;
  const names = modelsOf(values.laws);
  const shown = useAnswers({ list: ["laws/list", {}], ...Object.fromEntries(names.map((law) => [law, ["laws/show", { law }]])) });
  const shows = names.map((law) => shown.found[law]?.answer).filter(Boolean);

  const outputs = [...new Set(shows.flatMap((show) => Object.keys(show.outputs)))];
  const output = outputs.includes(values.output) ? values.output : outputs.includes("L") ? "L" : outputs[0] ?? "L";
  const variables = variablesOf(shows, output);
  const symbols = Object.keys(variables);
  const along = symbols.includes(values.along) ? values.along : PREFERRED.find((one) => symbols.includes(one)) ?? symbols[0];
  const ends = variables[along]?.span ?? [];
  const [low, high] = [values.low ?? ends[0] ?? null, values.high ?? ends[1] ?? null];
  const bodies = Object.fromEntries(names.map((law) => [law, lineOf(shown.found[law]?.answer, law, { output, along, low, high, values, variables })]));
  const reports = Object.fromEntries(Object.entries(bodies).filter(([, one]) => one));
  const lines = useAnswers(Object.fromEntries(names.map((law) => [`along ${law}`, bodies[law]])));

  const answers = names.map((law) => lines.found[`along ${law}`]?.answer).filter(Boolean);
  const errors = names.flatMap((law) => {
    const error = shown.found[law]?.error ?? lines.found[`along ${law}`]?.error;
    const lacks = shown.found[law]?.answer && !shown.found[law].answer.required[output]?.includes(along);
    return error ? [`${law}: ${error.message}`] : lacks ? [`${law}: ${output} does not depend on ${along}`] : [];
  });
  const described = (symbol) => ({ description: `${variables[symbol].unit || symbol}; ${span(variables[symbol].fitted)}`, default: variables[symbol].usual ?? undefined });
  const fields = {
    ...form, errors: {},
    options: {
      ...options, output: { ...options.output, examples: outputs, default: outputs.includes("L") ? "L" : outputs[0] }, along: { ...options.along, examples: symbols, default: along },
      low: { description: `Lower end of ${along}.`, default: ends[0] }, high: { description: `Upper end of ${along}.`, default: ends[1] },
      ...Object.fromEntries(symbols.map((symbol) => [`v_${symbol}`, described(symbol)])),
    },
  };
  const others = symbols.filter((symbol) => symbol !== along);
  return html`<div class="split">
    <form class="form" id="asked" tabindex="-1" aria-label="What is asked" onSubmit=${(event) => event.preventDefault()}>
      ${which}
      <h2>Laws</h2>
      <${ModelsField} label="Laws, up to ${MOST}" models=${names} names=${(shown.found.list?.answer?.laws ?? []).map((one) => one.name)} most=${MOST} drop=${false}
        help=${options.law.description} keep=${(list) => form.settle({ laws: textOf(list) })} />
      <${SelectField} form=${fields} name="output" label="Output" />
      <h2>Along</h2>
      <${SelectField} form=${fields} name="along" label="Variable" />
      <${TextField} form=${fields} name="low" label="From" />
      <${TextField} form=${fields} name="high" label="To" />
      ${others.length > 0 && html`<h2>At</h2>${others.map((symbol) => html`<${QuantityField} key=${symbol} form=${fields} name=${`v_${symbol}`} label=${symbol}
        low=${variables[symbol].span[0] ?? 1} high=${variables[symbol].span[1] ?? 1e3} />`)}`}
      <${SwitchField} form=${fields} name="allow_inconsistent" label="even if wrong as printed" />
    </form>
    <${AnswerFrame} sentence=${answers.length ? sentence(answers[0]) : ""} ready=${answers.length > 0} busy=${lines.busy || shown.busy}
      error=${answers.length || lines.busy || shown.busy || !errors.length ? null : new Error(errors[0])}>
      ${answers.length > 0 && errors.map((line) => html`<p class="error" role="alert">${line}</p>`)}
      ${answers.length > 0 && html`<${Along} answers=${answers} />
        ${answers.map((answer) => html`<h2>${answer.law}</h2><${Lines} lines=${about(answer, shown.found[answer.law]?.answer)} />`)}
        <${Records} records=${Object.fromEntries(answers.map((answer) => [answer.law, answer]))} reports=${reports} />`}
    <//>
  </div>`;
}

function sentence({ law, output, unit, variable, fitted, points }) {
  const [first, last] = [points[0], points.at(-1)];
  const said = ({ at, value }) => `${written(output, value)} at ${variable} ${count(at)}`;
  const range = fitted.length ? `it was fitted ${between(fitted)}` : `how far ${variable} went in its fit is not stated`;
  return `${law}: ${output} ${said(first)} and ${said(last)}${unit ? ` (${unit})` : ""}; ${range}.`;
}

/** What is to be known of a law and its line, in words. */
function about(answer, show) {
  const lines = [["Says", answer.meaning], ["Source", `${answer.status}: ${answer.source}`], ["Ranks", answer.domain], ["Band", answer.band]];
  for (const symbol of show?.required[answer.output] ?? []) {
    const one = show.variables[symbol];
    lines.push([lines.at(-1)[0] === "Takes" || lines.at(-1)[0] === "" ? "" : "Takes", `${symbol}${one.unit ? `, ${one.unit}` : ""}${symbol in answer.inputs ? ` = ${count(Number(answer.inputs[symbol]), 4)}` : ""}: ${span(one.fitted)}`]);
  }
  if (show?.law.notes) lines.push(["Careful", show.law.notes]);
  return lines.filter(([, text]) => text);
}
