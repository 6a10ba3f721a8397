// A figure: plotly in the colours of the page, with a caption, a text for those who do not see it, and its table.

import { html, useEffect, useRef, useState } from "../html.js";
import { download } from "./files.js";
import { useDark } from "./theme.js";

let library;

/** plotly, loaded when the first figure is drawn. */
function plotly() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/page/vendor/plotly-basic.min.js";
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => reject(new Error("plotly cannot be loaded"));
    document.head.append(script);
  });
  return library;
}

/** The colours of figures now: those of the page. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: of("paper"), ink: of("ink"), muted: of("muted"), line: of("line"), accent: of("accent"),
    series: ["one", "two", "three", "four", "five", "six"].map((name) => of(`series-${name}`)),
  };
}

const NARROW_PX = 520;

function themed(layout, { ink, line, muted }, narrow) {
  const axis = (given) => ({ gridcolor: line, linecolor: line, zerolinecolor: line, tickcolor: line, automargin: true, ...given });
  const axes = Object.fromEntries(Object.entries(layout).filter(([key]) => /^[xy]axis/.test(key)).map(([key, given]) => [key, axis(given)]));
  return {
    height: narrow ? 440 : 400, margin: { l: 56, r: 16, t: 12, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: ink }, hoverlabel: { font: { family: "system-ui, sans-serif" } },
    legend: { orientation: "h", traceorder: "normal", yref: "container", y: 0, yanchor: "bottom", font: { color: muted, size: narrow ? 11 : 12 } }, xaxis: axis({}), yaxis: axis({}), ...layout, ...axes,
  };
}

/**
 * @param {{title: string, told: string, name: string, draw: (colours: object) => {data: object[], layout: object},
 *   tools?: unknown, children?: unknown}} props `draw` gives traces and layout in the colours that it is handed, and for
 *   a narrow screen where its second argument says so; `told` says in words what is seen, `name` is that of the file,
 *   tools stand beside its button, children below.
 */
export function Figure({ title, told, name, draw, tools, children }) {
  const place = useRef(null);
  const [failed, setFailed] = useState("");
  const dark = useDark();
  useEffect(() => {
    let gone = false;
    plotly().then(
      (Plotly) => {
        if (gone) return;
        const now = colours();
        const narrow = place.current.clientWidth < NARROW_PX;
        const { data, layout } = draw(now, narrow);
        Plotly.react(place.current, data, themed(layout, now, narrow), { displayModeBar: false, responsive: true });
      },
      (error) => setFailed(error.message),
    );
    return () => { gone = true; };
  }, [draw, dark]);
  useEffect(() => {
    const drawn = place.current;
    return () => globalThis.Plotly?.purge(drawn);
  }, []);
  const picture = async () => {
    const Plotly = await plotly();
    const now = colours();
    const { data, layout } = draw(now, false);
    const whole = { ...themed(layout, now, false), paper_bgcolor: now.paper, title: { text: title, font: { size: 14 } }, margin: { l: 64, r: 24, t: 48, b: 56 } };
    const url = await Plotly.toImage({ data, layout: whole }, { format: "png", width: 1000, height: 560, scale: 2 });
    const bytes = Uint8Array.from(atob(url.split(",")[1]), (one) => one.charCodeAt(0));
    download(`${name}.png`, new Blob([bytes], { type: "image/png" }));
  };
  return html`<figure class="figure">
    <figcaption>${title}</figcaption>
    <div role="img" aria-label=${told} ref=${place}></div>
    ${failed && html`<p class="error">${failed}</p>`}
    <div class="tools">${tools}<button type="button" class="quiet" onClick=${picture}>PNG<span class="unseen"> of ${title}</span></button></div>
    ${children}
  </figure>`;
}
