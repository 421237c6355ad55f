// The linked views: one selection of wells, seen in the embedding, the controls, the plate and the tables.

const BYTES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const KIND = ["treatment", "control", "hit"];
const ROWS = [...Array(32).keys()].map((i) => (i < 26 ? "" : "A") + String.fromCharCode(65 + i % 26));

function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const codes = new BYTES[packed.type](bytes.buffer);
  if (packed.step === undefined) return codes;
  const missing = packed.type === "u1" ? 255 : 65535;
  return Float32Array.from(codes, (code) => code === missing ? NaN : packed.low + packed.step * code);
}

const short = (value) => Number.isFinite(value)
  ? (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)))) : "–";

function medianOf(values) {
  const known = Float64Array.from(values.filter(Number.isFinite)).sort();
  const n = known.length;
  return n ? (known[(n - 1) >> 1] + known[n >> 1]) / 2 : NaN;
}

class Views {
  constructor(wells, palettes, figures) {
    this.wells = wells;
    this.palettes = palettes;
    this.roots = figures.roots;
    this.metric = 0;
    this.chosen = 0;
    this.selected = [];
    const { plate, place, name, kind, x, y, drawn } = wells;
    this.at = { plate: unpack(plate), place: unpack(place), name: unpack(name), kind: unpack(kind) };
    this.n = this.at.plate.length;
    this.x = x ? unpack(x) : new Float32Array(this.n);
    this.y = y ? unpack(y) : new Float32Array(this.n);
    this.drawn = drawn ? unpack(drawn) : null;
    this.values = wells.metrics.map((metric) => unpack(metric.values));
    this.effects = wells.metrics.map((metric) => unpack(metric.effects));
    this.members = wells.plates.map(() => []);
    this.at.plate.forEach((code, i) => this.members[code].push(i));
    this.placed = Float32Array.from(this.at.plate, (code, i) => code + 1 + 0.7 * ((this.at.place[i] * 0.618034) % 1 - 0.5));
  }

  async open(documentJson) {
    const roots = Object.fromEntries(Object.entries(this.roots).map(([name, id]) => [id, document.getElementById(`view-${name}`)]));
    await Bokeh.embed.embed_items({ screen: documentJson }, [{ docid: "screen", roots, root_ids: Object.keys(roots) }]);
    this.document = Bokeh.documents.at(-1);
    this.get = (name) => this.document.get_model_by_name(name);
    this.shared = this.get("wells");
    this.plateSource = this.get("plate");
    this.assignKinds();
    this.fillShared();
    this.namePlates();
    this.drawScreen();
    this.drawPlate();
    this.listen();
    this.paint();
    root.addEventListener("theme", () => this.paint());
  }

  name(i) { return this.wells.names[this.at.name[i]]; }
  well(i) {
    const across = this.wells.shape[1];
    const place = this.at.place[i];
    return ROWS[Math.floor(place / across)] + String(place % across + 1).padStart(2, "0");
  }
  fitted(i) {
    const [down, across] = this.wells.shape;
    const effects = this.effects[this.metric];
    const start = this.at.plate[i] * (1 + down + across);
    const place = this.at.place[i];
    return effects[start] + effects[start + 1 + Math.floor(place / across)] + effects[start + 1 + down + place % across];
  }

  assignKinds() {
    const points = this.drawn ?? Uint32Array.from({ length: this.n }, (_, i) => i);
    KIND.forEach((kind, code) => {
      const inEmbedding = this.get(`embedding-${kind}`);
      if (inEmbedding)
        inEmbedding.filter.indices = [...points].filter((i) => this.at.kind[i] === code && Number.isFinite(this.x[i]) && Number.isFinite(this.y[i]));
    });
    this.controls = [...this.at.kind.keys()].filter((i) => this.at.kind[i] === 1);
    this.get("controls-control").filter.indices = this.controls;
  }

  fillShared() {
    this.value = this.values[this.metric] ?? new Float32Array(this.n).fill(NaN);
    const index = Uint32Array.from({ length: this.n }, (_, i) => i);
    this.shared.data = { index, x: this.x, y: this.y, at: this.placed, value: this.value };
    const medians = this.members.map((wells) => medianOf(wells.filter((i) => this.at.kind[i] === 1).map((i) => this.value[i])));
    const known = medians.map((median, plate) => [median, plate]).filter(([median]) => Number.isFinite(median));
    this.get("medians").data = {
      left: known.map(([, plate]) => plate + 0.6), right: known.map(([, plate]) => plate + 1.4), median: known.map(([median]) => median),
    };
    const middle = medianOf(medians);
    const spread = 1.4826 * medianOf(medians.map((median) => Math.abs(median - middle)));
    const band = this.get("band");
    [band.bottom, band.top] = known.length > 3 ? [middle - 3 * spread, middle + 3 * spread] : [null, null];
    band.visible = known.length > 3;
    const outside = known.filter(([median]) => Math.abs(median - middle) > 3 * spread).map(([, plate]) => this.wells.plates[plate]);
    this.tell("controls", known.length
      ? `Control medians of ${this.metricName()} run from ${short(Math.min(...known.map((k) => k[0])))} to ${short(Math.max(...known.map((k) => k[0])))}` +
        (known.length > 3 ? `; ${outside.length ? `${outside.length} of ${known.length} plates lie` : "no plate lies"} outside the grey band of 3 MAD around their median${outside.length ? `: ${outside.slice(0, 8).join(", ")}${outside.length > 8 ? " …" : ""}` : ""}.` : ".")
      : "No controls are known.");
    this.medians = medians;
  }

  namePlates() {
    const axis = this.document.get_model_by_id(this.roots.controls).below[0];
    const { plates } = this.wells;
    const ticks = plates.map((_, i) => i + 1);
    if (plates.length > 12) return;
    const PlainText = Bokeh.Models.get("PlainText"); // a plain string between dollar signs would be read as a formula
    axis.ticker.ticks = ticks;
    this.namesOnAxis = plates.map((name) => name.length > 14 ? `${name.slice(0, 13)}…` : name);
    axis.major_label_overrides = new Map(ticks.map((tick) => [tick, new PlainText({ text: this.namesOnAxis[tick - 1] })]));
  }

  metricName() { return this.wells.metrics[this.metric]?.name ?? "nothing"; }
  tell(view, text) { const place = document.getElementById(`told-${view}`); if (place) place.textContent = text; }

  colors(name, low, high, palette) {
    const mapper = this.get(`${name}-colors`);
    mapper.palette = this.palettes[palette];
    mapper.low = low;
    mapper.high = high;
  }

  drawScreen() {
    const { shape: [down, across], plates, metrics } = this.wells;
    const metric = metrics[this.metric];
    if (!metric) return;
    const wide = this.layout();
    const [low, high] = metric.limits;
    const signed = low < 0 && high > 0;
    const most = Math.max(-low, high);
    const [from, to] = signed ? [-most, most] : [low, high];
    this.colors("screen", from, to, signed ? "difference" : "amount");
    this.colors("raw", from, to, signed ? "difference" : "amount");
    this.colors("fitted", from, to, signed ? "difference" : "amount");
    this.colors("residual", -metric.spread, metric.spread, "difference");
    const { ndarray } = Bokeh.require("core/util/ndarray");
    const images = this.members.map((wells) => {
      const image = new Float32Array(down * across).fill(NaN);
      for (const i of wells) image[this.at.place[i]] = this.value[i];
      return ndarray(image, { dtype: "float32", shape: [down, across] });
    });
    const left = plates.map((_, p) => p % wide * (across + 2) + 1);
    const top = plates.map((_, p) => Math.floor(p / wide) * (down + 5) + 1);
    this.corner = { left, top };
    this.get("thumbs").data = {
      image: images, left, top, middle: left.map((x) => x + across / 2),
      foot: top.map((y) => y + down + 0.7), label: plates.map((name, p) => this.label(name, p)),
    };
    this.get("frames").data = { middle: left.map((x) => x + across / 2), center: top.map((y) => y + down / 2) };
    this.ramp("amount", from, to, signed ? "difference" : "amount");
    this.ramp("residual", -metric.spread, metric.spread, "difference");
    this.tell("screen", `${metric.name}: plate medians run from ${short(Math.min(...this.plateMedians()))} to ${short(Math.max(...this.plateMedians()))}.`);
    this.mark();
  }

  layout() { return this.wells.across; }
  label(name, plate) {
    const sign = { fail: "✕ ", warn: "▲ ", inconclusive: "? " }[this.wells.states[plate]] ?? "";
    const room = this.wells.across > 6 ? 12 : this.wells.across > 4 ? 17 : 24;
    return sign + (name.length > room ? `${name.slice(0, room - 1)}…` : name);
  }
  plateMedians() { return this.members.map((wells) => medianOf(wells.map((i) => this.value[i]))).filter(Number.isFinite); }

  ramp(name, low, high, palette) {
    document.querySelectorAll(`.ramp-${name}`).forEach((ramp) => {
      const steps = this.palettes[palette].filter((_, i) => i % 15 === 0);
      ramp.children[0].textContent = short(low);
      ramp.children[1].style.background = `linear-gradient(to right, ${steps.join(",")})`;
      ramp.children[2].textContent = short(high);
    });
  }

  drawPlate() {
    const { shape: [down, across] } = this.wells;
    const here = this.members[this.chosen] ?? [];
    const fitted = here.map((i) => this.fitted(i));
    const raw = here.map((i) => this.value[i]);
    const residual = raw.map((value, k) => value - fitted[k]);
    this.here = here;
    this.quiet = true;
    this.plateSource.selected.indices = [];
    this.quiet = false;
    this.plateSource.data = {
      column: here.map((i) => this.at.place[i] % across + 1), row: here.map((i) => Math.floor(this.at.place[i] / across) + 1),
      raw, fitted, residual, well: here,
    };
    const total = spreadOf(raw), left = spreadOf(residual);
    const share = total > 0 ? Math.max(0, 1 - left / total) : 0;
    this.tell("plate", here.length
      ? `${this.wells.plates[this.chosen]}: ${here.length} wells, median ${short(medianOf(raw))}. Rows and columns explain ${Math.round(100 * share)} % of the variance of ${this.metricName()}; with ${down + across} of them, chance alone explains about ${Math.round(100 * Math.min(1, (down + across - 2) / Math.max(here.length - 1, 1)))} %.`
      : "No wells.");
    this.plateGrid?.update();
    document.querySelectorAll("select.plate").forEach((select) => { select.value = String(this.chosen); });
    const frames = this.get("frames");
    if (frames.selected.indices[0] !== this.chosen) frames.selected.indices = [this.chosen];
    this.markPlate();
  }

  listen() {
    this.shared.selected.properties.indices.change.connect(() => this.selectedFrom(this.shared.selected.indices));
    this.plateSource.selected.properties.indices.change.connect(() => {
      if (!this.quiet) this.selectedFrom(this.plateSource.selected.indices.map((k) => this.here[k]));
    });
    this.get("frames").selected.properties.indices.change.connect(() => {
      const [plate] = this.get("frames").selected.indices;
      if (plate !== undefined && plate !== this.chosen) this.choosePlate(plate);
    });
    this.hover(this.shared, (k) => this.words(k), ["embedding", "controls"]);
    this.hover(this.plateSource, (k) => this.words(this.here[k]), ["raw", "fitted", "residual"]);
    this.hover(this.get("frames"), (k) => `${this.wells.plates[k]} · ${this.wells.states[k] || "not checked"}`, ["screen"]);
  }

  words(i) {
    return [`${this.wells.plates[this.at.plate[i]]} ${this.well(i)}`, this.name(i), KIND[this.at.kind[i]], `${this.metricName()} ${short(this.value[i])}`]
      .filter(Boolean).join(" · ");
  }

  hover(source, words, names) {
    const tip = document.getElementById("tip");
    for (const name of names) {
      const box = document.getElementById(`view-${name}`);
      box?.addEventListener("pointermove", (event) => {
        tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 320)}px`;
        tip.style.top = `${event.clientY + 16}px`;
      });
      box?.addEventListener("pointerleave", () => { tip.hidden = true; });
    }
    source.inspect.connect(() => {
      const found = source.inspected.indices;
      tip.hidden = !found.length;
      if (found.length) tip.textContent = words(found[0]) + (found.length > 1 ? ` and ${found.length - 1} more` : "");
    });
  }

  selectedFrom(indices) {
    if (this.busy) return;
    this.busy = true;
    this.selected = [...new Set(indices)].sort((a, b) => a - b);
    this.shared.selected.indices = this.selected;
    const plates = new Set(this.selected.map((i) => this.at.plate[i]));
    if (plates.size && !plates.has(this.chosen)) { [this.chosen] = plates; this.drawPlate(); }
    this.markPlate();
    this.mark();
    const codes = new Set(this.selected.map((i) => this.at.name[i]));
    const any = this.selected.length > 0;
    grids.hits?.show(any ? codes : null);
    this.wellGrid?.show(any ? new Set(this.selected) : null);
    const n = (count, thing) => `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
    document.querySelectorAll(".selection").forEach((bar) => {
      bar.classList.toggle("any", any);
      bar.querySelector("output").textContent = any
        ? `${n(this.selected.length, "well")} selected: ${n(codes.size, "perturbation")} on ${n(plates.size, "plate")}. The hit list shows ${codes.size === 1 ? "this one" : "these"}.` : "No wells selected.";
      bar.querySelector("button").disabled = !any;
    });
    this.busy = false;
  }

  markPlate() {
    const chosen = new Set(this.selected);
    this.quiet = true;
    this.plateSource.selected.indices = this.here.flatMap((i, k) => chosen.has(i) ? [k] : []);
    this.quiet = false;
  }

  mark() {
    const across = this.wells.shape[1];
    const at = (i) => [this.corner.left[this.at.plate[i]] + this.at.place[i] % across + 0.5, this.corner.top[this.at.plate[i]] + Math.floor(this.at.place[i] / across) + 0.5];
    const points = this.selected.slice(0, 20000).map(at);
    this.get("marks").data = { x: points.map((p) => p[0]), y: points.map((p) => p[1]) };
  }

  choosePlate(plate) { this.chosen = plate; this.drawPlate(); }
  chooseMetric(metric) {
    this.metric = metric;
    document.querySelectorAll("select.metric").forEach((select) => { select.value = String(metric); });
    this.fillShared();
    this.drawScreen();
    this.drawPlate();
    this.wellGrid?.refresh();
    this.controlGrid?.update();
  }

  // Bokeh draws on canvas, where the colors of the page do not reach: they are given anew with each theme.
  paint() {
    const style = (name) => {
      const probe = document.body.appendChild(make("span", { hidden: true }));
      probe.style.color = `var(${name})`;
      const color = getComputedStyle(probe).color;
      probe.remove();
      return color;
    };
    const [ink, muted, line] = ["--ink", "--muted", "--line"].map(style);
    for (const model of this.document._all_models.values()) {
      if (/Axis$/.test(model.type))
        model.setv({ axis_line_color: line, major_tick_line_color: line, major_label_text_color: muted, axis_label_text_color: muted });
      else if (/^Grid$/.test(model.type)) model.setv({ grid_line_color: line, grid_line_alpha: 0.6 });
      else if (model.name === "labels") model.glyph.text_color = ink;
      else if (model.name === "chosen") model.selection_glyph.line_color = ink;
      else if (KIND.includes(model.name) && model.selection_glyph) model.selection_glyph.line_color = ink;
    }
  }
}

function spreadOf(values) {
  const known = values.filter(Number.isFinite);
  const mean = known.reduce((sum, value) => sum + value, 0) / (known.length || 1);
  return known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

// The buttons of a view; its own toolbar cannot be reached by keyboard in all browsers.
const TOOLS = { Box: "BoxSelectTool", Lasso: "LassoSelectTool", Move: "PanTool" };

function addTools(views, name) {
  const bar = document.querySelector(`[data-tools="${name}"]`);
  const figure = views.document.get_model_by_id(views.roots[name]);
  if (!bar || !figure) return;
  const button = (text, label, act) => {
    const made = make("button", { type: "button", className: "small", text });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => act(made));
    bar.append(made);
    return made;
  };
  if (bar.dataset.kind === "points") {
    const modes = Object.entries(TOOLS).map(([word, type]) => button(word, `${word === "Move" ? "Move the view" : `Select by ${word.toLowerCase()}`} in ${name}`, (made) => {
      figure.toolbar.tools.find((tool) => tool.type === type).active = true;
      modes.forEach((mode) => mode.setAttribute("aria-pressed", String(mode === made)));
    }));
    modes.forEach((mode, i) => mode.setAttribute("aria-pressed", String(i === 0)));
    const zoom = (factor) => {
      for (const range of [figure.x_range, figure.y_range]) {
        const [middle, half] = [(range.start + range.end) / 2, (range.end - range.start) / 2 * factor];
        range.setv({ start: middle - half, end: middle + half });
      }
    };
    button("+", `Closer in ${name}`, () => zoom(0.7));
    button("−", `Farther in ${name}`, () => zoom(1 / 0.7));
    button("All", `Show all of ${name}`, () => Bokeh.index.get_by_id(figure.id).reset());
  }
  for (const type of ["png", "svg"])
    button(type.toUpperCase(), `Save ${name} as ${type.toUpperCase()}`, async () => {
      const layer = Bokeh.index.get_by_id(figure.id).export(type);
      save(ended(name, type), [await layer.to_blob()], type === "png" ? "image/png" : "image/svg+xml");
    });
}

function fillSelects(views) {
  const fill = (selector, names, act) => document.querySelectorAll(selector).forEach((select) => {
    names.forEach((name, i) => select.append(make("option", { value: String(i), text: name })));
    select.addEventListener("change", () => act(Number(select.value)));
  });
  fill("select.metric", views.wells.metrics.map((metric) => metric.name), (i) => views.chooseMetric(i));
  fill("select.plate", views.wells.plates, (i) => views.choosePlate(i));
  document.querySelectorAll("[data-step]").forEach((button) => button.addEventListener("click", () => {
    const n = views.wells.plates.length;
    views.choosePlate((views.chosen + Number(button.dataset.step) + n) % n);
  }));
}

function lazyGrid(details, options) {
  const table = details.querySelector("table");
  let grid = null;
  const open = () => {
    if (!details.open || grid) return;
    const heads = table.createTHead().insertRow();
    options.columns.forEach(([head, kind]) => heads.append(make("th", { text: head, className: kind === "number" ? "n" : "" })));
    table.createTBody();
    grid = new Grid(table, options);
    if (options.only) grid.show(options.only());
  };
  details.addEventListener("toggle", open);
  open();
  return {
    show(keys) { grid?.show(keys); },
    refresh() { if (grid) { grid.texts = []; grid.refresh(); } },
    update() { if (grid) { grid.texts = []; grid.count = options.size(); grid.refresh(); } },
  };
}

function addTwins(views) {
  const amount = (value) => [short(value), Number.isFinite(value) ? Number(value.toPrecision(7)) : null];
  const { plates, metrics } = views.wells;
  const place = (id) => document.getElementById(id);
  views.wellGrid = lazyGrid(place("twin-wells"), {
    columns: [["Plate", "text", "", true], ["Well", "text", "", true], ["Perturbation", "text", "", true], ["Role", "text", "", true],
      ...metrics.map((metric) => [metric.name, "number", "", true])],
    count: views.n, key: (i) => i, only: () => views.selected.length ? new Set(views.selected) : null,
    row: (i) => [plates[views.at.plate[i]], views.well(i), views.name(i), KIND[views.at.kind[i]], ...views.values.map((values) => amount(values[i]))],
  });
  views.plateGrid = lazyGrid(place("twin-plate"), {
    columns: [["Well", "text", "", true], ["Perturbation", "text", "", true], ["Raw", "number", "", true], ["Row and column", "number", "", true], ["Residual", "number", "", true]],
    count: views.here.length, size: () => views.here.length,
    row: (k) => { const i = views.here[k]; return [views.well(i), views.name(i), amount(views.value[i]), amount(views.fitted(i)), amount(views.value[i] - views.fitted(i))]; },
  });
  views.controlGrid = lazyGrid(place("twin-controls"), {
    columns: [["Plate", "text", "", true], ["Controls", "number", "", true], ["Median", "number", "", true], ["MAD", "number", "", true]],
    count: plates.length, size: () => plates.length,
    row: (p) => {
      const values = views.members[p].filter((i) => views.at.kind[i] === 1).map((i) => views.value[i]);
      return [plates[p], [String(values.length), values.length], amount(views.medians[p]), amount(1.4826 * medianOf(values.map((value) => Math.abs(value - views.medians[p]))))];
    },
  });
}
