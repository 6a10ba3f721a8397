// A place to drop a file, a model's config.json or another, or to choose one.

import { html, useState } from "../html.js";
import { useId } from "./fields.js";

/** A model's own file. */
const CONFIG = {
  accept: ".json,application/json", what: "a config.json", most: 500_000,
  read: (text) => {
    const config = JSON.parse(text);
    if (config === null || typeof config !== "object" || Array.isArray(config)) throw new SyntaxError("no object");
    return config;
  },
};

/**
 * @param {{label: string, add: (name: string, content: object) => void,
 *   kind?: {accept: string, what: string, most: number, read: (text: string, file: File) => object}}} props `add` takes a
 *   file's name without its ending, and its content; `kind` says which files are taken, of at most so many bytes, and how
 *   they are read.
 */
export function Drop({ label, add, kind = CONFIG }) {
  const id = useId();
  const [error, setError] = useState("");
  const [over, setOver] = useState(false);
  const take = async (files) => {
    setError("");
    for (const file of files) {
      if (file.size > kind.most) {
        setError(`${file.name}: must be at most ${kind.most} bytes, got ${file.size}`);
        continue;
      }
      try {
        const config = kind.read(await file.text(), file);
        add(config._name_or_path || config.name || file.name.replace(/\.json$/i, ""), config);
      } catch (wrong) {
        setError(`${file.name}: must be ${kind.what} (${wrong.message.slice(0, 80)})`);
      }
    }
  };
  return html`<div class=${over ? "drop over" : "drop"}
    onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
    onDrop=${(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files); }}>
    <label for=${id}>${label}</label>
    <input type="file" id=${id} accept=${kind.accept} multiple
      onChange=${(event) => { take([...event.target.files]); event.target.value = ""; }} />
    ${error && html`<p class="error" role="alert">${error}</p>`}
  </div>`;
}
