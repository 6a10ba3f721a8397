// What a comparison shows: parameters by part, dense sizes of equal cost, what the time goes to, the cache.

import { html } from "../../html.js";
import { Records } from "../../parts/answer.js";
import { Lines, Notes } from "../../parts/notes.js";
import { WordTable } from "../../parts/table.js";
import { Cache, Components, Equivalents, Parts } from "./figures.js";

/** @param {{answer: object}} props */
export function Compared({ answer, body }) {
  const [side, equivalents, ...rest] = answer.words.filter((block) => block.rows);
  const lines = answer.words.flatMap((block) => block.lines ?? []);
  const { models } = answer;
  return html`
    <${Sheet} block=${side} title="Side by side" name="models" />
    <${Parts} models=${models} />
    <${Equivalents} models=${models}>
      <${Sheet} block=${equivalents} title="Dense size of equal cost, by the rule of thumb and by the full cost model" name="dense-equivalents" />
    <//>
    <${Components} models=${models}>
      ${rest.map((block, i) => html`<${Sheet} key=${i} block=${block} title=${`What the sizes of ${models[i]?.name ?? "a model"} are put together from`} name=${`components-${models[i]?.name ?? i}`} />`)}
    <//>
    <${Cache} models=${models} />
    <h2>To be known</h2>
    <${Lines} wide lines=${lines} />
    <${Notes} notes=${answer.notes} />
    <${Records} records=${{ compare: answer }} reports=${{ compare: ["compare", body] }} />`;
}

const Sheet = ({ block, title, name }) => block && html`<${WordTable} block=${{ ...block, title: block.title || title }} name=${name} />`;
