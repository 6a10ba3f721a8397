"use strict";
(() => {
  const look = JSON.parse(document.getElementById("look").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)"), narrow = matchMedia("(max-width: 36rem)");
  const boxes = [...document.querySelectorAll(".drawn")];
  const coloured = (value, isDark) => {
    const text = JSON.stringify(value);
    return JSON.parse(isDark ? text.replace(/#[0-9a-f]{6}\b/gi, one => look.dark[one.toLowerCase()] ?? one) : text);
  };
  const figures = boxes.map(box => JSON.parse(box.nextElementSibling.textContent));
  const draw = isDark => boxes.forEach((box, number) => {
    const { data, layout } = coloured(figures[number], isDark);
    layout.template = coloured(look.template, isDark);
    if (narrow.matches) Object.assign(layout, { height: layout.height > 400 ? layout.height : 340, font: { ...layout.font, size: 10 } });
    Plotly.react(box, data, layout, { displayModeBar: false, responsive: true, typesetMath: false });
  });
  const redraw = () => draw(dark.matches);
  redraw();
  dark.addEventListener("change", redraw);
  narrow.addEventListener("change", redraw);
  const folded = [...document.querySelectorAll("details")];
  addEventListener("beforeprint", () => { folded.forEach(one => { one.open = true; }); draw(false); });
  addEventListener("afterprint", () => { folded.forEach(one => { one.open = false; }); redraw(); });
})();
