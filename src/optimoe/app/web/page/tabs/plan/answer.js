// The answer to a plan: the sentence that decides, the design, what it is among, what binds, and what is doubtful.

import { html, useMemo, useRef, useState } from "../../html.js";
import { Report } from "../../parts/answer.js";
import { Drawing } from "../../parts/drawing.js";
import { download } from "../../parts/files.js";
import { Lines, linesOf, Notes } from "../../parts/notes.js";
import { Table, WordTable } from "../../parts/table.js";
import { amount, count, nats, usd } from "../../parts/numbers.js";
import { Contending, Front } from "./figures.js";

/**
 * @param {{answer: object | null, body: object, current: boolean, whole: boolean, busy: boolean, error: Error | null,
 *   beside: boolean}} props As `useAnswer` has them; `beside` says whether a field shows the error.
 */
export function Answer({ answer, body, current, whole, busy, error, beside }) {
  const sentence = answer?.words.find((block) => block.sentence)?.sentence ?? "";
  return html`<section class=${error && !current ? "answer stale" : "answer"} aria-label="The answer">
    <a class="jump" href="#asked">Change what is asked</a>
    <div class="verdict" aria-live="polite">
      <h1>${sentence || (error ? "No answer" : "Planning …")}</h1>
      ${error && html`<p class=${beside ? "error unseen" : "error"}>${current ? "How sure it is was not answered: " : ""}${error.message}</p>`}
    </div>
    <p class="progress" role="status">${status({ answer, current, whole, busy, error })}</p>
    ${answer && html`<${Body} answer=${answer} body=${body} whole=${whole} error=${error} />`}
  </section>`;
}

/** The answer in a line, for a screen on which it and the sliders have no place beside each other. */
export function Brief({ choice }) {
  const { params_active: active, params_total: total } = choice.arch;
  return html`<a class="brief" href="#main">loss ${nats(choice.loss)} · ${count(active)} of ${count(total)} · ${usd(choice.total_usd)}</a>`;
}

function status({ answer, current, whole, busy, error }) {
  if (error && !current) return answer ? "Below is the last answer." : "";
  if (whole || error) return `${count(answer.trace.space)} designs, ${count(answer.trace.listed)} looked at, ${count(answer.trace.priced_points)} priced.`;
  if (busy && answer) return "A first answer; how sure it is follows.";
  return busy ? "The first plan takes some seconds." : "";
}

const DATASHEET = ["Model", "Train", "Loss", "Serve", "Speed", "Energy", "Total"];
const QUESTION = ["Budget", "Goal", "Traffic", "On", "Data"];

function Body({ answer, body, whole, error }) {
  const { choice, words } = answer;
  const sure = useRef({ robustness: null, lines: [], labs: [] });
  if (answer.robustness) sure.current = { robustness: answer.robustness, lines: linesOf(words, ["Sure", "Laws"]), labs: linesOf(words, ["Labs"]) };
  const { robustness, lines } = sure.current;
  const labs = answer.labs.length || answer.robustness ? linesOf(words, ["Labs"]) : sure.current.labs;
  const late = answer.robustness ? "" : "stale";
  const wait = error ? "Not answered." : robustness ? "Of the answer before; this one's follows." : "It follows.";
  const rows = useRef(answer);
  if (answer.alternatives.length) rows.current = answer;
  const beside = useMemo(() => ({ ...rows.current, choice }), [rows.current, choice]);
  const instead = rows.current.words.find((block) => block.rows);
  return html`
    <${KeyFigures} choice=${choice} />
    <div class="design">
      <div><h2>The design</h2><${Lines} lines=${linesOf(words, DATASHEET)} /></div>
      <${Drawing} arch=${choice.arch} />
    </div>
    <${Front} answer=${beside} />
    <h2>Instead</h2>
    ${instead && html`<div class=${rows.current === answer ? "" : "stale"}><${WordTable} block=${instead} name="instead" words=${["against it"]} /></div>`}
    <${Lines} lines=${linesOf(words, ["Why"])} />
    ${answer.scored.length > 0 && html`<h2>Your own design</h2><${Lines} lines=${linesOf(words, ["Scored"])} />`}
    <h2>What binds</h2>
    ${late && html`<p class="waiting">${wait}</p>`}
    ${robustness && html`<div class=${late}><${Limits} prices=${robustness.shadow_prices} /></div>`}
    <h2>How sure</h2>
    ${late && html`<p class="waiting">${wait}</p>`}
    ${robustness && html`<div class=${late}>${robustness.contending && html`<${Contending} found=${robustness.contending} />`}
      <${Lines} lines=${lines} /></div>`}
    <${Lines} lines=${linesOf(words, ["Careful"])} />
    ${labs.length > 0 && html`<h2>Of labs</h2><div class=${answer.labs.length ? "" : "stale"}><${Lines} lines=${labs} /></div>`}
    <${Notes} notes=${answer.notes} />
    <details><summary>What was asked, and every number that the answer rests on</summary>
      <${Lines} lines=${linesOf(words, QUESTION)} />
      <${Table} caption="Numbers behind the plan" name="assumptions" rows=${answer.assumptions} columns=${ASSUMED} />
    </details>
    <${Exports} answer=${answer} body=${body} whole=${whole} />`;
}

const ASSUMED = [
  { title: "what", value: (one) => one.name, words: true },
  { title: "value", value: (one) => one.value, words: true },
  { title: "basis", value: (one) => one.basis, words: true },
  { title: "source", value: (one) => one.source, words: true },
];

function KeyFigures({ choice }) {
  const figures = [
    ["loss, nats per token", nats(choice.loss), choice.loss_low && `${nats(choice.loss_low)} – ${nats(choice.loss_high)}`],
    ["active parameters", count(choice.arch.params_active), `of ${count(choice.arch.params_total)}`],
    ["training tokens", count(choice.tokens), `${count(choice.train_flops)} FLOPs`],
    ["training", usd(choice.train_usd), `${count(choice.train_gpu_hours)} GPU hours`],
    ["serving", usd(choice.serve_usd), choice.fleet && `${count(choice.fleet.num_gpus)} × ${choice.gpu}`],
    ["together", usd(choice.total_usd), choice.usd_per_mtok && `${usd(choice.usd_per_mtok)} per M output tokens`],
  ];
  return html`<dl class="keys">${figures.map(([label, value, beside]) => html`<div><dt>${label}</dt>
    <dd>${value}${beside && html`<span>${beside}</span>`}</dd></div>`)}</dl>`;
}

const shadow = ({ unit, usd_per_unit: dollars, nats_per_unit: less }) =>
  dollars ? `${usd(dollars)} per ${unit}` : less ? `${nats(less)} nats per ${unit}` : "–";

const LIMITS = [
  { title: "limit", value: (one) => one.limit, words: true },
  { title: "stated", value: (one) => one.stated, text: (one) => amount(one.stated, one.unit) },
  { title: "binds", value: (one) => (one.binds ? "yes" : "no") },
  { title: "loosened by", value: (one) => one.usual.by, text: (one) => amount(one.usual.by, one.unit) },
  { title: "saves", value: (one) => one.usual.usd, text: (one) => (one.usual.usd ? usd(one.usual.usd) : "–") },
  { title: "lowers, nats", value: (one) => one.usual.nats, text: (one) => (one.usual.nats ? nats(one.usual.nats) : "–") },
  { title: "shadow price", value: shadow },
];

function Limits({ prices }) {
  return html`<${Table} caption="Each limit loosened as one would negotiate: dollars saved at the same loss, and by how much the lowest loss falls" name="limits" columns=${LIMITS} rows=${prices}
    mark=${(one) => (one.binds ? "" : "slack")} />`;
}

function Exports({ answer, body, whole }) {
  const [said, setSaid] = useState("");
  const { words, notes, ...record } = answer;
  return html`<div class="exports"><h2>Take it with you</h2>
    <button type="button" onClick=${() => download("plan.json", JSON.stringify(record, null, 2), "application/json")}>Record (JSON)</button>
    <${Report} question="plan" body=${body} file="plan.html" label="Report (HTML)" say=${setSaid} />
    <button type="button" onClick=${() => download("question.json", JSON.stringify(body, null, 2), "application/json")}>Question (JSON)</button>
    <p role="status">${said || (whole ? "" : "The record is of the first answer: how sure it is stands in it later.")}</p></div>`;
}
