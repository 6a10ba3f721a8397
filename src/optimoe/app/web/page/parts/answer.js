// The frame of an answer: its sentence, what is underway, and what goes wrong.

import { ask } from "../api.js";
import { html, useState } from "../html.js";
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

/** A button that has a question answered by its report, and keeps that. @param {{question: string, body: object, file: string, label: string, say: (text: string) => void}} props */
export function Report({ question, body, file, label, say }) {
  const report = async () => {
    say("writing the report …");
    try {
      download(file, await ask(`${question}/report`, body, { purpose: "report", accept: "text/html" }), "text/html");
      say("");
    } catch (error) {
      say(error.message);
    }
  };
  return html`<button type="button" onClick=${report}>${label}</button>`;
}

/**
 * Records and reports to take along.
 *
 * @param {{records: Record<string, object>, reports?: Record<string, [string, object]>}} props Each answer by the
 *   name of its file; of those that have a report, question and body.
 */
export function Records({ records, reports = {} }) {
  const [said, setSaid] = useState("");
  const taken = Object.entries(records).filter(([, answer]) => answer);
  return html`<div class="exports"><h2>Take it with you</h2>
    ${taken.map(([name, { words, notes, ...record }]) => html`<button type="button"
      onClick=${() => download(`${name}.json`, JSON.stringify(record, null, 2), "application/json")}>${name} (JSON)</button>`)}
    ${Object.entries(reports).map(([name, [question, body]]) => html`<${Report} question=${question} body=${body} file="${name}.html" label="${name}, report (HTML)" say=${setSaid} />`)}
    <p role="status">${said}</p></div>`;
}
