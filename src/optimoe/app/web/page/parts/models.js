// Models of a question: names of the catalog, and the content of dropped files.

import { html, useState } from "../html.js";
import { Drop } from "./drop.js";
import { useId } from "./fields.js";

/** The models that an option's text states: names by comma, or a JSON list of names and contents. @param {string} text */
export function modelsOf(text) {
  if (!text) return [];
  return text.startsWith("[") ? JSON.parse(text) : text.split(",").map((one) => one.trim()).filter(Boolean);
}

/** The text of models: names by comma where all are names. @param {(string | object)[]} models */
export const textOf = (models) => (models.every((one) => typeof one === "string") ? models.join(",") : JSON.stringify(models));

/** What people call a model. @param {string | object} model */
export const nameOf = (model) => (typeof model === "string" ? model : model.name ?? "dropped");

/**
 * A list of models with a box for names and a place to drop a config.json.
 *
 * @param {{label: string, models: (string | object)[], names: string[], keep: (models: (string | object)[]) => void,
 *   help?: string, error?: string, least?: number, most: number, drop?: boolean}} props `drop` says whether content may be dropped.
 */
export function ModelsField({ label, models, names, keep, help, error, least = 1, most, drop = true }) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const add = (model) => {
    const kept = models.filter((one) => nameOf(one) !== nameOf(model));
    keep([...kept.slice(0, most - 1), model]);
  };
  const typed = (event) => {
    const name = event.target.value.trim();
    event.target.value = "";
    if (name) add(name);
  };
  return html`<div class=${error ? "field wrong" : "field"}>
    <div class="label"><label for=${id}>${label}</label>
      ${help && html`<button type="button" class="help" aria-expanded=${open} aria-controls="${id}-help" aria-label="What ${label} means" onClick=${() => setOpen(!open)}>?</button>`}</div>
    <input id=${id} list="${id}-names" autocomplete="off" spellcheck="false" placeholder=${models.length < most ? "add by name" : "another, by name"}
      ...${error ? { "aria-invalid": "true", "aria-describedby": `${id}-error` } : {}} onChange=${typed} />
    <datalist id="${id}-names">${names.map((one) => html`<option value=${one} />`)}</datalist>
    ${help && html`<p class="hint" id="${id}-help" hidden=${!open}>${help}</p>`}
    <ul class="own">${models.map((one, i) => html`<li>${nameOf(one)}
      ${models.length > least && html`<button type="button" class="quiet" onClick=${() => keep(models.filter((_, j) => j !== i))}>Remove<span class="unseen"> ${nameOf(one)}</span></button>`}</li>`)}</ul>
    ${error && html`<p class="error" id="${id}-error" role="alert">${error}</p>`}
    ${drop && html`<${Drop} label="Drop a config.json to add it" add=${(name, config) => add({ ...config, name })} />`}
  </div>`;
}
