// What one figure points at, the others show too: lines of other representations step back.
const BACK = 0.14;
const repsOf = (trace) => trace.reps || (trace.meta && trace.meta.rep !== undefined ? [trace.meta.rep] : []);
const pointed = { rep: null };

// The representation under the pointer; a line over checkpoints or layers has one at each of its points.
function repAt({ data, pointNumber }) {
  const reps = repsOf(data);
  return reps.length > 1 ? reps[pointNumber] : reps[0];
}

const concerns = (trace, rep) => rep === null || !repsOf(trace).length || repsOf(trace).includes(rep);

function point(rep, from) {
  if (pointed.rep === rep) return;
  pointed.rep = rep;
  for (const name of Object.keys(builders)) {
    const gd = frame(name);
    if (!gd || !gd.data || name === from) continue;
    const opacity = gd.data.map((trace) => (concerns(trace, rep) ? 1 : BACK));
    const hit = gd.data.some((trace) => repsOf(trace).includes(rep));
    if (rep === null || hit) Plotly.restyle(gd, { opacity });
  }
  all("[data-rep]").forEach((row) => row.classList.toggle("pointed", rep !== null && Number(row.dataset.rep) === rep));
}

function link(name) {
  const gd = frame(name);
  if (!gd || !gd.on || gd.dataset.linked) return;
  gd.dataset.linked = "yes";
  gd.on("plotly_hover", ({ points }) => { const rep = repAt(points[0]); if (rep !== undefined) point(rep, name); });
  gd.on("plotly_unhover", () => point(null, ""));
}

// Rows at the top of the page point too, by mouse and by keyboard.
function linkRows() {
  for (const row of all("[data-rep]")) {
    row.onmouseenter = row.onfocus = () => point(Number(row.dataset.rep), "");
    row.onmouseleave = row.onblur = () => point(null, "");
  }
}

// Each figure can be taken along, as a drawing or as a picture.
function offerPictures() {
  for (const gd of all(".plot")) {
    const head = gd.closest("figure")?.querySelector(".figure-head");
    if (!head || head.querySelector(".save")) continue;
    const name = nameOf(gd);
    const box = Object.assign(document.createElement("div"), { className: "switch save" });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", `Save ${textIn(head, "h3")}`);
    for (const format of ["svg", "png"]) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: format.toUpperCase() });
      button.onclick = () => Promise.resolve(near.has(name) || draw(name)).then(() => Plotly.downloadImage(gd, { format, filename: `repdiag-${name}`, width: gd.clientWidth, height: gd.clientHeight, scale: 2 }));
      box.append(button);
    }
    head.append(box);
  }
}

const textIn = (box, selector) => box.querySelector(selector)?.textContent || "figure";
