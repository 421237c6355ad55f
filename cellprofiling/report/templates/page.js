"use strict";
// All that is here is comfort: without it the page shows everything that must be seen.

const root = document.documentElement;
const read = (id) => JSON.parse(document.getElementById(id)?.textContent || "null");
const darkNow = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

function make(tag, { text, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

// A status may say more than its first word: "fail (waived)".
const firstWord = (status) => status.split(" ")[0];
const icon = (status) => document.getElementById("icons").content.querySelector(`.${firstWord(status)}`).cloneNode(true);

function statusMark(status) {
  return make("span", { className: `status ${firstWord(status)}` }, icon(status), status);
}

function save(name, parts, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob(parts, { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const ended = (name, ending) => `${document.body.dataset.file}-${name}.${ending}`;

function addThemeButton() {
  const button = make("button", { className: "theme", type: "button" });
  const name = () => { button.textContent = darkNow() ? "Light theme" : "Dark theme"; };
  const changed = () => { name(); root.dispatchEvent(new Event("theme")); };
  button.addEventListener("click", () => { root.dataset.theme = darkNow() ? "light" : "dark"; changed(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  name();
  document.querySelector("nav").append(button);
}

function followSections() {
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const watch = new IntersectionObserver((seen) => {
    for (const each of seen) if (each.isIntersecting) {
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(each.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  links.forEach((_, id) => watch.observe(document.getElementById(id)));
}

// A drawing names the colors of its theme; a file of its own has to hold them.
function drawingText(svg) {
  const copy = svg.cloneNode(true);
  const style = getComputedStyle(root);
  const box = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  copy.style.fontFamily = style.getPropertyValue("--sans");
  const probe = document.body.appendChild(make("span", { hidden: true }));
  const solid = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const text = new XMLSerializer().serializeToString(copy).replace(/var\((--\w+)\)/g, (_, name) => solid(name));
  probe.remove();
  return text;
}

function savePng(name, svgText, width, height) {
  const image = new Image();
  image.onload = () => {
    const canvas = make("canvas", { width: 2 * width, height: 2 * height });
    const pen = canvas.getContext("2d");
    pen.fillStyle = darkNow() ? "#1a212a" : "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(ended(name, "png"), [blob], "image/png"));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText)}`;
}

function addDrawingButtons(figure) {
  const svg = figure.querySelector(".drawing > svg");
  if (!svg) return;
  const name = figure.id.replace("figure-", "");
  const asSvg = make("button", { type: "button", className: "small", text: "SVG" });
  const asPng = make("button", { type: "button", className: "small", text: "PNG" });
  asSvg.setAttribute("aria-label", `Save ${name} as SVG`);
  asPng.setAttribute("aria-label", `Save ${name} as PNG`);
  asSvg.addEventListener("click", () => save(ended(name, "svg"), [drawingText(svg)], "image/svg+xml"));
  asPng.addEventListener("click", () => savePng(name, drawingText(svg), svg.viewBox.baseVal.width, svg.viewBox.baseVal.height));
  figure.append(make("div", { className: "tools" }, asSvg, asPng));
}

function addTwinButton(details) {
  const table = details.querySelector("table");
  const button = make("button", { type: "button", className: "small", text: "CSV" });
  button.setAttribute("aria-label", `Save ${details.dataset.name} as CSV`);
  button.addEventListener("click", () => save(
    ended(details.dataset.name, "csv"),
    [csv([...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())))], "text/csv"));
  details.append(button);
}

const quoted = (value) => /[",\n\r]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value;
const csv = (rows) => rows.map((row) => row.map((value) => quoted(String(value ?? ""))).join(",")).join("\r\n") + "\r\n";
