// A place to drop a model's config.json, or to choose one.

import { html, useState } from "../html.js";
import { useId } from "./fields.js";

const MOST_BYTES = 500_000;

/**
 * @param {{label: string, add: (name: string, config: object) => void}} props `add` takes a file's name without its
 *   ending, and its content.
 */
export function Drop({ label, add }) {
  const id = useId();
  const [error, setError] = useState("");
  const [over, setOver] = useState(false);
  const take = async (files) => {
    setError("");
    for (const file of files) {
      if (file.size > MOST_BYTES) {
        setError(`${file.name}: must be at most ${MOST_BYTES} bytes, got ${file.size}`);
        continue;
      }
      try {
        const config = JSON.parse(await file.text());
        if (config === null || typeof config !== "object" || Array.isArray(config)) throw new SyntaxError("no object");
        add(config._name_or_path || config.name || file.name.replace(/\.json$/i, ""), config);
      } catch (wrong) {
        setError(`${file.name}: must be a config.json (${wrong.message.slice(0, 80)})`);
      }
    }
  };
  return html`<div class=${over ? "drop over" : "drop"}
    onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
    onDrop=${(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files); }}>
    <label for=${id}>${label}</label>
    <input type="file" id=${id} accept=".json,application/json" multiple
      onChange=${(event) => { take([...event.target.files]); event.target.value = ""; }} />
    ${error && html`<p class="error" role="alert">${error}</p>`}
  </div>`;
}
