// Light or dark: the system's, or the reader's own choice.

import { html, useEffect, useState } from "../html.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

const chosen = () => document.documentElement.dataset.theme ?? "";

/** Whether the page is dark now. */
export const isDark = () => (chosen() || (dark.matches ? "dark" : "light")) === "dark";

function changed() {
  for (const listener of listeners) listener(isDark());
}

dark.addEventListener("change", changed);

/** Whether the page is dark, for a component that is drawn anew when that changes. @returns {boolean} */
export function useDark() {
  const [now, setNow] = useState(isDark);
  useEffect(() => {
    listeners.add(setNow);
    return () => listeners.delete(setNow);
  }, []);
  return now;
}

/** The button that changes it. */
export function ThemeSwitch() {
  const now = useDark();
  const turn = () => {
    const next = now ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // it holds until the page is left
    }
    changed();
  };
  return html`<button type="button" class="quiet" aria-pressed=${now} onClick=${turn}>Dark</button>`;
}
