// Runs after the page's own script, on a page made for export only: each drawn figure, with its heading, facts,
// key and caption, as one SVG and as PNG, into an attribute of the root element.
(() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const EDGE = 16;
  const sized = (size, weight = 400) => ({ size, weight });
  const HEADING = sized(17, 600), NOTE = sized(12.5), KEY = sized(13);

  function node(name, attributes, ...inside) {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  }

  const family = () => getComputedStyle(document.body).fontFamily;
  const words = (text, x, y, { size, weight }, fill) =>
    node("text", { x, y, fill, "font-size": size, "font-weight": weight, "font-family": family() }, text);

  function wrapped(text, width, { size, weight }) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `${weight} ${size}px ${family()}`;
    const lines = [];
    for (const word of text.split(/\s+/).filter(Boolean)) {
      const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
      if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  }

  // A block of the picture: its height, and its elements once the top is known.
  const block = (height, elements) => ({ height, elements });
  const paragraph = (text, width, font, fill) => {
    const lines = wrapped(text, width, font);
    return block(lines.length * 1.5 * font.size, (top) => lines.map((line, i) => words(line, EDGE, top + (1.5 * i + 1) * font.size, font, fill)));
  };

  function keysOf(figure, fill) {
    const list = figure.querySelector(".keys.drawn");
    if (!list || !list.children.length) return block(0, () => []);
    const corner = list.getBoundingClientRect();
    const items = [...list.children].map((item) => ({ item, box: item.getBoundingClientRect() }));
    return block(corner.height + 8, (top) => items.flatMap(({ item, box }) => {
      const [x, y] = [EDGE + box.left - corner.left, top + box.top - corner.top];
      const sign = item.querySelector("svg").cloneNode(true);
      for (const [key, value] of Object.entries({ x, y: y + 4, width: 34, height: 12 })) sign.setAttribute(key, value);
      return [sign, words(item.textContent, x + 40, y + 15, KEY, fill)];
    }));
  }

  async function plotOf(gd, width, height) {
    const text = await Plotly.toImage(gd, { format: "svg", width, height, imageDataOnly: true });
    const drawn = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
    return block(height, (top) => {
      drawn.setAttribute("x", EDGE);
      drawn.setAttribute("y", top);
      return [drawn];
    });
  }

  const textOf = (element) => (element ? element.innerText.replace(/\s+/g, " ").trim() : "");

  // What the pickers above a figure leave of the results.
  const picked = (figure) =>
    [...(figure.closest("section")?.querySelectorAll(".pickers select") || [])].filter((one) => one.value !== "").map((one) => one.selectedOptions[0].text);

  async function composed(gd) {
    const { ink, muted, surface } = colours();
    const figure = gd.closest("figure");
    const [width, height] = [gd.clientWidth, gd.clientHeight];
    const [heading, caption] = [textOf(figure.querySelector("h3")), textOf(figure.querySelector("figcaption"))];
    const facts = [...[document.querySelector("h1"), ...all(".heading .facts span")].map(textOf), ...picked(figure)].join(" · ");
    const blocks = [
      paragraph(heading, width, HEADING, ink), paragraph(facts, width, NOTE, muted), block(8, () => []), keysOf(figure, ink),
      await plotOf(gd, width, height), paragraph(caption, width, NOTE, muted),
    ];
    const [wide, tall] = [width + 2 * EDGE, Math.ceil(blocks.reduce((sum, one) => sum + one.height, 2 * EDGE))];
    let top = EDGE;
    const elements = blocks.flatMap((one) => {
      top += one.height;
      return one.elements(top - one.height);
    });
    const paper = node("rect", { width: wide, height: tall, fill: surface });
    const whole = node("svg", { width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}` }, node("title", {}, heading), node("desc", {}, caption), paper, ...elements);
    return { text: new XMLSerializer().serializeToString(whole), wide, tall };
  }

  async function raster({ text, wide, tall }) {
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 2 * wide, height: 2 * tall });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png").split(",")[1];
  }

  async function everyFigure() {
    const made = {};
    for (const gd of all(".plot.js-plotly-plot").filter((one) => one.clientWidth)) {
      const picture = await composed(gd);
      made[gd.id.replace("plot-", "")] = { svg: picture.text, png: await raster(picture) };
    }
    const bytes = new TextEncoder().encode(JSON.stringify(made));
    root.dataset.exported = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }

  async function whenReady() {
    while (!root.dataset.ready) await new Promise((next) => setTimeout(next, 20));
    await drawAll(true);
    await everyFigure();
  }
  whenReady().catch((error) => (root.dataset.failed = String(error)));
})();
