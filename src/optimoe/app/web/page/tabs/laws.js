// Laws: what they say along a variable, of a design, at a budget; and of runs of one's own.

import { html } from "../html.js";
import { useId } from "../parts/fields.js";
import { Budget } from "./laws/budget.js";
import { Design } from "./laws/design.js";
import { Line } from "./laws/line.js";
import { Runs } from "./laws/runs.js";

export const name = "laws";
export const title = "Laws";
export const short = { models: "m", laws: "l", output: "o", along: "x", train_flops: "tf" };

const VIEWS = [
  { key: "", words: "along a variable", view: Line },
  { key: "design", words: "of a design", view: Design },
  { key: "budget", words: "at a budget", view: Budget },
  { key: "runs", words: "your own runs", view: Runs },
];

export function View({ api, options, change }) {
  const { view, key } = VIEWS.find((one) => one.key === options.ask) ?? VIEWS[0];
  const which = html`<${Which} now=${key} choose=${(ask) => change({ ask })} />`;
  return html`<${view} key=${key} api=${api} stated=${options} change=${change} which=${which} />`;
}

function Which({ now, choose }) {
  const id = useId();
  return html`<h2>What laws say</h2><fieldset class="ways"><legend class="unseen">What laws say</legend>
    ${VIEWS.map(({ key, words }) => html`<label><input type="radio" name=${id} checked=${key === now} onChange=${() => choose(key)} />${words}</label>`)}
  </fieldset>`;
}
