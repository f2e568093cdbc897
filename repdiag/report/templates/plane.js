const SVG = "http://www.w3.org/2000/svg";
function drawing(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function keyItem(text, shapes) {
  const item = document.createElement("li");
  const picture = drawing("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" });
  picture.append(...shapes);
  item.append(picture, text);
  return item;
}

// ` (constant)` for a layer without a single figure.
function without(drawn, layer) {
  const figures = drawn.kept.filter((path) => path.dims.layer === layer).flatMap((path) => [path.x, path.y]);
  const none = !figures.some(measured);
  return none ? ` (${[...new Set(figures.flatMap((one) => Object.values(one.status)))].join(", ")})` : "";
}

function showKeys(name, drawn) {
  const { ink } = colours();
  const rule = (stroke, dash) => drawing("line", { x1: 0, x2: 34, y1: 6, y2: 6, stroke, "stroke-width": 2, "stroke-dasharray": dash });
  const shape = (order, fill, stroke) => drawing("path", { d: SHAPES[order % SHAPES.length], transform: "translate(11 0)", fill, stroke });
  const layers = drawn.layers.map((layer, order) => keyItem(plane.setup.plain.layer[layer] + without(drawn, layer), [rule(drawn.lines[order], ""), shape(order, drawn.lines[order], drawn.lines[order])]));
  const splits = drawn.splits.length > 1 ? drawn.splits.map((split, i) => keyItem(plane.setup.plain.split[split], [rule(ink, STROKES[i % STROKES.length])])) : [];
  const held = new Set(drawn.kept.flatMap((path) => [...Object.values(path.x.status), ...Object.values(path.y.status)]));
  const dot = drawing("circle", { cx: 17, cy: 6, r: 1.4, fill: ink });
  const open = [["saturated", []], ["unresolved", [dot]]].filter(([word]) => held.has(word)).map(([word, inner]) => keyItem(word, [shape(0, "none", ink), ...inner]));
  document.querySelector(`[data-keys="${name}"]`).replaceChildren(...layers, ...splits, ...open);
}

// Rings on one checkpoint in a figure, and a line through it over training; plotly itself is left alone.
function mark(name, at) {
  const [gd, marks] = [frame(name), document.getElementById(`marks-${name}`)];
  if (!gd || !marks || !gd._fullLayout) return;
  const seen = new Set();
  const found = gd.data.flatMap((trace) => {
    const i = trace.meta && trace.meta.at ? trace.meta.at.indexOf(at) : -1;
    if (i < 0 || trace.x[i] === null || trace.y[i] === null) return [];
    const [x, y] = ["xaxis", "yaxis"].map((kind) => gd._fullLayout[kind + (trace[kind] || "").slice(1)]);
    const [left, top] = [x.l2p(trace.x[i]), y.l2p(trace.y[i])];
    if (left < 0 || left > x._length || top < 0 || top > y._length) return [];
    const ring = drawing("circle", { cx: x._offset + left, cy: y._offset + top, r: 7.5 });
    if (name === "plane" || seen.has(trace.xaxis)) return [ring];
    seen.add(trace.xaxis);
    return [ring, drawing("line", { x1: x._offset + left, x2: x._offset + left, y1: y._offset, y2: y._offset + y._length })];
  });
  marks.replaceChildren(...found);
}

const FIGURES = ["plane", "planesteps"];
const markAll = (at) => FIGURES.forEach((name) => mark(name, at));
const resting = () => (plane.at < lastMoment() || plane.timer ? plane.at : -1);

function listen(name) {
  const gd = frame(name);
  if (!gd.on || gd.dataset.linked) return;
  gd.dataset.linked = "yes";
  gd.on("plotly_hover", ({ points }) => {
    const { data, pointNumber } = points[0];
    if (data.meta && data.meta.at) { markAll(data.meta.at[pointNumber]); tell(data.meta.at[pointNumber]); }
  });
  gd.on("plotly_unhover", () => { markAll(resting()); tell(plane.at); });
  gd.on("plotly_afterplot", () => mark(name, resting()));
}

const tell = (at) => (document.getElementById("moment-text").textContent = stepText(at));

function moveTo(at) {
  const slider = document.getElementById("moment");
  plane.at = at;
  slider.value = at;
  slider.setAttribute("aria-valuetext", stepText(at));
  tell(at);
  draw("plane");
  markAll(resting());
}

function stop() {
  clearInterval(plane.timer);
  plane.timer = null;
  const play = document.getElementById("play");
  play.textContent = "Play";
  play.setAttribute("aria-pressed", "false");
  markAll(resting());
}

function startPlaying() {
  const play = document.getElementById("play");
  play.textContent = "Pause";
  play.setAttribute("aria-pressed", "true");
  const pause = Math.max(80, Math.min(450, 9000 / (lastMoment() + 1)));
  plane.timer = setInterval(() => (plane.at < lastMoment() ? moveTo(plane.at + 1) : stop()), pause);
  moveTo(plane.at < lastMoment() ? plane.at : 0);
}

function connectPlane() {
  if (!plane.paths.length) return;
  plane.at = lastMoment();
  const read = () => { for (const select of all("[data-plane]")) plane.picks[select.dataset.plane] = select.value === "" ? null : Number(select.value); };
  for (const select of all("[data-plane]")) select.onchange = () => { read(); FIGURES.forEach(draw); };
  read();
  const slider = document.getElementById("moment");
  if (!slider) return;
  const gradient = Array.from({ length: 9 }, (_, i) => momentColour((i / 8) * lastMoment()));
  slider.style.setProperty("--steps", `linear-gradient(90deg, ${gradient.join(", ")})`);
  slider.oninput = () => { if (plane.timer) stop(); moveTo(Number(slider.value)); };
  document.getElementById("play").onclick = () => (plane.timer ? stop() : startPlaying());
}
connectPlane();
