// Fields of a question: each shows one option of the API, with its help, its default and the error that names it.

import { html, useEffect, useRef, useState } from "../html.js";
import { count, parsed } from "./numbers.js";

let made = 0;
/** An id of its own for a component, for labels. */
export const useId = () => useState(() => `f${(made += 1)}`)[0];

/**
 * The frame of a field: its label, its help behind a button, and the error that names it.
 *
 * @param {{id: string, label: string, unit?: string, help?: string, error?: string, children: unknown}} props
 */
export function Field({ id, label, unit, help, error, children }) {
  const [open, setOpen] = useState(false);
  return html`<div class=${error ? "field wrong" : "field"}>
    <div class="label">
      <label for=${id}>${label}${unit && html` <span class="unit">${unit}</span>`}</label>
      ${help && html`<button type="button" class="help" aria-expanded=${open} aria-controls="${id}-help"
        aria-label="What ${label} means" onClick=${() => setOpen(!open)}>?</button>`}
    </div>
    ${children}
    ${help && html`<p class="hint" id="${id}-help" hidden=${!open}>${help}</p>`}
    ${error && html`<p class="error" id="${id}-error" role="alert">${error}</p>`}
  </div>`;
}

/** What an input says of itself to those who do not see it. */
const said = (id, error) => (error ? { "aria-invalid": "true", "aria-describedby": `${id}-error` } : {});

/**
 * What every field of options has: `{ form, name }`, where a form is
 * `{ options, values, change, settle, errors }`: the API's options, what is stated (text by option), a function that
 * takes changes while they are made, one that says that they are done, and errors by option.
 */
function shown(form, name) {
  const option = form.options[name] ?? {};
  const usual = option.default === undefined ? "" : typeof option.default === "number" ? count(option.default, 6) : String(option.default);
  return { option, text: form.values[name] ?? "", usual, error: form.errors[name] };
}

/** Text, with the names that it may have. @param {{form: object, name: string, label: string, unit?: string}} props */
export function TextField({ form, name, label, unit }) {
  const id = useId();
  const { option, text, usual, error } = shown(form, name);
  const names = option.examples;
  return html`<${Field} id=${id} label=${label} unit=${unit} help=${option.description} error=${error}>
    <input id=${id} name=${name} value=${text} placeholder=${usual} list=${names && `${id}-names`} autocomplete="off"
      spellcheck="false" ...${said(id, error)} onChange=${(event) => form.settle({ [name]: event.target.value.trim() })} />
    ${names && html`<datalist id="${id}-names">${names.map((one) => html`<option value=${one} />`)}</datalist>`}
  <//>`;
}

/** One of few: an enumeration of the API, or its names. */
export function SelectField({ form, name, label }) {
  const id = useId();
  const { option, text, usual, error } = shown(form, name);
  const names = option.enum ?? option.examples ?? [];
  return html`<${Field} id=${id} label=${label} help=${option.description} error=${error}>
    <select id=${id} name=${name} ...${said(id, error)}
      onChange=${(event) => form.settle({ [name]: event.target.value === usual ? "" : event.target.value })}>
      ${names.map((one) => html`<option value=${one} selected=${one === (text || usual)}>${one}</option>`)}
    </select>
  <//>`;
}

/** Yes or no. */
export function SwitchField({ form, name, label }) {
  const id = useId();
  const { option, text, error } = shown(form, name);
  return html`<div class="field switch">
    <input type="checkbox" id=${id} name=${name} checked=${text === "true"} ...${said(id, error)}
      onChange=${(event) => form.settle({ [name]: event.target.checked ? "true" : "" })} />
    <label for=${id} title=${option.description}>${label}</label>
    ${error && html`<p class="error" id="${id}-error" role="alert">${error}</p>`}
  </div>`;
}

const STEPS = 200;

/**
 * A slider over decades beside its box.
 *
 * @param {{id: string, label: string, value: number, low: number, high: number, whole?: boolean,
 *   slide: (value: number) => void, settle: (value: number) => void, told?: string}} props
 */
export function Slider({ id, label, value, low, high, whole, slide, settle, told }) {
  const span = Math.log(high / low);
  const at = (step) => {
    const exact = low * Math.exp((span * step) / STEPS);
    const rounded = Number(exact.toPrecision(exact < 10 * low && exact < 10 ? 2 : 3));
    return whole ? Math.max(1, Math.round(rounded)) : rounded;
  };
  const place = value > 0 ? Math.round((STEPS * Math.log(value / low)) / span) : 0;
  return html`<input type="range" id=${id} aria-label="${label}, slider" aria-valuetext=${told ?? String(value)}
    min="0" max=${STEPS} value=${Math.min(STEPS, Math.max(0, place))}
    onInput=${(event) => slide(at(Number(event.target.value)))} onChange=${(event) => settle(at(Number(event.target.value)))} />`;
}

/**
 * A quantity with a slider over its usual range; beyond it the box takes what the API takes.
 *
 * @param {{form: object, name: string, label: string, unit?: string, low: number, high: number, whole?: boolean,
 *   rest?: string, unset?: number}} props `rest` and `unset` say what holds where nothing is stated and the API has no default.
 */
export function QuantityField({ form, name, label, unit, low, high, whole, rest = "", unset = NaN }) {
  const id = useId();
  const { option, text, usual, error } = shown(form, name);
  const written = (value) => (Math.abs(value) >= 1e5 ? count(value, 3) : String(value));
  const value = text || usual ? parsed(text || usual) : unset;
  return html`<${Field} id=${id} label=${label} unit=${unit} help=${option.description} error=${error}>
    <div class="pair">
      <${Slider} id="${id}-slider" label=${label} value=${value} low=${low} high=${high} whole=${whole}
        told=${`${text || usual || rest} ${unit ?? ""}`} slide=${(now) => form.change({ [name]: written(now) })}
        settle=${(now) => form.settle({ [name]: written(now) })} />
      <input id=${id} name=${name} class="number" value=${text} placeholder=${usual || rest} inputmode="decimal" autocomplete="off"
        ...${said(id, error)} onChange=${(event) => form.settle({ [name]: event.target.value.trim() })} />
    </div>
  <//>`;
}

/** GPUs with their number, `256xh100-sxm`: a slider over the number, and the kind by name. */
export function GpusField({ form, name, label, low = 1, high = 4096 }) {
  const id = useId();
  const { option, text, error } = shown(form, name);
  const found = /^(\d+)x(.+)$/.exec(text);
  const kind = found?.[2] ?? "";
  return html`<${Field} id=${id} label=${label} help=${option.description} error=${error}>
    <div class="pair">
      <${Slider} id="${id}-slider" label=${label} value=${Number(found?.[1] ?? 0)} low=${low} high=${high} whole told=${text}
        slide=${(now) => form.change({ [name]: `${now}x${kind || "h100-sxm"}` })}
        settle=${(now) => form.settle({ [name]: `${now}x${kind || "h100-sxm"}` })} />
      <input id=${id} name=${name} class="number wide" value=${text} list="${id}-names" autocomplete="off" spellcheck="false"
        ...${said(id, error)} onChange=${(event) => form.settle({ [name]: event.target.value.trim() })} />
      <datalist id="${id}-names">${(option.examples ?? []).map((one) => html`<option value=${`${found?.[1] ?? 8}x${one}`} />`)}</datalist>
    </div>
  <//>`;
}

const STATISTICS = ["mean", "p50", "p90", "p95", "p99"];

/** A limit on a latency, on its mean or a percentile: `p95:2s`. `low` and `high` in milliseconds. */
export function LatencyField({ form, name, label, low, high }) {
  const id = useId();
  const { option, text, error } = shown(form, name);
  const found = /^(?:(p[\d.]+):)?(.*)$/.exec(text);
  const [statistic, limit] = [found?.[1] ?? "mean", found?.[2] ?? ""];
  const whole = (kind, time) => (time === "" ? "" : kind === "mean" ? time : `${kind}:${time}`);
  const inTime = /^([\d.]+)\s*(ms|s)$/.exec(limit);
  const value = inTime ? Number(inTime[1]) * (inTime[2] === "s" ? 1e3 : 1) : high;
  const written = (now) => (now >= high ? "" : now >= 1000 ? `${now / 1e3}s` : `${now}ms`);
  const kinds = STATISTICS.includes(statistic) ? STATISTICS : [...STATISTICS, statistic];
  return html`<${Field} id=${id} label=${label} help=${option.description} error=${error}>
    <div class="pair">
      <${Slider} id="${id}-slider" label=${label} value=${value} low=${low} high=${high} told=${text || "no limit"}
        slide=${(now) => form.change({ [name]: whole(statistic, written(now)) })}
        settle=${(now) => form.settle({ [name]: whole(statistic, written(now)) })} />
      <select aria-label="${label}, on its mean or a percentile" disabled=${limit === ""}
        onChange=${(event) => form.settle({ [name]: whole(event.target.value, limit) })}>
        ${kinds.map((one) => html`<option value=${one} selected=${one === statistic}>${one}</option>`)}
      </select>
      <input id=${id} name=${name} class="number" value=${limit} placeholder="none" autocomplete="off" ...${said(id, error)}
        onChange=${(event) => form.settle({ [name]: whole(statistic, event.target.value.trim()) })} />
    </div>
  <//>`;
}

/**
 * A choice between ways to state one thing, each with options of its own; the others are taken back. One without options
 * is that of stating nothing.
 *
 * @param {{form: object, label: string, ways: {label: string, start: Record<string, string>}[]}} props
 */
export function Ways({ form, label, ways }) {
  const id = useId();
  const stated = (way) => Object.keys(way.start).some((name) => form.values[name]);
  const now = ways.findIndex(stated) < 0 ? ways.findIndex((way) => !Object.keys(way.start).length) : ways.findIndex(stated);
  const choose = (chosen) => {
    const back = Object.fromEntries(ways.flatMap((way) => Object.keys(way.start)).map((name) => [name, ""]));
    form.settle({ ...back, ...ways[chosen].start });
  };
  return html`<fieldset class="ways"><legend>${label}</legend>
    ${ways.map((way, i) => html`<label><input type="radio" name=${id} checked=${i === now}
      onChange=${() => choose(i)} />${way.label}</label>`)}
  </fieldset>`;
}

/** Every other option of a question, as text, in the order of the API. @param {{form: object, names: string[]}} props */
export function OtherFields({ form, names }) {
  const stated = names.filter((name) => form.values[name] || form.errors[name]).length;
  const place = useRef(null);
  useEffect(() => {
    if (names.some((name) => form.errors[name])) place.current.open = true;
  }, [form.errors]);
  return html`<details class="others" ref=${place}><summary>All other options${stated ? ` (${stated} stated)` : ""}</summary>
    ${names.map((name) => {
      const option = form.options[name];
      const kind = option.type === "boolean" ? SwitchField : option.enum ? SelectField : TextField;
      return html`<${kind} key=${name} form=${form} name=${name} label=${name.replaceAll("_", " ")} />`;
    })}
  </details>`;
}
