// Figures of serving: speed against throughput, what a token's time goes to, and prices.

import { html, useCallback, useState } from "../../html.js";
import { decades } from "../../parts/axes.js";
import { Figure } from "../../parts/figure.js";
import { count, seconds, usd } from "../../parts/numbers.js";
import { Table } from "../../parts/table.js";

/** The degrees of a layout that are not 1: `tp 2 × pp 2, ep 4`. @param {Record<string, number>} layout */
export function layoutWords(layout) {
  const degrees = ["tp", "pp", "dp", "sp"].filter((name) => layout[name] > 1).map((name) => `${name} ${layout[name]}`).join(" × ");
  const rest = [
    ...(layout.ep > 1 ? [`ep ${layout.ep}`] : []), ...(layout.resident < 1 ? [`${layout.resident} of the experts resident`] : []),
    ...(layout.redundant_experts ? [`${layout.redundant_experts} experts copied`] : []),
  ];
  return [degrees || "one GPU", ...rest].join(", ");
}

const CAUSES = ["compute", "weight_reads", "expert_reads", "kv_reads", "host_reads", "all_reduce", "all_to_all", "pipeline", "launch", "prefill_of_others", "wait_for_ranks"];
const worded = (key) => key.replace(/_s$/, "").replaceAll("_", " ");
const shadeOf = ({ accent, series }, cause) => {
  const at = CAUSES.findIndex((one) => worded(one) === cause);
  return [...series, accent][at % 7] + (at < 7 ? "" : "90");
};

const pointWords = (one) => `${layoutWords(one.layout)}, ${count(one.concurrency)} in flight<br>${seconds(one.tpot_s)} per token (${seconds(one.tpot_low_s)} – ${seconds(one.tpot_high_s)}), first after ${seconds(one.ttft_s)}
<br>${count(one.tokens_per_s_per_gpu)} tokens/s/GPU (${count(one.tokens_low_per_s_per_gpu)} – ${count(one.tokens_high_per_s_per_gpu)})${one.usd_per_mtok ? `, ${usd(one.usd_per_mtok)}/M` : ""}<br>bound by ${one.bound_by}`;

const ESTIMATE = [
  { title: "layout", value: (one) => layoutWords(one.layout), words: true },
  { title: "in flight", value: (one) => one.concurrency, text: (one) => count(one.concurrency) },
  { title: "TPOT", value: (one) => one.tpot_s, text: (one) => seconds(one.tpot_s) },
  { title: "low", value: (one) => one.tpot_low_s, text: (one) => seconds(one.tpot_low_s) },
  { title: "high", value: (one) => one.tpot_high_s, text: (one) => seconds(one.tpot_high_s) },
  { title: "TTFT", value: (one) => one.ttft_s, text: (one) => seconds(one.ttft_s) },
  { title: "tokens/s/GPU", value: (one) => one.tokens_per_s_per_gpu, text: (one) => count(one.tokens_per_s_per_gpu) },
  { title: "low", value: (one) => one.tokens_low_per_s_per_gpu, text: (one) => count(one.tokens_low_per_s_per_gpu) },
  { title: "high", value: (one) => one.tokens_high_per_s_per_gpu, text: (one) => count(one.tokens_high_per_s_per_gpu) },
  { title: "USD/M tokens", value: (one) => one.usd_per_mtok, text: (one) => usd(one.usd_per_mtok) },
  { title: "bound by", value: (one) => one.bound_by, words: true },
];

const MS = 1e3;
const ms = (value) => seconds(value / MS);

/** Throughput of a GPU against the time that a user waits for a token. @param {{curves: object, chosen: object}} props */
export function Front({ curves, chosen }) {
  const [bands, setBands] = useState(true);
  const { points, tried } = curves.frontier;
  const here = chosen.tpot_s ? [chosen] : [];
  const draw = useCallback((theme, narrow) => {
    const whisker = (list, key, low, high, scale) => (bands ? {
      type: "data", symmetric: false, thickness: 1, width: 0, array: list.map((one) => scale * (one[high] - one[key])), arrayminus: list.map((one) => scale * (one[key] - one[low])),
    } : undefined);
    const line = { x: points.map((one) => MS * one.tpot_s), y: points.map((one) => one.tokens_per_s_per_gpu), mode: "lines", line: { color: theme.muted, width: 1 }, hoverinfo: "skip", showlegend: false };
    const causes = [...new Set(points.map((one) => one.bound_by))].map((cause) => {
      const some = points.filter((one) => one.bound_by === cause);
      return {
        x: some.map((one) => MS * one.tpot_s), y: some.map((one) => one.tokens_per_s_per_gpu), mode: "markers", name: `bound by ${cause}`,
        marker: { color: shadeOf(theme, cause), size: 9 }, text: some.map(pointWords), hovertemplate: "%{text}<extra></extra>",
        error_x: whisker(some, "tpot_s", "tpot_low_s", "tpot_high_s", MS), error_y: whisker(some, "tokens_per_s_per_gpu", "tokens_low_per_s_per_gpu", "tokens_high_per_s_per_gpu", 1),
      };
    });
    const star = {
      x: here.map((one) => MS * one.tpot_s), y: here.map((one) => one.tokens_per_s_per_gpu), mode: "markers", name: "the deployment above", marker: { symbol: "star", size: 15, color: theme.accent },
      text: here.map((one) => `${layoutWords(one.layout)}, ${count(one.concurrency)} in flight`), hovertemplate: "%{text}<extra></extra>",
    };
    const limit = curves.deployment.limits.tpot_s;
    const shapes = limit ? [{ type: "line", xref: "x", yref: "paper", x0: MS * limit, x1: MS * limit, y0: 0, y1: 1, line: { color: theme.muted, dash: "dot", width: 1 } }] : [];
    return {
      data: [line, ...causes, ...(here.length ? [star] : [])],
      layout: {
        xaxis: { ...decades(points.map((one) => MS * one.tpot_s), ms, narrow ? 6 : 12), title: { text: "time per output token of a user" } },
        yaxis: { ...decades(points.map((one) => one.tokens_per_s_per_gpu), count), title: { text: "output tokens/s of one GPU" } }, hovermode: "closest", shapes,
      },
    };
  }, [curves, chosen, bands]);
  const first = points[0];
  const last = points.at(-1);
  const told = `${points.length} of ${count(tried)} layouts and batches that no other beats: from ${seconds(first.tpot_s)} per token at ${count(first.tokens_per_s_per_gpu)} tokens a second of a GPU to ${seconds(last.tpot_s)} at ${count(last.tokens_per_s_per_gpu)}. The table has every point.`;
  return html`<${Figure} title="Latency against throughput" name="front" told=${told} draw=${draw}
    tools=${html`<label><input type="checkbox" checked=${bands} onChange=${(event) => setBands(event.target.checked)} />90 % bands</label>`}>
    <details><summary>As a table: layouts and what binds</summary><${Table} caption="Points of the front, the fastest for a user first" name="front" columns=${ESTIMATE} rows=${points} /></details>
  <//>`;
}

/** What the time of a token goes to at each point of the front. @param {{points: object[]}} props */
export function Binding({ points }) {
  const [shares, setShares] = useState(true);
  const causes = CAUSES.map((one) => `${one}_s`).filter((key) => points.some((one) => one.parts[key] > 0));
  const draw = useCallback((theme, narrow) => ({
    data: causes.map((key) => ({
      type: "bar", name: worded(key), x: points.map((_, i) => i), y: points.map((one) => MS * one.parts[key]), marker: { color: shadeOf(theme, worded(key)) },
      text: points.map((one) => `${worded(key)}: ${seconds(one.parts[key])} of ${seconds(one.tpot_s)}<br>${layoutWords(one.layout)}, ${count(one.concurrency)} in flight`),
      textposition: "none", hovertemplate: "%{text}<extra></extra>",
    })),
    layout: {
      barmode: "stack", barnorm: shares ? "percent" : "", height: narrow ? 480 : 400, bargap: 0.1, legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", traceorder: "normal" },
      xaxis: { title: { text: "requests in flight, along the front" }, tickvals: points.map((_, i) => i).filter((i) => i % (narrow ? 4 : 2) === 0), ticktext: points.map((one) => count(one.concurrency)).filter((_, i) => i % (narrow ? 4 : 2) === 0), tickangle: 0, showgrid: false },
      yaxis: { title: { text: shares ? "share of a token's time, %" : "time of a token, ms" } },
    },
  }), [points, shares]);
  const told = points.map((one) => `${count(one.concurrency)} in flight: bound by ${one.bound_by}`).join("; ");
  return html`<${Figure} title="What binds along the front" name="binding" told=${told} draw=${draw}
    tools=${html`<label><input type="checkbox" checked=${shares} onChange=${(event) => setShares(event.target.checked)} />as shares</label>`}>
    <details><summary>As a table</summary><${Table} caption="Time of a token by cause, along the front" name="binding" rows=${points} columns=${[
      ...ESTIMATE.slice(0, 3), ...causes.map((key) => ({ title: worded(key), value: (one) => one.parts[key], text: (one) => seconds(one.parts[key]) })),
    ]} /></details>
  <//>`;
}

const AGAINST = { by_context: "the length of the prompt", by_batch: "requests in flight, in the cheapest layout" };

/** Price with its band against the prompt's length, or against requests in flight. @param {{curves: object}} props */
export function Prices({ curves }) {
  const [against, setAgainst] = useState("by_context");
  const rows = against === "by_context" ? curves.by_context.map(([at, one]) => ({ at, ...one })) : curves.by_batch.map((one) => ({ at: one.concurrency, ...one }));
  const priced = rows.some((one) => one.usd_per_mtok);
  const [key, low, high] = priced ? ["usd_per_mtok", "usd_low_per_mtok", "usd_high_per_mtok"] : ["tpot_s", "tpot_low_s", "tpot_high_s"];
  const draw = useCallback((theme, narrow) => {
    const x = rows.map((one) => one.at);
    const end = (name, fill) => ({ x, y: rows.map((one) => one[name]), mode: "lines", line: { width: 0 }, fill, fillcolor: `${theme.series[1]}33`, hoverinfo: "skip", showlegend: fill !== "none", name: "90 % band" });
    const line = { x, y: rows.map((one) => one[key]), mode: "lines+markers", name: priced ? "USD per million output tokens" : "seconds per output token", line: { color: theme.series[1] }, text: rows.map(pointWords), hovertemplate: "%{text}<extra></extra>" };
    return {
      data: [end(high, "none"), end(low, "tonexty"), line],
      layout: {
        xaxis: { ...decades(x, count, narrow ? 6 : 12), title: { text: AGAINST[against] } },
        yaxis: { ...decades(rows.flatMap((one) => [one[low], one[high]]), priced ? usd : seconds), title: { text: line.name } },
      },
    };
  }, [curves, against]);
  const told = rows.map((one) => `${count(one.at)}: ${priced ? usd(one[key]) : seconds(one[key])}`).join(", ");
  return html`<${Figure} title="${priced ? "Price" : "Speed"} against ${AGAINST[against]}" name="prices" told=${told} draw=${draw}
    tools=${html`<label>Against <select onChange=${(event) => setAgainst(event.target.value)}>${Object.entries(AGAINST).map(([one, words]) => html`<option value=${one} selected=${one === against}>${words}</option>`)}</select></label>`}>
    <details><summary>As a table</summary><${Table} caption="The cheapest deployment against ${AGAINST[against]}" name="prices" rows=${rows}
      columns=${[{ title: against === "by_context" ? "prompt" : "requests", value: (one) => one.at, text: (one) => count(one.at) }, ...ESTIMATE]} /></details>
  <//>`;
}
