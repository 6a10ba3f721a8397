// A design drawn: its layers as a column, what a layer holds, and the share of it that one token uses.

import { html } from "../html.js";
import { count } from "./numbers.js";

const WIDE = 360;
const MOST_DRAWN = 512;
const COLUMNS = 32;

/** Groups of layers alike, from the embedding up. @param {object} arch A design of a record. */
export function groupsOf(arch) {
  const routed = arch.num_moe_layers ?? 0;
  const dense = arch.num_layers - routed;
  return [
    ...(dense ? [{ layers: dense, routed: false }] : []),
    ...(routed ? [{ layers: routed, routed: true }] : []),
  ];
}

function attention(arch) {
  const heads = arch.num_heads ? `${arch.num_heads} heads` : "no softmax";
  const cache = arch.kv_lora_rank ? `latent ${arch.kv_lora_rank}` : arch.num_kv_heads ? `${arch.num_kv_heads} kv` : "";
  return [heads, cache].filter(Boolean).join(", ");
}

/** Squares, one for each routed expert; those of one token are filled. */
function Experts({ arch, y }) {
  const shown = Math.min(arch.num_experts, MOST_DRAWN);
  const each = Math.min(shown, COLUMNS);
  const size = (WIDE - 24) / COLUMNS;
  return Array.from({ length: shown }, (_, i) => html`<rect class=${i < arch.top_k ? "active" : "idle"}
    x=${12 + (i % each) * size} y=${y + Math.floor(i / each) * size} width=${size - 1.5} height=${size - 1.5} />`);
}

const rowsOf = (arch) => Math.ceil(Math.min(arch.num_experts, MOST_DRAWN) / Math.min(arch.num_experts, COLUMNS));

function heightOf(arch, group) {
  return group.routed ? 76 + (rowsOf(arch) * (WIDE - 24)) / COLUMNS + (arch.num_shared_experts ? 20 : 0) : 66;
}

function Group({ arch, group, y }) {
  const height = heightOf(arch, group);
  const shared = arch.num_shared_experts;
  const top = y + 66 + (shared ? 20 : 0);
  return html`<g>
    <rect class="frame" x="0.5" y=${y + 0.5} width=${WIDE - 1} height=${height - 1} />
    <text class="strong" x="12" y=${y + 17}>${group.layers} × layer${group.layers > 1 ? "s" : ""}, ${group.routed ? "routed" : "dense"}</text>
    <rect class="active" x="12" y=${y + 25} width="8" height="12" /><text x="26" y=${y + 35}>attention: ${attention(arch)}</text>
    ${group.routed ? html`
      <rect class="active" x="12" y=${y + 43} width="8" height="12" />
      <text x="26" y=${y + 53}>${arch.top_k} of ${arch.num_experts} experts, each ${arch.d_expert} wide${arch.num_experts > MOST_DRAWN ? `; ${MOST_DRAWN} drawn` : ""}</text>
      ${shared > 0 && html`<rect class="active" x="12" y=${y + 63} width="8" height="12" /><text x="26" y=${y + 73}>${shared} shared, for every token</text>`}
      <${Experts} arch=${arch} y=${top} />`
    : html`<rect class="active" x="12" y=${y + 43} width="8" height="12" /><text x="26" y=${y + 53}>feed-forward: ${arch.d_ff} wide</text>`}
  </g>`;
}

/** @param {{arch: object, title?: string}} props A design of a record. */
export function Drawing({ arch, title = "The design drawn" }) {
  const groups = groupsOf(arch);
  const heights = groups.map((group) => heightOf(arch, group));
  const starts = heights.map((_, i) => 34 + heights.slice(0, i).reduce((sum, one) => sum + one + 6, 0));
  const end = 34 + heights.reduce((sum, one) => sum + one + 6, 0);
  const share = arch.params_active / arch.params_total;
  const told = `${arch.num_layers} layers, ${arch.d_model} wide. ${groups.map((group) => group.routed
    ? `${group.layers} with ${arch.num_experts} experts, of which a token uses ${arch.top_k}${arch.num_shared_experts ? ` and ${arch.num_shared_experts} shared` : ""}`
    : `${group.layers} dense`).join("; ")}. A token uses ${count(arch.params_active)} of ${count(arch.params_total)} parameters.`;
  return html`<figure class="drawing"><figcaption>${title}</figcaption>
    <svg viewBox="0 0 ${WIDE} ${end + 64}" role="img" aria-label=${told}>
      <rect class="frame" x="0.5" y="0.5" width=${WIDE - 1} height="27" /><text x="12" y="18">embedding: ${count(arch.vocab_size)} × ${arch.d_model}</text>
      ${groups.map((group, i) => html`<${Group} arch=${arch} group=${group} y=${starts[i]} />`)}
      <rect class="frame" x="0.5" y=${end + 0.5} width=${WIDE - 1} height="27" />
      <text x="12" y=${end + 18}>unembedding${arch.tied_embeddings ? ", the embedding itself" : ""}</text>
      <rect class="idle" x="0" y=${end + 38} width=${WIDE} height="6" /><rect class="active" x="0" y=${end + 38} width=${Math.max(1, WIDE * share)} height="6" />
      <text x="0" y=${end + 60}>${count(arch.params_active)} of ${count(arch.params_total)} parameters for a token</text>
    </svg></figure>`;
}
