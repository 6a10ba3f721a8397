// The page: its tabs, which one is open, and what is asked in it, kept in the address.

import { description, takeToken } from "./api.js";
import { html, render, useEffect, useMemo, useState } from "./html.js";
import { readState, writeState } from "./state.js";
import { ThemeSwitch } from "./parts/theme.js";
import * as compare from "./tabs/compare.js";
import * as laws from "./tabs/laws.js";
import * as plan from "./tabs/plan.js";
import * as serve from "./tabs/serve.js";

/**
 * A tab is a module of four exports:
 *   name   in the address;
 *   title  on the page;
 *   short  short keys of options in the address;
 *   View   a component of `{ api, options, change }`: the API's description, what is asked (text by option, only
 *          what is stated), and a function that takes changes (`{ days: "30" }`; "" takes an option back).
 */
const TABS = [plan, compare, serve, laws];

function App({ api }) {
  const shorts = useMemo(() => Object.assign({}, ...TABS.map((one) => one.short)), []);
  const [asked, setAsked] = useState(() => ({ ...opened(location.search, shorts), kept: {} }));
  useEffect(() => {
    const back = () => setAsked((old) => ({ ...opened(location.search, shorts), kept: old.kept }));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const tab = TABS.find((one) => one.name === asked.tab) ?? TABS[0];
  useEffect(() => { document.title = `${tab.title} – optimoe`; }, [tab]);

  const change = (changes) =>
    setAsked((old) => {
      const options = Object.fromEntries(Object.entries({ ...old.options, ...changes }).filter(([, text]) => text !== ""));
      history.replaceState(null, "", writeState(old.tab, options, shorts));
      return { ...old, options };
    });
  const open = (name) =>
    setAsked((old) => {
      const kept = { ...old.kept, [old.tab]: old.options };
      const options = kept[name] ?? {};
      history.pushState(null, "", writeState(name, options, shorts));
      return { tab: name, options, kept };
    });

  return html`
    <a class="skip" href="#main">To the answer</a>
    <header class="bar">
      <span class="brand">optimoe</span>
      <nav aria-label="Questions">
        ${TABS.map(
          (one) => html`<a href=${writeState(one.name, asked.kept[one.name] ?? {}, shorts)}
            aria-current=${one === tab ? "page" : undefined}
            onClick=${(event) => { event.preventDefault(); if (one !== tab) open(one.name); }}>${one.title}</a>`,
        )}
      </nav>
      <${ThemeSwitch} />
    </header>
    <main id="main" tabindex="-1"><${tab.View} key=${tab.name} api=${api} options=${asked.options} change=${change} /></main>
    <footer>optimoe ${api.version}. Every number is the server's; <a href="/api/v1/openapi.json">its API</a>.</footer>`;
}

function opened(query, shorts) {
  const { tab, options } = readState(query, shorts);
  return { tab: TABS.some((one) => one.name === tab) ? tab : TABS[0].name, options };
}

async function start() {
  takeToken();
  const place = document.getElementById("app");
  try {
    const api = await description();
    place.replaceChildren();
    render(html`<${App} api=${api} />`, place);
  } catch (error) {
    place.textContent = error.status === 401 ? "The address of this page needs its #token=…, which optimoe web prints." : error.message;
  }
}

start();
