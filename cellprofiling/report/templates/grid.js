// A table that is sorted, filtered, turned page by page and saved. Its rows come as records, or as they are asked for.

const PAGE = 50;
const SEVERITY = ["fail", "warn", "inconclusive", "pass", "skipped", ""];

const textOf = (cell) => Array.isArray(cell) ? cell.filter((part) => typeof part === "string").join(" ") : String(cell ?? "");

const KEYS = { // what a column is sorted by; what is missing comes last
  number: (cell) => Array.isArray(cell) ? cell[1] : cell,
  score: (cell) => cell[0] === "–" ? null : cell[3],
  status: (cell) => SEVERITY.indexOf(firstWord(cell)) + (cell.includes(" ") ? 0.5 : 0),
  hit: (cell) => cell ? 0 : 1,
};

const PLAIN = { // what a column is in a file
  number: (cell) => Array.isArray(cell) ? cell[1] : cell,
  score: (cell) => cell[0],
  hit: (cell) => cell ? "hit" : "",
};

const DRAW = {
  text: (td, cell) => { td.textContent = cell; },
  code: (td, cell) => { td.append(make("code", { text: cell })); },
  number: (td, cell) => {
    const [text, , status] = Array.isArray(cell) ? cell : [cell];
    td.className = "n";
    if (status) { td.classList.add("told", firstWord(status)); td.append(icon(status), make("span", { className: "hidden", text: `${status} ` })); }
    td.append(text ?? "");
  },
  status: (td, cell) => { if (cell) td.append(statusMark(cell)); },
  hit: (td, cell) => td.append(cell ? make("span", { className: "yes", text: "▲ hit" }) : make("span", { className: "no", text: "–" })),
  score: (td, [text, interval, low, middle, high]) => {
    td.className = "n score";
    td.append(text);
    if (interval) td.append(" ", make("span", { className: "interval", text: interval }));
    const bar = make("span", { className: "bar" }, make("i"), make("b"));
    bar.setAttribute("aria-hidden", "true");
    Object.assign(bar.firstChild.style, { left: `${low}%`, width: `${Math.max(high - low, 0)}%` });
    bar.lastChild.style.left = `${middle}%`;
    if (text !== "–") td.append(bar);
  },
  why: (td, [text, small, source]) => {
    td.className = "why";
    td.append(text);
    if (small) td.append(make("small", { text: small }));
    if (source) td.append(make("details", {}, make("summary", { text: "Source" }), source));
  },
};

class Grid {
  constructor(table, { columns, count, row, id, key, quiet }) {
    Object.assign(this, { table, columns, count, row, id, key, quiet, page: 0, size: PAGE, sorted: null, only: null });
    this.name = table.dataset.grid;
    this.texts = [];
    this.shown = columns.map((column) => column[3]);
    this.addBar();
    this.addHeads();
    this.refresh();
  }

  static of(table, record) {
    const { columns, rows, ids, keys, quiet } = record;
    const muted = new Set(quiet);
    return new Grid(table, {
      columns, count: rows.length, row: (i) => rows[i],
      id: (i) => ids[i], key: (i) => keys[i], quiet: (i) => muted.has(i), ids,
    });
  }

  addBar() {
    const bar = make("div", { className: "filter" });
    const words = this.table.dataset.filter;
    if (words) {
      this.input = make("input", { type: "search", placeholder: words });
      this.input.setAttribute("aria-label", `${words} (${this.name})`);
      this.input.addEventListener("input", () => { this.page = 0; this.refresh(); });
      bar.append(this.input);
    }
    this.told = make("output");
    const saved = make("button", { type: "button", className: "small", text: "CSV" });
    saved.setAttribute("aria-label", `Save all ${this.name} as CSV`);
    saved.addEventListener("click", () => save(ended(this.name, "csv"), [this.csv()], "text/csv"));
    bar.append(this.told, saved);
    if (this.shown.includes(false)) bar.append(this.chooser());
    this.box = this.table.closest(".scroll");
    this.box.before(bar);
    this.turner = make("div", { className: "pages" });
    this.back = make("button", { type: "button", className: "small", text: "← Previous" });
    this.next = make("button", { type: "button", className: "small", text: "Next →" });
    this.where = make("span");
    this.back.addEventListener("click", () => this.turn(-1));
    this.next.addEventListener("click", () => this.turn(1));
    this.turner.append(this.back, this.where, this.next);
    this.box.after(this.turner);
  }

  chooser() {
    const list = make("div", { className: "choices" });
    this.columns.forEach(([head, , help, shown], column) => {
      const box = make("input", { type: "checkbox", checked: shown });
      box.addEventListener("change", () => { this.shown[column] = box.checked; this.showColumns(); this.draw(); });
      const label = make("label", {}, box, head);
      if (help) label.title = help;
      list.append(label);
    });
    return make("details", { className: "columns-menu" }, make("summary", { text: "Columns" }), list);
  }

  addHeads() {
    this.heads = [...this.table.tHead.rows[0].cells];
    this.heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        this.heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        this.sorted = { column, up };
        this.page = 0;
        this.refresh();
      });
      head.append(button);
    });
    this.showColumns();
  }

  showColumns() {
    for (const row of [...this.table.tHead.rows, ...(this.table.tFoot?.rows ?? [])])
      [...row.cells].forEach((cell, column) => { cell.hidden = !this.shown[column]; });
  }

  text(i) { return this.texts[i] ??= this.row(i).map(textOf).join(" ").toLowerCase(); }

  refresh() {
    const wanted = this.input?.value.trim().toLowerCase() ?? "";
    this.order = [];
    for (let i = 0; i < this.count; i += 1)
      if ((!this.only || this.only.has(this.key(i))) && (!wanted || this.text(i).includes(wanted))) this.order.push(i);
    if (this.sorted) this.sort();
    this.told.textContent = this.order.length < this.count ? `${this.order.length.toLocaleString("en")} of ${this.count.toLocaleString("en")} rows` : "";
    this.draw();
  }

  sort() {
    const { column, up } = this.sorted;
    const key = KEYS[this.columns[column][1]] ?? ((cell) => textOf(cell).toLowerCase());
    const values = new Map(this.order.map((i) => [i, key(this.row(i)[column])]));
    this.order.sort((i, j) => {
      const [a, b] = [values.get(i) ?? null, values.get(j) ?? null];
      if (a === null || b === null) return (a === null) - (b === null) || i - j;
      return (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1) || i - j;
    });
  }

  turn(step) { this.page += step; this.draw(); this.box.scrollTop = 0; }

  draw() {
    const pages = Math.max(1, Math.ceil(this.order.length / this.size));
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    const start = this.page * this.size;
    const here = this.order.slice(start, start + this.size);
    this.table.tBodies[0].replaceChildren(...here.map((i) => this.line(i)));
    this.turner.hidden = pages === 1;
    this.where.textContent = `${(start + 1).toLocaleString("en")} to ${(start + here.length).toLocaleString("en")} of ${this.order.length.toLocaleString("en")}`;
    this.back.disabled = this.page === 0;
    this.next.disabled = this.page === pages - 1;
  }

  line(i) {
    const tr = make("tr", { className: this.quiet?.(i) ? "quiet" : "" });
    if (this.id?.(i)) tr.id = this.id(i);
    const row = this.row(i);
    this.columns.forEach(([, kind], column) => {
      if (this.shown[column]) tr.append(this.cell(kind, row[column], i, column));
    });
    return tr;
  }

  cell(kind, value, i, column) {
    const head = kind === "name" || kind === "plate" || (column === 0 && kind === "text");
    const td = make(head ? "th" : "td", head ? { scope: "row" } : {});
    if (kind === "name" || kind === "plate") {
      if (!Grid.follow || (kind === "name" && this.key(i) < 0)) td.textContent = value;
      else {
        const button = make("button", { type: "button", className: "go", text: value });
        button.title = kind === "name" ? "Select its wells" : "Show this plate";
        button.addEventListener("click", () => Grid.follow(kind, kind === "name" ? this.key(i) : value));
        td.append(button);
      }
    } else DRAW[kind](td, value);
    return td;
  }

  show(keys) { this.only = keys; this.page = 0; this.refresh(); }

  reveal(id) {
    const wanted = Array.from({ length: this.count }, (_, i) => i).find((i) => this.id?.(i) === id);
    if (wanted === undefined) return false;
    if (this.input) this.input.value = "";
    this.only = null;
    this.refresh();
    this.page = Math.floor(this.order.indexOf(wanted) / this.size);
    this.draw();
    const row = document.getElementById(id);
    document.querySelectorAll("tr.target").forEach((each) => each.classList.remove("target"));
    row.classList.add("target");
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
    return true;
  }

  csv() {
    const rows = [this.columns.map((column) => column[0])];
    for (let i = 0; i < this.count; i += 1)
      rows.push(this.row(i).map((cell, column) => (PLAIN[this.columns[column][1]] ?? textOf)(cell)));
    return csv(rows);
  }
}
