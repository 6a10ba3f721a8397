// What a deployment comes to: its numbers with bands, its front, what binds, the price by prompt and batch, a fleet.

import { html } from "../../html.js";
import { Records } from "../../parts/answer.js";
import { Lines, Notes } from "../../parts/notes.js";
import { bytes, count, percent, seconds, usd } from "../../parts/numbers.js";
import { Table } from "../../parts/table.js";
import { Binding, Front, layoutWords, Prices } from "./figures.js";

/** @param {{cost: object, curves?: object, fleet?: object, reports: object}} props The deployment, and what is answered beside it. */
export function Served({ cost, curves, fleet, reports }) {
  return html`
    <${KeyFigures} cost=${cost} />
    <h2>The deployment</h2>
    <${Lines} lines=${cost.words.flatMap((block) => block.lines ?? [])} />
    <${Notes} notes=${cost.notes} />
    ${fleet && html`<h2>The fleet</h2><${Failure} of=${fleet} />${fleet.answer && html`<${Fleets} answer=${fleet.answer} />`}`}
    <${Failure} of=${curves} />
    ${curves?.answer ? html`<${Front} curves=${curves.answer} chosen=${cost} />
      <${Binding} points=${curves.answer.frontier.points} />
      <${Prices} curves=${curves.answer} />` : html`<p class="waiting">The front of latency and throughput follows.</p>`}
    <${Records} records=${{ cost, curves: curves?.answer, fleet: fleet?.answer }} reports=${reports} />`;
}

const Failure = ({ of }) => of?.error && html`<p class="error" role="alert">${of.error.message}</p>`;

const span = (low, high, written) => low !== null && low !== undefined && `${written(low)} – ${written(high)}`;

function KeyFigures({ cost }) {
  const figures = [
    ["time to first token", seconds(cost.ttft_s), span(cost.ttft_low_s, cost.ttft_high_s, seconds)],
    ["time per output token", seconds(cost.tpot_s), span(cost.tpot_low_s, cost.tpot_high_s, seconds)],
    ["output tokens a second", count(cost.tokens_per_s), span(cost.tokens_low_per_s, cost.tokens_high_per_s, count)],
    ["of one GPU", count(cost.tokens_per_s_per_gpu), `${count(cost.num_gpus)} × ${cost.gpu}`],
    ["per M output tokens", usd(cost.usd_per_mtok), span(cost.usd_low_per_mtok, cost.usd_high_per_mtok, usd)],
    ["requests in flight", count(cost.concurrency), `fits ${count(cost.max_batch)}`],
    ["most of the time", cost.bound_by, layoutWords(cost.layout)],
    ["cache of a GPU", bytes(cost.memory.cache), `weights ${bytes(cost.memory.weights)}`],
  ];
  return html`<dl class="keys">${figures.map(([label, value, beside]) => html`<div><dt>${label}</dt>
    <dd>${value}${beside && html`<span>${beside}</span>`}</dd></div>`)}</dl>`;
}

const FLEET = [
  { title: "GPUs", value: (one) => `${one.num_gpus} × ${one.gpu}`, words: true },
  { title: "deployments", value: (one) => one.num_deployments, text: (one) => `${one.num_deployments} × ${one.gpus_per_deployment}` },
  { title: "layout", value: (one) => layoutWords(one.layout), words: true },
  { title: "USD/h", value: (one) => one.usd_per_hour, text: (one) => usd(one.usd_per_hour) },
  { title: "USD/M tokens", value: (one) => one.usd_per_mtok, text: (one) => usd(one.usd_per_mtok) },
  { title: "used", value: (one) => one.utilisation, text: (one) => percent(one.utilisation) },
  { title: "TTFT", value: (one) => one.ttft_s, text: (one) => seconds(one.ttft_s) },
  { title: "TTFT, band", value: (one) => one.ttft_high_s, text: (one) => span(one.ttft_low_s, one.ttft_high_s, seconds) },
  { title: "TPOT", value: (one) => one.tpot_s, text: (one) => seconds(one.tpot_s) },
  { title: "TPOT, band", value: (one) => one.tpot_high_s, text: (one) => span(one.tpot_low_s, one.tpot_high_s, seconds) },
  { title: "bound by", value: (one) => one.bound_by, words: true },
  { title: "fits", value: (one) => one.fits },
];

const statistic = (share) => (share ? `of ${percent(share)} of requests` : "mean");

function Fleets({ answer }) {
  const caption = `Fleets for ${count(answer.output_tokens_per_s)} output tokens a second: TTFT ${statistic(answer.ttft_percentile)}, TPOT ${statistic(answer.tpot_percentile)}`;
  return html`<${Lines} lines=${answer.words.flatMap((block) => block.lines ?? [])} />
    <${Table} caption=${caption} name="fleets" columns=${FLEET} rows=${answer.fleets} />
    <${Notes} notes=${answer.notes} />`;
}
