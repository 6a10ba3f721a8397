// What the server says in words: sentences, labelled lines, notes.

import { html } from "../html.js";

/**
 * Lines of label and text; an empty label continues the one above.
 *
 * @param {{lines: [string, string][], wide?: boolean}} props `wide` leaves labels more room.
 */
export function Lines({ lines, wide = false }) {
  const groups = [];
  for (const [label, text] of lines) {
    if (label || !groups.length) groups.push({ label, texts: [text] });
    else groups.at(-1).texts.push(text);
  }
  return html`<dl class=${wide ? "lines wide" : "lines"}>${groups.map(({ label, texts }) => html`<div><dt>${label}</dt>
    ${texts.map((text) => html`<dd>${text}</dd>`)}</div>`)}</dl>`;
}

/** What the command would say beside its answer. @param {{notes: string[]}} props */
export function Notes({ notes }) {
  return notes.length ? html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>` : null;
}

/** The lines of some labels, out of an answer's words. @param {object[]} words @param {string[]} labels */
export function linesOf(words, labels) {
  const found = [];
  for (const block of words) {
    let label = "";
    for (const [stated, text] of block.lines ?? []) {
      label = stated || label;
      if (labels.includes(label)) found.push([stated, text]);
    }
  }
  return found;
}
