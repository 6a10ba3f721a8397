// The frame of an answer: its sentence, what is underway, and what goes wrong.

import { html } from "../html.js";
import { download } from "./files.js";

/**
 * @param {{sentence: string, ready: boolean, busy: boolean, error: Error | null, beside?: boolean, children: unknown}} props
 *   `ready` says whether anything is answered yet, `beside` whether a field shows the error.
 */
export function AnswerFrame({ sentence, ready, busy, error, beside = false, children }) {
  const waiting = busy ? (ready ? "Answering …" : "The first answer takes some seconds.") : "";
  return html`<section class=${error || !ready ? "answer stale" : "answer"} aria-label="The answer">
    <a class="jump" href="#asked">Change what is asked</a>
    <div class="verdict" aria-live="polite">
      <h1>${ready ? sentence : error ? "No answer" : "Answering …"}</h1>
      ${error && html`<p class=${beside ? "error unseen" : "error"}>${error.message}</p>`}
    </div>
    <p class="progress" role="status">${error && ready ? "Below is the last answer." : waiting}</p>
    ${ready && children}
  </section>`;
}

/** Records to take along. @param {{records: Record<string, object>}} props Each answer by the name of its file. */
export function Records({ records }) {
  const taken = Object.entries(records).filter(([, answer]) => answer);
  return html`<div class="exports"><h2>Take it with you</h2>
    ${taken.map(([name, { words, notes, ...record }]) => html`<button type="button"
      onClick=${() => download(`${name}.json`, JSON.stringify(record, null, 2), "application/json")}>${name} (JSON)</button>`)}</div>`;
}
