const grids = {};

async function openViews() {
  const record = read("data-wells");
  if (!record) return;
  if (typeof Bokeh === "undefined") throw new Error("BokehJS did not run");
  const figures = read("data-views");
  const views = new Views(record, figures.palettes, figures);
  await views.open(figures.document);
  fillSelects(views);
  Object.keys(figures.roots).forEach((name) => addTools(views, name));
  addTwins(views);
  document.querySelectorAll(".selection button").forEach((button) => button.addEventListener("click", () => views.selectedFrom([])));
  Grid.follow = (kind, what) => {
    if (kind === "plate") {
      views.choosePlate(record.plates.indexOf(what));
      document.getElementById("plate").scrollIntoView();
    } else {
      views.selectedFrom([...views.at.name.keys()].filter((i) => views.at.name[i] === what));
    }
  };
  Object.values(grids).forEach((grid) => grid.draw());
  globalThis.views = views;
}

function start() {
  addThemeButton();
  const tables = read("data-tables");
  document.querySelectorAll("table[data-grid]").forEach((table) => {
    const record = tables[table.dataset.grid];
    if (record) grids[table.dataset.grid] = Grid.of(table, record);
  });
  document.querySelectorAll("figure.card").forEach(addDrawingButtons);
  document.querySelectorAll("details.twin").forEach(addTwinButton);
  const reveal = (hash) => /^#check-/.test(hash) && grids.checks?.reveal(hash.slice(1));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#check-"]');
    if (link && reveal(link.hash)) { event.preventDefault(); history.replaceState(null, "", link.hash); }
  });
  reveal(location.hash);
  followSections();
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details.group").forEach((each) => { each.open = true; });
    Object.values(grids).forEach((grid) => { grid.size = 300; grid.draw(); });
  });
  addEventListener("afterprint", () => Object.values(grids).forEach((grid) => { grid.size = PAGE; grid.draw(); }));
  openViews().then(() => root.dispatchEvent(new Event("ready")), (error) => {
    root.classList.remove("live");
    console.error("The interactive views could not be drawn:", error);
  });
}

start();
