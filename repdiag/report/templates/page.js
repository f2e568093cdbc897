const ready = (name) => frame(name) && page.data[name].length;

function draw(name) {
  if (!window.Plotly || !ready(name)) return null;
  near.add(name);
  const built = builders[name]();
  const named = built[0].filter((trace) => trace.showlegend !== false).length;
  // A legend under the figure takes its height from the page, not from the figure.
  frame(name).style.height = narrow() ? `${350 + 20 * Math.ceil(named / 2)}px` : "";
  return Plotly.react(frame(name), ...built, CONFIG).then(() => link(name));
}
// A figure is drawn once it comes near: a long page opens sooner, and its print has all of them.
const near = new Set();
const margin = 600;
const drawAll = (every) => Promise.all(Object.keys(builders).filter((name) => every === true || near.has(name)).map(draw));
const nameOf = (gd) => gd.id.replace("plot-", "");
const observer = new IntersectionObserver(
  (seen) => seen.forEach(({ isIntersecting, target }) => isIntersecting && !near.has(nameOf(target)) && draw(nameOf(target))),
  { rootMargin: `${margin}px` },
);

function drawNear() {
  const close = all(".plot").filter((gd) => gd.getBoundingClientRect().top < innerHeight + margin);
  close.forEach((gd) => near.add(nameOf(gd)));
  return drawAll();
}

function showChosen() {
  const shown = new Set(chosen());
  const table = document.getElementById("measures");
  for (const row of table ? table.rows : []) {
    page.data.reps.forEach((_, index) => (row.cells[index + 1].hidden = !shown.has(index)));
  }
  const limit = document.getElementById("limit");
  const over = shown.size > page.data.most;
  if (limit) limit.textContent = over ? `Figures show ${page.data.most} of ${shown.size}, evenly spaced.` : "";
}

const measureWidth = () => (root.dataset.overflow = root.scrollWidth > root.clientWidth ? "yes" : "no");

async function unpacked(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

async function download(button) {
  const text = await unpacked(button.dataset.download);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = button.dataset.file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function press(button, kind) {
  const { figure } = button.dataset;
  page[kind][figure] = button.dataset[kind];
  for (const other of all(`[data-figure="${figure}"][data-${kind}]`)) other.setAttribute("aria-pressed", String(other === button));
  draw(figure);
}

// Several measures in one figure: the first until another one is chosen.
function chooseMeasure(id, key, figure) {
  const names = [...new Set(page.data[figure].map((trace) => trace.meta.measure))];
  const select = document.getElementById(id);
  page[key] = names[select ? select.selectedIndex : 0];
  if (select) select.onchange = () => { page[key] = names[select.selectedIndex]; draw(figure); };
}

function connect() {
  for (const select of all("[data-dim]")) {
    select.onchange = () => { readPicks(); showChosen(); drawAll(); };
  }
  for (const kind of ["scale", "unit"]) {
    for (const button of all(`[data-${kind}]`)) {
      button.onclick = () => press(button, kind);
      page[kind][button.dataset.figure] ??= button.dataset[kind];
    }
  }
  for (const button of all("[data-download]")) button.onclick = () => download(button);
  chooseMeasure("measure", "measure", "trajectory");
  chooseMeasure("depth-measure", "depth", "depth");
  chooseMeasure("pair-measure", "pair", "information");
  linkRows();
  document.getElementById("theme").onclick = () => { root.dataset.theme = isDark() ? "light" : "dark"; drawAll(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { page.print = true; drawAll(true); });
  addEventListener("afterprint", () => { page.print = false; drawAll(); });
  addEventListener("resize", measureWidth);
}

function readPicks() {
  for (const select of all("[data-dim]")) page.picks[select.dataset.dim] = select.value === "" ? null : Number(select.value);
}

async function unpackPlotly() {
  const packed = document.getElementById("plotly-gzip-base64");
  if (window.Plotly || !packed) return;
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly-gzip-base64");
  document.head.append(script);
  script.remove();
  packed.remove();
}

async function start() {
  readPicks();
  connect();
  showChosen();
  try {
    await unpackPlotly();
    await drawNear();
    root.dataset.drawn = window.Plotly ? "yes" : "no";
    if (window.Plotly) { offerPictures(); all(".plot").forEach((gd) => observer.observe(gd)); }
  } catch (error) {
    root.dataset.drawn = "no";
    console.error(error);
  }
  const plain = document.getElementById("plain");
  if (plain) plain.hidden = root.dataset.drawn === "yes";
  measureWidth();
  root.dataset.ready = "true";
}
start();
