"use strict";
/* What all charts share: numbers as words, elements, colours, one tip, marks that keys and pointers reach. */
const Report = (() => {
  const LADDERS = {
    seconds: [[1, "s"], [1e-3, "ms"], [1e-6, "\u00b5s"], [1e-9, "ns"], [1e-12, "ps"]],
    energy: [[1e12, "J"], [1e9, "mJ"], [1e6, "\u00b5J"], [1e3, "nJ"], [1, "pJ"]],
  };

  function three(value) {
    if (value === 0) return "0";
    if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
    return short(value, 3);
  }

  /* So many digits that count; below a ten-thousandth with a power of ten. */
  function short(value, digits) {
    const rounded = Number(value.toPrecision(digits));
    return Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
  }

  /* Write a number as its form says; the same forms as in the tables. */
  function written(value, form) {
    if (value === null || value === undefined) return "\u2013";
    if (typeof value === "string") return value;
    if (form === "percent") {
      if (value === 0 || value === 1) return `${100 * value} %`;
      if (Math.abs(value) < 0.001) return `${short(100 * value, 2)} %`;
      const text = (100 * value).toFixed(1);
      return `${text === "100.0" && value < 1 ? (100 * value).toFixed(4) : text} %`;
    }
    if (form in LADDERS) {
      const rounded = Number(value.toPrecision(3));
      const steps = LADDERS[form];
      if (rounded === 0) return `0 ${steps[0][1]}`;
      const [size, unit] = steps.find(([s]) => Math.abs(rounded) >= s) || steps[steps.length - 1];
      return `${three(rounded / size)} ${unit}`;
    }
    if (form === "count") return value.toLocaleString("en-US", { maximumFractionDigits: 1, roundingMode: "halfEven" });
    return Number.isInteger(value) ? value.toLocaleString("en-US") : three(value);
  }

  /* The same for the steps of an axis: no digits that all of them share. */
  function marked(value, form) {
    return form === "percent" ? `${Number((100 * value).toPrecision(5))} %` : written(value, form);
  }

  /* What a chart needs and does not have is an error: an empty picture would look like an answer. */
  function need(condition, what) {
    if (!condition) throw new Error(what);
  }

  const SVG = "http://www.w3.org/2000/svg";
  function svg(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function html(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const PALETTE = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];
  function colours(groups, order) {
    const names = [...new Set([...(order || []), ...groups])];
    return new Map(names.map((name, i) => [name, name === "others" ? "--c6" : PALETTE[i % PALETTE.length]]));
  }

  /* The value of a colour in the theme of now, for canvases; elements use the variable itself. */
  function shade(variable) {
    return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  }

  function legend(map, shown) {
    const list = html("ul", { class: "legend" });
    for (const [name, variable] of map) {
      if (name && shown.includes(name)) list.append(html("li", {}, html("span", { class: "swatch", style: `background:var(${variable})` }), name));
    }
    return list;
  }

  /* Steps of an axis that a reader can count with: 1, 2 or 5 times a power of ten. */
  function ticks(low, high, most) {
    const span = high - low || 1;
    const rough = span / Math.max(1, most);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => span / s <= most) || 10 * power;
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step + 0);
    return found;
  }

  const tip = () => document.getElementById("tip");
  function showTip(text, x, y) {
    const box = tip();
    box.textContent = text;
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(x + 12, window.innerWidth - width - 8))}px`;
    box.style.top = `${y + 16 + height > window.innerHeight ? Math.max(4, y - height - 12) : y + 16}px`;
  }
  function hideTip() {
    tip().hidden = true;
  }

  /* Let keys and pointers reach the marks of an SVG: each has its element, a text, and where it is. */
  function reachable(picture, marks) {
    picture.setAttribute("tabindex", "0");
    let at = -1;
    const leave = () => {
      if (at >= 0) marks[at].element.classList.remove("on");
      at = -1;
      hideTip();
    };
    const go = (index, x, y) => {
      if (at >= 0) marks[at].element.classList.remove("on");
      at = index;
      const { element, text } = marks[at];
      element.classList.add("on");
      const box = element.getBoundingClientRect();
      showTip(text, x ?? box.left + box.width / 2, y ?? box.bottom - 8);
    };
    picture.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
      if (event.key in moves) go((at + moves[event.key] + marks.length) % marks.length);
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(marks.length - 1);
      else if (event.key === "Escape") leave();
      else return;
      event.preventDefault();
    });
    picture.addEventListener("blur", leave);
    picture.addEventListener("pointerleave", leave);
    marks.forEach((mark, i) => {
      (mark.target || mark.element).addEventListener("pointermove", (e) => go(i, e.clientX, e.clientY));
    });
  }

  return { written, marked, need, svg, html, colours, shade, legend, ticks, showTip, hideTip, reachable, kinds: {} };
})();
