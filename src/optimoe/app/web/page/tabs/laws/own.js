// A law of one's own along its variables, asked by its file.

import { html, useState } from "../../html.js";
import { QuantityField, SelectField } from "../../parts/fields.js";
import { useAnswers } from "../../parts/several.js";
import { Along } from "./figures.js";
import { lineOf, PREFERRED, span } from "./line.js";

/** What a law of one's own says along a variable, the others at the middle of their fit or where they are put. @param {{law: {name: string, text: string}}} props */
export function OwnLine({ law }) {
  const [values, setValues] = useState({});
  const put = (changes) => setValues((old) => ({ ...old, ...changes }));
  const { found } = useAnswers({ show: ["laws/show", { law }] });
  const show = found.show?.answer;
  const variables = show?.variables ?? {};
  const symbols = show?.required.L ?? [];
  const along = symbols.includes(values.along) ? values.along : PREFERRED.find((one) => symbols.includes(one)) ?? symbols[0];
  const [low = null, high = null] = variables[along]?.span ?? [];
  const lines = useAnswers({ line: lineOf(show, law, { output: "L", along, low, high, values, variables }) });
  const answer = lines.found.line?.answer;
  const error = found.show?.error ?? lines.found.line?.error;
  const options = Object.fromEntries(symbols.map((symbol) => [`v_${symbol}`, { description: `${variables[symbol].unit || symbol}; ${span(variables[symbol].fitted)}`, default: variables[symbol].usual ?? undefined }]));
  const form = { options: { ...options, along: { description: "What moves along the figure.", examples: symbols, default: along } }, values, change: put, settle: put, errors: {} };
  if (!symbols.length) return error ? html`<p class="error" role="alert">${error.message}</p>` : null;
  return html`<h2>Along a variable</h2>
    <${SelectField} form=${form} name="along" label="Along" />
    ${symbols.filter((symbol) => symbol !== along).map((symbol) => html`<${QuantityField} key=${symbol} form=${form} name=${`v_${symbol}`} label=${symbol}
      low=${variables[symbol].span[0] ?? 1} high=${variables[symbol].span[1] ?? 1e3} />`)}
    ${error && html`<p class="error" role="alert">${error.message}</p>`}
    ${answer && html`<${Along} answers=${[answer]} />`}`;
}
