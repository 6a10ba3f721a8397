// A table of numbers: it sorts by its heads, is copied, and downloads as CSV.

import { html, useState } from "../html.js";
import { useId } from "./fields.js";
import { copy, csv, download } from "./files.js";
import { parsed } from "./numbers.js";

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: any) => number | string | null} value What is sorted, copied and downloaded.
 * @property {(row: any) => unknown} [text] What is shown, where that is another.
 * @property {boolean} [words] Whether it begins at the left.
 */

const compare = (a, b) => {
  if (a === b) return 0;
  if (a === null || a === undefined || Number.isNaN(a)) return 1;
  if (b === null || b === undefined || Number.isNaN(b)) return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
};

/**
 * @param {{caption: unknown, name: string, columns: Column[], rows: any[], mark?: (row: any) => string}} props `name` is
 *   that of the file; `mark` gives the class of a row.
 */
export function Table({ caption, name, columns, rows, mark }) {
  const [order, setOrder] = useState({ column: -1, down: false });
  const [said, setSaid] = useState("");
  const id = useId();
  const sorted = order.column < 0 ? rows : rows.toSorted(
    (a, b) => (order.down ? -1 : 1) * compare(columns[order.column].value(a), columns[order.column].value(b)),
  );
  const turn = (i) => setOrder(order.column === i ? (order.down ? { column: -1, down: false } : { column: i, down: true }) : { column: i, down: false });
  const plain = () => [columns.map((one) => one.title || "name"), ...sorted.map((row) => columns.map((one) => one.value(row)))];
  const copied = async () => {
    const done = await copy(plain().map((row) => row.join("\t")).join("\n"));
    setSaid(done ? "copied" : "the browser refuses to copy");
    setTimeout(() => setSaid(""), 2000);
  };
  return html`<div class="table">
    <p class="caption" id=${id}>${caption}</p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby=${id}>
      <table aria-labelledby=${id}>
        <thead><tr>${columns.map((one, i) => html`<th scope="col" class=${one.words ? "words" : ""}
          aria-sort=${order.column === i ? (order.down ? "descending" : "ascending") : undefined}>
          ${one.title ? html`<button type="button" onClick=${() => turn(i)}>${one.title}</button>` : html`<span class="unseen">name</span>`}</th>`)}</tr></thead>
        <tbody>${sorted.map((row) => html`<tr class=${mark?.(row) ?? ""}>${columns.map((one, i) => {
          const shown = one.text ? one.text(row) : one.value(row) ?? "–";
          const side = one.words ? "words" : "";
          return i === 0 ? html`<th scope="row" class=${side}>${shown}</th>` : html`<td class=${side}>${shown}</td>`;
        })}</tr>`)}</tbody>
      </table>
    </div>
    <div class="tools"><button type="button" class="quiet" onClick=${copied}>Copy<span class="unseen"> ${caption}</span></button>
      <button type="button" class="quiet" onClick=${() => download(`${name}.csv`, csv(plain()), "text/csv")}>CSV<span class="unseen"> of ${caption}</span></button>
      <span role="status">${said}</span></div>
  </div>`;
}

/** A table of words that the server made, its first row of heads. @param {{block: {title: string, rows: string[][]}, name: string, words?: string[]}} props */
export function WordTable({ block, name, words = [] }) {
  const [heads, ...rows] = block.rows;
  const number = (text) => (Number.isNaN(parsed(text)) ? text : parsed(text));
  const columns = heads.map((title, i) => ({
    title, value: (row) => number(row[i] ?? ""), text: (row) => row[i] ?? "", words: i === 0 || words.includes(title),
  }));
  return html`<${Table} caption=${block.title} name=${name} columns=${columns} rows=${rows} />`;
}
