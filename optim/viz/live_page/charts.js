"use strict";

// The two pictures: paths on the surface, and curves of the loss. A chart shows points between 0 and 1. Points
// outside can be drawn, and are cut off at the frame. Its `view` is the part that fills the frame.

const DASHES = ["none", "9 5", "10 4 2 4", "2.5 3", "9 3 2 3 2 3", "15 5", "6 3 2 3 2 3", "5 5"];  // in DRAWN
const SHAPES = [  // what marks the present step: the outlines of eight symbols around (0, 0)
  "M-7 0A7 7 0 1 1 7 0A7 7 0 1 1-7 0Z", "M-6-6H6V6H-6Z", "M0-8 8 6H-8Z", "M0-8 8 0 0 8-8 0Z", "M0 8 8-6H-8Z",
  "M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z", "M-8-5-5-8 0-3 5-8 8-5 3 0 8 5 5 8 0 3-5 8-8 5-3 0Z", "M-8 0 6-8V8Z"];
const STAR = "M0-10 2.8-3.2 10-3 4.4 1.5 6.4 9 0 4.6-6.4 9-4.4 1.5-10-3-2.8-3.2Z";
const DRAWN = 17;  // pixels in a letter, where the sizes of symbols and dashes are in pixels; elsewhere they follow
const TOO_FAR = 20;  // frames: what lies further out is drawn only as far as this
const MERGED = 0.7;  // pixels; a path leaves out points that are nearer to the one before
const APART = 4;  // pixels between the dots of two steps; nearer ones would merge

const ROOM = 10;  // letters of a number in a cell

const find = id => document.getElementById(id);
const between = ([low, high], value) => (value - low) / (high - low);
const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

// Numbers as a page shows them: few digits, a real minus sign, a dash for NaN. Small and huge ones get as many digits as
// there is room for in a cell.
function told(number, digits = 4) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  const powers = size !== 0 && (size < 1e-4 || size >= 1e6);
  const rounded = Number(number.toPrecision(digits));
  const text = (powers ? rounded.toExponential() : String(rounded)).replaceAll("-", "−").replace("e+", "e");
  return text.length > ROOM && (powers || size < 1) ? told(number, digits - 1) : text;
}

function svg(parent, name, attributes = {}, text = "") {
  const child = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(child, attributes);
  child.textContent = text;
  return parent.appendChild(child);
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function setLook(element, i) {
  element.style.setProperty("--color", `var(--run${i % SHAPES.length})`);
  element.style.setProperty("--dashes", DASHES[i % DASHES.length].replace(/[\d.]+/g, size => `${size / DRAWN}rem`));
}

function makeChart(id) {
  const root = find(id);
  const clip = svg(svg(root, "clipPath", {id: `${id}-clip`}), "rect");
  const clipped = svg(root, "g", {"clip-path": `url(#${id}-clip)`});
  const picture = svg(clipped, "image", {"aria-hidden": "true", preserveAspectRatio: "none"});
  const ground = svg(clipped, "g", {class: "ground"});
  const frame = svg(root, "rect", {class: "frame"});
  const axis = svg(root, "g", {"aria-hidden": "true", class: "axis"});
  const lines = svg(root, "g", {"aria-hidden": "true"});
  const signs = svg(root, "g");
  const markers = svg(root, "g");  // above the lines of all
  const hit = svg(root, "circle", {class: "hit", r: 11, visibility: "hidden"});
  return {id, root, picture, ground, clip, frame, axis, signs, lines, markers, hit, axes: [], placed: [], traces: new Map(),
          view: {u: 0, v: 0, size: 1}, box: null};
}

// A path has six parts: what is ahead, faint; a halo, what is done, a dot a step; triangles where it left; the present.
function makeTrace(chart, look) {
  const group = svg(chart.lines, "g", {class: "trace"});
  const clipped = svg(group, "g", {"clip-path": `url(#${chart.id}-clip)`});
  const [ahead, halo, line, dots] = ["ahead", "halo", "line", "dots"].map(name => svg(clipped, "path", {class: name}));
  const exits = svg(group, "path", {class: "exits"});
  const marker = svg(chart.markers, "path", {class: "marker", d: SHAPES[look % SHAPES.length]});
  for (const element of [group, marker]) setLook(element, look);
  return {group, ahead, halo, line, dots, exits, marker};
}

// Take the size of the letters and of the room for the chart, so that letters are as large on a phone as on a wall.
function measure(chart) {
  const letter = parseFloat(getComputedStyle(chart.root).fontSize);
  const {clientWidth, clientHeight} = chart.root;
  const box = {x: 4.6 * letter, y: 0.5 * letter};
  box.width = Math.max(clientWidth - box.x - letter, 10);
  box.height = Math.max(clientHeight - box.y - 2.6 * letter, 10);
  Object.assign(chart, {box, letter, size: letter / DRAWN});
  chart.root.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
  for (const rectangle of [chart.frame, chart.clip]) set(rectangle, box);
}

// Draw what does not depend on the step: axes, hills, signs. Nothing is measured here, which would be slow.
function layOut(chart) {
  const {box, view: {size}} = chart;
  drawAxes(chart);
  const [x, y] = pixel(chart, [0, 1]);
  const scale = `scale(${box.width / size / UNITS} ${box.height / size / UNITS})`;
  chart.ground.setAttribute("transform", `translate(${x} ${y}) ${scale}`);
  for (const [sign, place] of chart.placed) {
    sign.setAttribute("transform", at(chart, place));
    sign.setAttribute("visibility", inView(chart, place) ? "visible" : "hidden");
  }
}

function pixel({box, view}, [u, v]) {
  return [box.x + (u - view.u) / view.size * box.width, box.y + (1 - (v - view.v) / view.size) * box.height];
}

// The point that lies under the mouse.
function pointAtMouse({box, view, root}, event) {
  const edges = root.getBoundingClientRect();
  return [view.u + (event.clientX - edges.left - box.x) / box.width * view.size,
          view.v + (1 - (event.clientY - edges.top - box.y) / box.height) * view.size];
}

const at = (chart, place) => `translate(${pixel(chart, place)}) scale(${chart.size})`;

const inView = ({view}, place) => [view.u, view.v].every((low, k) => place[k] >= low - 1e-9 && place[k] <= low + view.size + 1e-9);

const nearestInView = ({view}, place) =>
  [view.u, view.v].map((low, k) => clamp(Number.isNaN(place[k]) ? low : place[k], low, low + view.size));

function drawAxes({axis, box, axes, view, letter}) {
  const chart = {box, view};
  axis.replaceChildren();
  const [across, up] = axes.map((one, k) => {
    const low = k ? view.v : view.u;
    return {...one, shown: [low, low + view.size]};
  });
  for (const [u, text] of ticks(across, box.width / (4 * letter))) {
    const [x] = pixel(chart, [u, 0]);
    svg(axis, "line", {x1: x, x2: x, y1: box.y + box.height, y2: box.y + box.height + 4});
    const seen = Math.min(x, box.x + box.width + letter - 0.27 * letter * text.length);  // not cut off at the right
    svg(axis, "text", {x: seen, y: box.y + box.height + 1.1 * letter, "text-anchor": "middle"}, text);
  }
  for (const [v, text] of ticks(up, box.height / (2.2 * letter))) {
    const [, y] = pixel(chart, [0, v]);
    svg(axis, "line", {x1: box.x - 4, x2: box.x, y1: y, y2: y});
    svg(axis, "text", {x: box.x - 7, y: y + 0.3 * letter, "text-anchor": "end"}, text);
  }
  const [x, y] = [box.x + box.width / 2, box.y + box.height];
  svg(axis, "text", {x, y: y + 2.2 * letter, "text-anchor": "middle"}, across.name);
  const turned = `translate(${0.8 * letter} ${y - box.height / 2}) rotate(-90)`;
  svg(axis, "text", {"text-anchor": "middle", transform: turned}, up.name);
}

// Round values within the shown part of an axis, as places and text: at most as many as there is room for, and at least
// two; on a logarithmic axis, at least two a decade and a half.
function ticks({limits, logarithmic, shown}, room) {
  const scaled = logarithmic ? limits.map(Math.log10) : limits;
  const ends = shown.map(part => scaled[0] + part * (scaled[1] - scaled[0]));
  const values = (logarithmic ? roundPowers : roundNumbers)(ends, Math.max(room, 2));
  return values.map(value => [between(scaled, logarithmic ? Math.log10(value) : value), told(value, 6)]);
}

function multiples([low, high], step) {
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.max(0, Math.floor(high / step + 1e-9) - first + 1);
  return Array.from({length: count}, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

function roundNumbers(ends, room) {
  const least = (ends[1] - ends[0]) / room;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= least);
  const found = multiples(ends, step);
  return found.length > 1 ? found : multiples(ends, step / 2);
}

// Powers of ten between those of `ends`; where they are few, 2 and 5 times these too.
function roundPowers(ends, room) {
  const step = Math.max(1, Math.ceil((ends[1] - ends[0]) / room));
  const whole = multiples(ends, step).map(k => 10 ** k);
  const fine = multiples([Math.floor(ends[0]), ends[1]], 1).flatMap(k => [1, 2, 5].map(factor => factor * 10 ** k))
    .filter(value => Math.log10(value) >= ends[0] && Math.log10(value) <= ends[1]);
  return whole.length < 2 || fine.length <= room ? fine : whole;
}


// The ground: hills in bands between levels, darker the higher, with fine lines between them

const DARKER = 0.055;  // each band than the one below
const SAMPLES = 64;  // along each side, to find the levels where more than the frame is shown
const THIN = 1.2;  // pixels from the middle of a line to where it has faded

// The levels for the frame, or, where more is shown, for all of it: the formula is that of `Surface.levels` in Python.
function levelsFor({view}, {frame, levels, minimum}, height) {
  const shown = [view.u, view.v].map(low => [Math.min(low, 0), Math.max(low + view.size, 1)]);
  if (shown.flat().every((part, i) => part === i % 2)) return levels;
  const [xs, ys] = frame.map(([low, high], k) => Array.from({length: SAMPLES}, (_, i) =>
    low + (high - low) * (shown[k][0] + (shown[k][1] - shown[k][0]) * i / (SAMPLES - 1))));
  const values = xs.flatMap(x => ys.map(y => height(x, y)[0])).filter(Number.isFinite).sort((one, other) => one - other);
  const [low, high] = [Math.min(values[0], minimum ?? Infinity), values.at(-1)];
  const exponent = clamp(Math.log((values[values.length >> 1] - low) / (high - low)) / Math.log(0.5), 1, 6);
  return levels.map((_, k) => low + (high - low) * ((k + 1) / (levels.length + 1)) ** exponent);
}

// Colour `across` x `down` pixels of the shown part by a function and its slopes; return the address of the picture.
function hills({view}, frame, height, levels, across, down, [paper, hill, crest]) {
  const [[left, width], [bottom, tall]] = frame.map(([low, high]) => [low, high - low]);
  const [dx, dy] = [width / across * view.size, tall / down * view.size];  // from one pixel to the next
  const pixels = new ImageData(across, down);
  for (let i = 0, n = 0; i < down; i++) {
    const y = bottom + tall * view.v + (down - i - 0.5) * dy;
    for (let j = 0; j < across; j++, n += 4) {
      const [value, slopeX, slopeY] = height(left + width * view.u + (j + 0.5) * dx, y);
      let k = 0;
      while (k < levels.length && !(value < levels[k])) k++;
      const rise = Math.min(Math.abs(value - (levels[k - 1] ?? Infinity)), Math.abs(value - (levels[k] ?? Infinity)));
      const line = 0.7 * clamp(THIN - rise / Math.hypot(slopeX * dx, slopeY * dy), 0, 1) || 0;
      const part = 1 - (1 - DARKER) ** Math.max(k - 1, 0);
      for (let c = 0; c < 3; c++) {
        const shade = paper[c] + (hill[c] - paper[c]) * part;
        pixels.data[n + c] = shade + (crest[c] - shade) * line;
      }
      pixels.data[n + 3] = 255;
    }
  }
  return canvasOf(pixels).toDataURL();
}

function canvasOf(pixels) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, {width: pixels.width, height: pixels.height});
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

// The three numbers of a colour of the style sheet.
function rgbOf(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
}


// Paths

// The point where the way from a, in view, to b, outside, crosses the edge; and the direction out.
function crossing({view}, a, b) {
  const low = [view.u, view.v];
  const parts = [0, 1].map(k => {
    const high = low[k] + view.size;
    return b[k] > high ? (high - a[k]) / (b[k] - a[k]) : b[k] < low[k] ? (a[k] - low[k]) / (a[k] - b[k]) : 1;
  });
  const k = parts[0] < parts[1] ? 0 : 1;
  const out = [0, 0];
  out[k] = Math.sign(b[k] - a[k]);
  return {edge: a.map((value, j) => value + parts[k] * (b[j] - value)), out};
}

// A browser's arithmetic is too coarse for points a million frames away: go only TOO_FAR of the way to them, and back.
function drawable(points) {
  const distance = ([u, v]) => Math.max(Math.abs(u), Math.abs(v));
  if (points.every(point => distance(point) <= TOO_FAR)) return points;
  const towards = (far, near) => near.map((value, k) => value + (far[k] - value) * TOO_FAR / distance(far));
  return points.flatMap((point, t) => {
    if (distance(point) <= TOO_FAR) return [point];
    return [points[t - 1], points[t + 1]].filter(other => other && distance(other) <= TOO_FAR)
      .map(other => towards(point, other));
  });
}

// A path through points, but for those that are not a pixel from the one before.
function outline(chart, points) {
  const places = drawable(points);
  let shape = "";
  let [px, py] = [Infinity, Infinity];
  for (let t = 0; t < places.length; t++) {
    const [x, y] = pixel(chart, places[t]);
    if (Math.abs(x - px) < MERGED && Math.abs(y - py) < MERGED && t < places.length - 1) continue;
    shape += `${shape ? "L" : "M"}${Math.round(10 * x) / 10} ${Math.round(10 * y) / 10}`;
    [px, py] = [x, y];
  }
  return places.length > 1 ? shape : "";
}

// A dot for each step, except where it would merge with the one before.
function dotted(chart, points) {
  let shape = "";
  let [px, py] = [Infinity, Infinity];
  for (const point of points) {
    if (!inView(chart, point)) continue;
    const [x, y] = pixel(chart, point);
    if (Math.hypot(x - px, y - py) < APART * chart.size) continue;
    shape += `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
    [px, py] = [x, y];
  }
  return shape;
}

// A triangle that points out of the frame, each time that the path leaves it.
function triangles(chart, points) {
  let shape = "";
  for (let t = 1; t < points.length; t++) {
    if (!inView(chart, points[t - 1]) || inView(chart, points[t])) continue;
    const {edge, out} = crossing(chart, points[t - 1], points[t]);
    const [x, y] = pixel(chart, edge);
    const [dx, dy] = out.map(value => value * chart.size);
    shape += `M${x + 9 * dx} ${y - 9 * dy}L${x + 7 * dy} ${y - 7 * dx}L${x - 7 * dy} ${y + 7 * dx}Z`;
  }
  return shape;
}

function drawTrace(chart, trace, points, now, shown) {
  for (const part of [trace.group, trace.marker]) part.setAttribute("visibility", shown ? "visible" : "hidden");
  if (!shown) return;
  const done = points.slice(0, now + 1);
  trace.ahead.setAttribute("d", outline(chart, points.slice(now)));
  trace.line.setAttribute("d", outline(chart, done));
  trace.halo.setAttribute("d", trace.line.getAttribute("d"));
  trace.dots.setAttribute("d", chart.id === "map" ? dotted(chart, done) : "");
  trace.exits.setAttribute("d", triangles(chart, done));
  trace.marker.classList.toggle("outside", !inView(chart, points[now]));
  trace.marker.setAttribute("transform", at(chart, nearestInView(chart, points[now])));
}
