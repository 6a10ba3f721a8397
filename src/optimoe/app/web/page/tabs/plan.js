// Plan: which model to train for a budget and a traffic.

import { html } from "../html.js";

export const name = "plan";
export const title = "Plan";
export const short = {};

export function View() {
  return html`<h1>Plan</h1>`;
}
