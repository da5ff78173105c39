"use strict";
/* The page itself: draws every chart of the dossier, and answers to theme, width, filters and print. */
(() => {
  const { written, need, html, kinds } = Report;
  const MOST_ROWS = 400;
  const dossier = JSON.parse(document.getElementById("dossier").textContent);
  const specs = new Map();
  const sounds = new Map();
  for (const section of dossier.sections) {
    for (const chart of section.charts) specs.set(chart.id, chart);
    for (const example of section.examples) {
      specs.set(example.picture.id, example.picture);
      if (example.scores) specs.set(example.scores.id, example.scores);
      if (example.sound) sounds.set(example.id, example.sound);
    }
  }
  const chosen = new Map();

  /* The view of a chart whose keys are chosen; the first one until somebody chooses. */
  function viewOf(spec) {
    if (!("views" in spec)) return null;
    need(spec.views.length, "nothing to show");
    const keys = chosen.get(spec.id) || {};
    return spec.views.find((v) => Object.entries(keys).every(([k, value]) => v.keys[k] === value)) || spec.views[0];
  }

  function choices(spec, controls) {
    if (!("views" in spec) || spec.views.length < 2) return;
    const view = viewOf(spec);
    for (const key of Object.keys(spec.views[0].keys)) {
      const values = [...new Set(spec.views.map((v) => v.keys[key]))];
      if (values.length < 2) continue;
      const select = html("select", { "data-key": key });
      for (const value of values) select.append(html("option", value === view.keys[key] ? { selected: "", value } : { value }, value));
      select.addEventListener("change", () => {
        chosen.set(spec.id, { ...view.keys, [key]: select.value });
        draw(controls.closest("figure"));
        controls.querySelector(`[data-key="${key}"]`).focus();
      });
      controls.append(html("label", {}, key, select));
    }
  }

  function draw(figure) {
    const plot = figure.querySelector(".plot");
    const controls = figure.querySelector(".controls");
    for (const area of plot.querySelectorAll(".steps")) if (area.chart) area.chart.destroy();
    plot.replaceChildren();
    controls.replaceChildren();
    try {
      const spec = specs.get(figure.dataset.chart);
      need(spec && kinds[spec.kind], "its data are not in the page");
      choices(spec, controls);
      const marks = kinds[spec.kind](spec, plot, viewOf(spec));
      need(marks > 0, "nothing was drawn");
      figure.dataset.marks = marks;
      figure.dataset.state = "drawn";
    } catch (error) {
      figure.dataset.state = "failed";
      plot.replaceChildren(html("p", { class: "failed" }, `This chart could not be drawn: ${error.message}.`));
      console.error(`chart ${figure.dataset.chart}: ${error.message}`);
    }
    const details = figure.querySelector("details");
    if (details.open) fill(figure);
  }

  /* The numbers of a chart as a table: a head and rows, of columns that hold something. */
  function sheet(spec) {
    const [head, rows] = columns(spec);
    const kept = head.map((_, i) => i).filter((i) => i === 0 || rows.some((row) => row[i] !== ""));
    return [head, ...rows].map((row) => kept.map((i) => row[i]));
  }

  function columns(spec) {
    if (spec.kind === "graph") {
      const titles = new Map(spec.nodes.map((n) => [n.id, n.title]));
      return [["from", "to", "wiring"], spec.edges.map((e) => [titles.get(e.source), titles.get(e.target), e.label])];
    }
    if ("marks" in spec) {
      const banded = spec.marks.some((m) => m.low !== null);
      const head = ["what", "of", ...(banded ? ["low", "value", "high"] : ["value"]), "note"];
      return [head, spec.marks.map((m) => [m.label, m.group, ...(banded ? [m.low, m.value, m.high] : [m.value]).map((v) => written(v, spec.form)), m.note])];
    }
    const { data } = viewOf(spec);
    if (spec.kind === "curves") return [[spec.x_label, ...data.names], data.series[0].map((_, i) => [i, ...data.series.map((s) => written(s[i], spec.form))])];
    if (spec.kind === "distribution") return [[spec.x_label, spec.y_label], data.x.map((x, i) => [written(x, data.form), written(data.count[i], "count")])];
    if (spec.kind === "spikes") {
      const each = Array.from({ length: data.steps }, () => 0);
      data.t.forEach((t) => { each[t] += 1; });
      return [[spec.x_label, "spikes drawn"], each.map((n, i) => [i, n])];
    }
    const rows = Array.from({ length: data.height }, (_, y) => data.values.slice(y * data.width, (y + 1) * data.width));
    return [[spec.y_label, "least", "mean", "greatest"], rows.map((r, y) => [y, Math.min(...r), r.reduce((a, b) => a + b, 0) / r.length, Math.max(...r)].map((v) => written(v, "number")))];
  }

  function fill(figure) {
    const spec = specs.get(figure.dataset.chart);
    if (!spec) return;
    const [head, ...rows] = sheet(spec);
    const stacked = "marks" in spec && head.length > 3 ? { class: "stack" } : {};
    const table = html("table", stacked, html("thead", {}, html("tr", {}, ...head.map((t) => html("th", { scope: "col" }, t)))),
      html("tbody", {}, ...rows.slice(0, MOST_ROWS).map((row) => html("tr", {}, ...row.map((v, i) => html("td", { "data-label": head[i] }, html("span", {}, String(v))))))));
    const box = html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${spec.title}, as a table` }, table);
    const more = rows.length > MOST_ROWS ? [html("p", { class: "note" }, `The first ${MOST_ROWS} of ${rows.length} rows; the JSON file has all.`)] : [];
    figure.querySelector("details").replaceChildren(figure.querySelector("summary"), box, ...more);
  }

  /* A table of many rows gets a field to search in, and a list where one column is worth picking by. */
  function filters(holder) {
    const rows = [...holder.querySelectorAll("tbody tr")];
    const controls = holder.querySelector(".controls");
    if (rows.length < 9) return;
    const count = html("span", { role: "status" });
    const search = html("input", { type: "search", "aria-label": `Search in ${holder.querySelector("summary").textContent}`, placeholder: "Search" });
    let select = null;
    const apply = () => {
      const words = search.value.toLowerCase().trim();
      let shown = 0;
      for (const row of rows) {
        const picked = !select || !select.value || row.children[holder.dataset.pick].textContent === select.value;
        row.hidden = !(picked && row.textContent.toLowerCase().includes(words));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} rows`;
    };
    search.addEventListener("input", apply);
    if (holder.dataset.pick) {
      const values = [...new Set(rows.map((row) => row.children[holder.dataset.pick].textContent))];
      const name = holder.querySelectorAll("thead th")[holder.dataset.pick].textContent;
      if (values.length > 1) {
        select = html("select", { "data-key": name }, html("option", { value: "" }, "all"), ...values.map((v) => html("option", { value: v }, v)));
        select.addEventListener("change", apply);
        controls.append(html("label", {}, name, select));
      }
    }
    controls.append(search, count);
  }

  const root = document.documentElement;
  const figures = [...document.querySelectorAll("figure[data-chart]")];
  const drawAll = () => figures.forEach(draw);

  const THEMES = ["system", "light", "dark"];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  let theme = "system";
  function paint(shown) {
    root.dataset.theme = shown || (theme === "system" ? (dark.matches ? "dark" : "light") : theme);
    button.textContent = `Theme: ${theme}`;
    drawAll();
  }
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    paint();
  });
  dark.addEventListener("change", () => paint());

  for (const player of document.querySelectorAll("audio[data-sound]")) player.src = `data:audio/wav;base64,${sounds.get(player.dataset.sound)}`;
  for (const holder of document.querySelectorAll(".sheet")) filters(holder);
  for (const figure of figures) figure.querySelector("details").addEventListener("toggle", (event) => event.target.open && fill(figure));

  for (const code of document.querySelectorAll(".notrun code, td.long code")) {
    if (!navigator.clipboard) break;
    const copy = html("button", { type: "button", class: "copy", "aria-label": `Copy: ${code.textContent}` }, "Copy");
    copy.addEventListener("click", () => navigator.clipboard.writeText(code.textContent).then(() => { copy.textContent = "Copied"; }));
    code.after(" ", copy);
  }

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const part of document.querySelectorAll(".part")) seen.observe(part);

  let width = root.clientWidth;
  let waiting = 0;
  window.addEventListener("resize", () => {
    if (root.clientWidth === width) return;
    width = root.clientWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 80);
  });
  window.addEventListener("beforeprint", () => { root.classList.add("printing"); paint("light"); });
  window.addEventListener("afterprint", () => { root.classList.remove("printing"); paint(); });
  window.addEventListener("scroll", Report.hideTip, { passive: true });

  paint();
  root.dataset.ready = "true";
})();
