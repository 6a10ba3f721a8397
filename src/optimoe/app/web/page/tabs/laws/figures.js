// Figures of laws: along a variable, opinions of a design, answers at a budget, residuals of runs.

import { html, useCallback, useState } from "../../html.js";
import { decades } from "../../parts/axes.js";
import { Figure } from "../../parts/figure.js";
import { between, count, nats, percent } from "../../parts/numbers.js";
import { Table } from "../../parts/table.js";

/** Letters of a unit that stand beside an axis; a longer one stands in the sentence. */
const MOST_UNIT = 24;

const valued = (output) => (output.startsWith("L") ? nats : (value) => count(value, 4));

/** Laws along a variable: dotted where a variable is beyond what was fitted, the fitted range shaded. @param {{answers: object[]}} props */
export function Along({ answers }) {
  const [bands, setBands] = useState(true);
  const [{ variable, output, unit }] = answers;
  const written = valued(output);
  const draw = useCallback((theme, narrow) => {
    const colour = (i) => [theme.accent, ...theme.series][i % 7];
    const data = answers.flatMap(({ law, points }, i) => {
      const x = points.map((one) => one.at);
      const text = points.map((one) => `${law}: ${written(one.value)}${one.low === null ? "" : ` (${written(one.low)} – ${written(one.high)})`} at ${variable} ${count(one.at)}${one.beyond.map((line) => `<br>beyond: ${line}`).join("")}`);
      const end = (key, fill) => ({ x, y: points.map((one) => one[key]), mode: "lines", line: { width: 0 }, fill, fillcolor: `${colour(i)}26`, hoverinfo: "skip", showlegend: false });
      const inside = points.map((one) => (one.beyond.length ? null : one.value));
      return [
        ...(bands && points.some((one) => one.low !== null) ? [end("high", "none"), end("low", "tonexty")] : []),
        { x, y: points.map((one) => one.value), mode: "lines", line: { color: colour(i), dash: "dot", width: 1.5 }, text, hovertemplate: "%{text}<extra></extra>", name: `${law}${inside.some((one) => one !== null) ? "" : ", beyond its fit"}`, showlegend: inside.every((one) => one === null) },
        { x, y: inside, mode: "lines", line: { color: colour(i), width: 2.5 }, hoverinfo: "skip", name: law, showlegend: inside.some((one) => one !== null) },
      ];
    });
    const shapes = answers.flatMap(({ fitted }, i) => (fitted.length && fitted[1] > fitted[0] ? [{ type: "rect", layer: "below", xref: "x", yref: "paper", x0: Math.max(fitted[0], answers[i].points[0].at), x1: fitted[1], y0: 0, y1: 1, fillcolor: `${colour(i)}14`, line: { width: 0 } }] : []));
    const xs = answers.flatMap(({ points }) => [points[0].at, points.at(-1).at]);
    const ys = answers.flatMap(({ points }) => points.map((one) => one.value));
    const range = [Math.log10(Math.min(...xs)), Math.log10(Math.max(...xs))];
    const yaxis = output.startsWith("L") ? {} : decades(ys, (value) => count(value));
    return { data, layout: { xaxis: { ...decades(xs, (value) => count(value), narrow ? 6 : 14), range, title: { text: variable } }, yaxis: { ...yaxis, title: { text: unit && unit.length < MOST_UNIT ? `${output}, ${unit}` : output } }, hovermode: "closest", shapes } };
  }, [answers.map((one) => JSON.stringify(one.points)).join(), bands]);
  const told = answers.map(({ law, points, fitted }) => `${law}: from ${written(points[0].value)} at ${count(points[0].at)} to ${written(points.at(-1).value)} at ${count(points.at(-1).at)}${fitted.length ? `, fitted ${between(fitted)}` : ""}`).join("; ");
  const rows = answers.flatMap(({ law, points }) => points.map((one) => ({ law, ...one })));
  return html`<${Figure} title="${output} along ${variable}" name="along" told=${told} draw=${draw}
    tools=${html`<label><input type="checkbox" checked=${bands} onChange=${(event) => setBands(event.target.checked)} />90 % bands</label>
      <span>Shaded: the fitted range of ${variable}; dotted: something is beyond its fit.</span>`}>
    <details><summary>As a table</summary><${Table} caption="${output} along ${variable}" name="along" rows=${rows} columns=${[
      { title: "law", value: (one) => one.law, words: true }, { title: variable, value: (one) => one.at, text: (one) => count(one.at, 4) },
      { title: output, value: (one) => one.value, text: (one) => written(one.value) }, { title: "low", value: (one) => one.low, text: (one) => written(one.low) },
      { title: "high", value: (one) => one.high, text: (one) => written(one.high) }, { title: "beyond", value: (one) => one.beyond.join("; "), words: true },
    ]} /></details>
  <//>`;
}

/** The loss of a design by each law that covers it, beside its dense twin's. @param {{opinions: object[]}} props */
export function Opinions({ opinions }) {
  const draw = useCallback((theme, narrow) => {
    const y = opinions.map((one) => one.law);
    const known = (key) => opinions.map((one) => (one.low === null ? 0 : Math.abs(one[key] - one.loss)));
    return {
      data: [
        { x: opinions.map((one) => one.dense_loss), y, mode: "markers", name: "dense of as many active parameters", marker: { symbol: "line-ns-open", size: 13, color: theme.muted }, hovertemplate: "%{y}: dense %{x:.3f}<extra></extra>" },
        { x: opinions.map((one) => one.loss), y, mode: "markers", name: "the design", marker: { size: 10, color: theme.accent, symbol: opinions.map((one) => (one.inside ? "circle" : "circle-open")) }, hovertemplate: "%{y}: %{x:.3f}<extra></extra>",
          error_x: { type: "data", symmetric: false, array: known("high"), arrayminus: known("low"), color: theme.accent, thickness: 1 } },
      ],
      layout: { height: 130 + 34 * opinions.length + (narrow ? 40 : 0), xaxis: { title: { text: "loss, nats per token" } }, yaxis: { autorange: "reversed", tickfont: { size: narrow ? 10 : 12 } }, hovermode: "closest" },
    };
  }, [opinions]);
  const told = opinions.map((one) => `${one.law}: ${nats(one.loss)}, dense ${nats(one.dense_loss)}`).join("; ");
  return html`<${Figure} title="Its loss by each law that covers it" name="opinions" told=${told} draw=${draw} tools=${html`<span>Open: outside of what the law was fitted on.</span>`} />`;
}

/** What each law would choose. @param {{verdict: object}} props One question of a budget. */
export function Answers({ verdict }) {
  const name = verdict.question.replaceAll("_", " ");
  const draw = useCallback((theme, narrow) => {
    const far = (one) => Object.values(one.decades_beyond).some((decade) => decade > 0);
    const known = verdict.answers.filter((one) => one.value !== null);
    return {
      data: [{ x: known.map((one) => one.value), y: known.map((one) => one.law), mode: "markers", marker: { size: 10, color: theme.accent, symbol: known.map((one) => (far(one) ? "circle-open" : "circle")) }, text: known.map((one) => `${one.law}: ${one.bound} ${count(one.value)}`), hovertemplate: "%{text}<extra></extra>" }],
      layout: { height: 110 + 30 * known.length, xaxis: { ...decades(known.map((one) => one.value), (value) => count(value), narrow ? 5 : 12), title: { text: name } }, yaxis: { autorange: "reversed", tickfont: { size: narrow ? 10 : 12 } }, hovermode: "closest", showlegend: false },
    };
  }, [verdict]);
  return html`<${Figure} title=${`By law: ${name}`} name=${verdict.question} told=${verdict.words} draw=${draw} tools=${html`<span>Open: beyond what the law was fitted on.</span>`} />`;
}

/** How far each run lies from the law. @param {{residuals: object[]}} props */
export function Residuals({ residuals }) {
  const names = Object.keys(residuals[0].variables);
  const [against, setAgainst] = useState(names[0] ?? "predicted");
  const at = (one) => (against === "predicted" ? one.predicted : one.variables[against]);
  const draw = useCallback((theme, narrow) => ({
    data: [{ x: residuals.map(at), y: residuals.map((one) => 100 * one.residual), mode: "markers", marker: { color: theme.series[1], size: 8 }, text: residuals.map((one) => `${one.run || `row ${one.row}`}: loss ${nats(one.loss)}, law ${nats(one.predicted)}`), hovertemplate: "%{text}<extra></extra>" }],
    layout: { xaxis: { ...decades(residuals.map(at), against === "predicted" ? nats : (value) => count(value), narrow ? 6 : 12), title: { text: against === "predicted" ? "predicted loss" : against } }, yaxis: { title: { text: "measured over predicted, % (ln)" }, zeroline: true, zerolinecolor: theme.muted }, hovermode: "closest", showlegend: false },
  }), [residuals, against]);
  const told = `${residuals.length} runs; the table has each.`;
  return html`<${Figure} title="Residuals" name="residuals" told=${told} draw=${draw}
    tools=${html`<label>Against <select onChange=${(event) => setAgainst(event.target.value)}>${[...names, "predicted"].map((one) => html`<option value=${one} selected=${one === against}>${one === "predicted" ? "predicted loss" : one}</option>`)}</select></label>`}>
    <details><summary>As a table</summary><${Table} caption="Runs and law" name="residuals" rows=${residuals} columns=${[
      { title: "row", value: (one) => one.row }, { title: "run", value: (one) => one.run, words: true },
      ...names.map((name) => ({ title: name, value: (one) => one.variables[name], text: (one) => count(one.variables[name], 4) })),
      { title: "loss", value: (one) => one.loss, text: (one) => nats(one.loss) }, { title: "law", value: (one) => one.predicted, text: (one) => nats(one.predicted) },
      { title: "ln of their ratio", value: (one) => one.residual, text: (one) => percent(one.residual) },
    ]} /></details>
  <//>`;
}
