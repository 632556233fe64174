"use strict";

// The page's program. All numbers were computed beforehand: `content` holds, for each optimizer, its runs with 21
// learning rates, and for each run its columns (position, loss, gradient, state), one number a step. So there are three
// things to choose, the step, the learning rate of each optimizer and which of them are shown, and one function,
// `draw`, that shows what is chosen.

const DURATION = 10;  // seconds that a whole run plays
const DASHES = ["none", "9 5", "10 4 2 4", "2.5 3", "9 3 2 3 2 3", "15 5", "6 3 2 3 2 3", "5 5"];  // in DRAWN
const SHAPES = [  // what marks the present step: the outlines of eight symbols around (0, 0)
  "M-7 0A7 7 0 1 1 7 0A7 7 0 1 1-7 0Z", "M-6-6H6V6H-6Z", "M0-8 8 6H-8Z", "M0-8 8 0 0 8-8 0Z", "M0 8 8-6H-8Z",
  "M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z", "M-8-5-5-8 0-3 5-8 8-5 3 0 8 5 5 8 0 3-5 8-8 5-3 0Z", "M-8 0 6-8V8Z"];
const STAR = "M0-10 2.8-3.2 10-3 4.4 1.5 6.4 9 0 4.6-6.4 9-4.4 1.5-10-3-2.8-3.2Z";
const DRAWN = 17;  // pixels in a letter, where the sizes of symbols and dashes are in pixels; elsewhere they follow
const FAR = 20;  // in frames: what lies further out is drawn only as far as this
const QUIET = 300;  // milliseconds without a change, after which a screen reader is told what is shown

const find = id => document.getElementById(id);

let content;         // what page.py has written
let time = 0;        // the present step, as its place in content.steps
let playing = false;
let charts = [];     // the two pictures
let telling = null;  // the timer of what a screen reader will be told
let pointed = null;  // the chart, optimizer and step that the mouse is at; or the focus, which is at the present step


// Numbers and words

// Numbers come with the digits that are to be shown; what is not a number, or not there yet, is a dash.
function told(number) {
  if (number === null) return "–";
  const size = Math.abs(number);
  const text = size !== 0 && (size < 1e-4 || size >= 1e6) ? number.toExponential() : String(number);
  return text.replaceAll("-", "−").replace("e+", "e");
}

const chosenRun = runner => runner.runs[runner.chosen];
const lastTime = run => run.columns.position[0].length - 1;
const timeIn = (run, t) => Math.min(t, lastTime(run));
const stepIn = (run, t) => Math.min(content.steps[t], run.last);  // it may have ended between two kept steps

// The columns of a run, at a step, as rows of a table: ["position", ["0.5", "2"]].
const rows = (run, t) => Object.entries(run.columns).map(([name, columns]) =>
  [name, columns.map(column => told(column[timeIn(run, t)]))]);

const losses = ({columns}) => columns[content.loss.name][0];

// What there is to say of a run besides its numbers.
function ending(run, t) {
  if (t >= lastTime(run) && run.ending) return run.ending;
  return inside(run.points.map[timeIn(run, t)]) ? "" : "outside the frame";
}

// A runner at the present step, in a sentence.
function report(runner) {
  const run = chosenRun(runner);
  const {position, loss} = Object.fromEntries(rows(run, time));
  return [`${runner.name}: position (${position.join(", ")})`, `loss ${loss}`, ending(run, time)]
    .filter(Boolean).join(", ");
}


// Elements

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


// Pictures: points are in frames, from (0, 0) at the lower left to (1, 1) at the upper right

const between = ([low, high], value) => (value - low) / (high - low);

const mapPoint = position => position.map((value, k) => between(content.frame[k], value));
const mapPoints = ({columns: {position: [x, y]}}) => x.map((_, t) => mapPoint([x[t], y[t]]));

// On a logarithmic scale, what is below the lower edge is as good as 0 and lies on that edge.
function lossPoints(run) {
  const {logarithmic, bottom, top} = content.loss;
  const scale = logarithmic ? value => Math.log(Math.max(value, bottom)) : Number;
  return losses(run).map((loss, t) => {
    const height = loss === null ? FAR : between([scale(bottom), scale(top)], scale(loss));
    return [stepIn(run, t) / content.steps.at(-1), height];
  });
}

function makeChart(id, axes) {
  const root = find(id);
  const ground = svg(root, "g", {class: "ground"});
  const clip = svg(svg(root, "clipPath", {id: `${id}-clip`}), "rect");
  const frame = svg(root, "rect", {class: "frame"});
  const axis = svg(root, "g", {"aria-hidden": "true", class: "axis"});
  const signs = svg(root, "g", {"aria-hidden": "true"});
  const lines = svg(root, "g", {"aria-hidden": "true"});
  const markers = svg(root, "g");  // above the lines of all
  const chart = {id, root, ground, clip, frame, axis, signs, lines, markers, axes, placed: []};
  chart.traces = content.optimizers.map((_, i) => makeTrace(chart, i));
  chart.hit = svg(root, "circle", {class: "hit", r: 11, visibility: "hidden"});
  for (const kind of ["pointermove", "pointerdown"]) root.addEventListener(kind, event => point(chart, event));
  root.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") pointAt(null); });
  return chart;
}

// A path has five parts: what is ahead, faint; a halo, what is done; triangles where it left; and the present step.
function makeTrace(chart, i) {
  const group = svg(chart.lines, "g", {class: "trace"});
  const clipped = svg(group, "g", {"clip-path": `url(#${chart.id}-clip)`});
  const [ahead, halo, line] = ["ahead", "halo", "line"].map(name => svg(clipped, "path", {class: name}));
  const exits = svg(group, "path", {class: "exits"});
  const marker = svg(chart.markers, "path", {class: "marker", d: SHAPES[i % SHAPES.length]});
  for (const element of [group, marker]) setLook(element, i);
  return {group, ahead, halo, line, exits, marker};
}

// The tab key goes from marker to marker of the map.
function makeFocusable(chart) {
  for (const [i, {marker}] of chart.traces.entries()) {
    set(marker, {tabindex: 0, role: "img"});
    marker.addEventListener("focus", () => { if (marker.matches(":focus-visible")) pointAt({chart, i}); });
    marker.addEventListener("blur", () => pointAt(null));
  }
}

// Give everything its size in pixels, so that letters are as large on a phone as on a wall.
function layOut(chart) {
  const letter = parseFloat(getComputedStyle(chart.root).fontSize);
  const {clientWidth, clientHeight} = chart.root;
  chart.size = letter / DRAWN;
  const box = {x: 4.6 * letter, y: 0.5 * letter};
  box.width = Math.max(clientWidth - box.x - letter, 10);
  box.height = Math.max(clientHeight - box.y - 2.6 * letter, 10);
  chart.box = box;
  chart.root.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
  for (const rectangle of [chart.frame, chart.clip]) set(rectangle, box);
  const scale = `scale(${box.width / content.units} ${box.height / content.units})`;
  chart.ground.setAttribute("transform", `translate(${box.x} ${box.y}) ${scale}`);
  drawAxes(chart, letter);
  for (const [sign, place] of chart.placed) sign.setAttribute("transform", at(chart, place));
}

const pixel = ({box}, [u, v]) => [box.x + u * box.width, box.y + (1 - v) * box.height];
const at = (chart, place) => `translate(${pixel(chart, place)}) scale(${chart.size})`;

function drawAxes(chart, letter) {
  const {axis, box, axes} = chart;
  axis.replaceChildren();
  const [across, up] = axes;
  for (const [u, text] of ticks(across, box.width / (4 * letter))) {
    const [x, y] = pixel(chart, [u, 0]);
    svg(axis, "line", {x1: x, x2: x, y1: y, y2: y + 4});
    svg(axis, "text", {x, y: y + 1.1 * letter, "text-anchor": "middle"}, text);
  }
  for (const [v, text] of ticks(up, box.height / (2.2 * letter))) {
    const [x, y] = pixel(chart, [0, v]);
    svg(axis, "line", {x1: x - 4, x2: x, y1: y, y2: y});
    svg(axis, "text", {x: x - 7, y: y + 0.3 * letter, "text-anchor": "end"}, text);
  }
  const [x, y] = pixel(chart, [0.5, 0]);
  svg(axis, "text", {x, y: y + 2.2 * letter, "text-anchor": "middle"}, across.name);
  const turned = `translate(${0.8 * letter} ${y - box.height / 2}) rotate(-90)`;
  svg(axis, "text", {"text-anchor": "middle", transform: turned}, up.name);
}

// Round values within an axis, at most as many as there is room for, as places from 0 to 1 and text.
function ticks({limits, logarithmic}, room) {
  const ends = logarithmic ? limits.map(Math.log10) : limits;
  const least = (ends[1] - ends[0]) / Math.max(room, 2);
  const power = 10 ** Math.floor(Math.log10(least));
  let step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= least);
  if (logarithmic) step = Math.max(1, Math.ceil(step));
  const found = [];
  for (let k = Math.ceil(ends[0] / step); k * step <= ends[1]; k++) {
    const value = Number((k * step).toPrecision(12));
    found.push([between(ends, value), logarithmic ? told(Number(`1e${value}`)) : told(value)]);
  }
  return found;
}


// Paths

const inside = ([u, v]) => u >= 0 && u <= 1 && v >= 0 && v <= 1;
const nearestInside = place => place.map(value => Math.max(0, Math.min(1, value)));

// The point where the way from a, inside the frame, to b, outside, crosses the edge; and the direction out.
function crossing(a, b) {
  const parts = [0, 1].map(k => b[k] > 1 ? (1 - a[k]) / (b[k] - a[k]) : b[k] < 0 ? a[k] / (a[k] - b[k]) : 1);
  const k = parts[0] < parts[1] ? 0 : 1;
  const out = [0, 0];
  out[k] = Math.sign(b[k] - a[k]);
  return {edge: a.map((value, j) => value + parts[k] * (b[j] - value)), out};
}

// A browser's arithmetic is too coarse for points a million frames away: go only FAR of the way to them, and back.
function drawable(points) {
  const distance = ([u, v]) => Math.max(Math.abs(u), Math.abs(v));
  const towards = (far, near) => near.map((value, k) => value + (far[k] - value) * FAR / distance(far));
  return points.flatMap((point, t) => {
    if (distance(point) <= FAR) return [point];
    return [points[t - 1], points[t + 1]].filter(other => other && distance(other) <= FAR)
      .map(other => towards(point, other));
  });
}

function outline(chart, points) {
  const pairs = drawable(points).map(point => pixel(chart, point).map(value => value.toFixed(1)).join(" "));
  return pairs.length > 1 ? `M${pairs.join("L")}` : "";
}

// A triangle that points out of the frame, for every time that the path leaves it.
function triangles(chart, points) {
  let shape = "";
  for (let t = 1; t < points.length; t++) {
    if (!inside(points[t - 1]) || inside(points[t])) continue;
    const {edge, out} = crossing(points[t - 1], points[t]);
    const [x, y] = pixel(chart, edge);
    const [dx, dy] = out.map(value => value * chart.size);
    shape += `M${x + 9 * dx} ${y - 9 * dy}L${x + 7 * dy} ${y - 7 * dx}L${x - 7 * dy} ${y + 7 * dx}Z`;
  }
  return shape;
}

function drawTrace(chart, runner, trace) {
  for (const part of [trace.group, trace.marker]) part.setAttribute("visibility", runner.shown ? "visible" : "hidden");
  if (!runner.shown) return;
  const run = chosenRun(runner);
  const now = timeIn(run, time);
  const points = run.points[chart.id];
  const done = points.slice(0, now + 1);
  trace.ahead.setAttribute("d", outline(chart, points.slice(now)));
  trace.line.setAttribute("d", outline(chart, done));
  trace.halo.setAttribute("d", trace.line.getAttribute("d"));
  trace.exits.setAttribute("d", triangles(chart, done));
  trace.marker.classList.toggle("outside", !inside(points[now]));
  trace.marker.setAttribute("transform", at(chart, nearestInside(points[now])));
}


// Cards: one for each optimizer, with its slider and its numbers

function makeCard(runner, i) {
  const card = find("runner").content.cloneNode(true).firstElementChild;
  const part = selector => card.querySelector(selector);
  setLook(card, i);
  part(".name").append(...breakable(runner.name, /(?=\()/));
  const swatch = part(".swatch");
  swatch.setAttribute("viewBox", "-24 -9 48 18");
  svg(swatch, "path", {class: "line", d: "M-24 0H24"});
  svg(swatch, "path", {class: "marker", d: SHAPES[i % SHAPES.length]});
  part(".fixed").textContent = runner.fixed;
  const slider = part(".rates");
  set(slider, {max: runner.runs.length - 1, "aria-label": `Learning rate of ${runner.name}`});
  slider.value = runner.chosen;
  slider.hidden = Boolean(runner.fixed);
  slider.addEventListener("input", () => { runner.chosen = Number(slider.value); draw(); });
  part(".shown").addEventListener("change", event => { runner.shown = event.target.checked; draw(); });
  runner.shown = true;
  runner.card = {card, slider, rate: part(".rate b"), ending: part(".ending"), table: part("table")};
  find("runners").append(card);
}

function drawCard(runner) {
  const {card, slider, rate, ending: words, table} = runner.card;
  const run = chosenRun(runner);
  card.classList.toggle("off", !runner.shown);
  rate.textContent = told(run.lr);
  slider.setAttribute("aria-valuetext", `${told(run.lr)}, ${run.ending || "takes all its steps"}`);
  words.textContent = ending(run, time);
  fillTable(table, rows(run, time));
}

// Text that may be broken into lines at some places.
const breakable = (text, places) => text.split(places).flatMap(part => [part, document.createElement("wbr")]);

function fillTable(table, lines) {
  table.replaceChildren();
  for (const [name, numbers] of lines) {
    const line = table.insertRow();
    const head = document.createElement("th");
    Object.assign(head, {scope: "row", colSpan: numbers.length === 1 ? 2 : 1, ariaLabel: name});
    head.append(...breakable(name, /(?<=[_.])/));
    line.append(head);
    for (const number of numbers) line.insertCell().textContent = number;
  }
}


// What the mouse or the focus is at

function point(chart, event) {
  const edges = chart.root.getBoundingClientRect();
  const mouse = [event.clientX - edges.left, event.clientY - edges.top];
  let nearest = 30 * chart.size;  // pixels
  let found = null;
  for (const [i, runner] of content.optimizers.entries()) {
    if (!runner.shown) continue;
    for (const [t, place] of chosenRun(runner).points[chart.id].entries()) {
      const distance = Math.hypot(...pixel(chart, place).map((value, k) => value - mouse[k]));
      if (distance < nearest && inside(place)) {
        nearest = distance;
        found = {chart, i, t};
      }
    }
  }
  pointAt(found);
}

function pointAt(place) {
  pointed = place;
  drawPointed();
}

// The numbers of the step that is pointed at, and a ring around it in both pictures.
function drawPointed() {
  const tip = find("tip");
  tip.hidden = !pointed;
  for (const chart of charts) chart.hit.setAttribute("visibility", "hidden");
  if (!pointed) return;
  const runner = content.optimizers[pointed.i];
  const run = chosenRun(runner);
  const t = timeIn(run, pointed.t ?? time);
  tip.querySelector("b").textContent = `${runner.name}, step ${stepIn(run, t)}`;
  fillTable(tip.querySelector("table"), rows(run, t));
  for (const chart of charts) {
    const place = run.points[chart.id][t];
    const seen = nearestInside(place);
    setLook(chart.hit, pointed.i);
    set(chart.hit, {transform: at(chart, seen), visibility: inside(place) ? "visible" : "hidden"});
    if (chart === pointed.chart) placeTip(tip, chart, seen);
  }
}

// Beside the point, and within the window.
function placeTip(tip, chart, place) {
  const [x, y] = pixel(chart, place);
  const edges = chart.root.getBoundingClientRect();
  const right = edges.left + x + 18;
  const left = right + tip.offsetWidth < innerWidth ? right : edges.left + x - 18 - tip.offsetWidth;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(edges.top + y - 20, innerHeight - tip.offsetHeight - 4))}px`;
}


// Time

function draw() {
  find("time").value = time;
  const step = `${content.steps[time]} of ${content.steps.at(-1)}`;
  find("step").textContent = step;
  find("time").setAttribute("aria-valuetext", step);
  for (const chart of charts) {
    for (const [i, runner] of content.optimizers.entries()) drawTrace(chart, runner, chart.traces[i]);
  }
  content.optimizers.forEach(drawCard);
  drawPointed();
  tellSoon();
}

// A screen reader is told what is shown when that has come to rest: neither at every frame nor at every key.
function tellSoon() {
  clearTimeout(telling);
  if (!playing) telling = setTimeout(tell, QUIET);
}

function tell() {
  const runners = content.optimizers.filter(runner => runner.shown);
  find("status").textContent = [`Step ${content.steps[time]}`, ...runners.map(report)].join(". ");
  const curves = runners.map(runner => {
    const [first, last] = [0, -1].map(t => told(losses(chosenRun(runner)).at(t)));
    return `${runner.name}: from ${first} to ${last}`;
  });
  find("curves").setAttribute("aria-label", [`Curves of the ${content.loss.name} by step`, ...curves].join(". "));
  for (const [i, {marker}] of charts[0].traces.entries()) {
    marker.setAttribute("aria-label", report(content.optimizers[i]));
  }
}

function goTo(place) {
  time = Math.max(0, Math.min(place, content.steps.length - 1));
  draw();
}

function play(on) {
  playing = on;
  find("play").textContent = on ? "Pause" : "Play";
  if (!on) return tellSoon();
  if (time === content.steps.length - 1) goTo(0);
  let before = null;
  let owed = 0;  // steps, in fractions
  requestAnimationFrame(function tick(now) {
    if (!playing) return;
    owed += (now - (before ?? now)) / 1000 / DURATION * content.steps.length;
    before = now;
    if (owed >= 1) goTo(time + Math.floor(owed));
    owed %= 1;
    if (time < content.steps.length - 1) requestAnimationFrame(tick);
    else play(false);
  });
}

function onKey(event) {
  const {tagName, type} = event.target;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === " " && tagName !== "BUTTON" && type !== "checkbox") play(!playing);
  else if (event.key === "Escape") pointAt(null);
  else if (event.key === "ArrowRight" && type !== "range") goTo(time + 1);
  else if (event.key === "ArrowLeft" && type !== "range") goTo(time - 1);
  else return;
  event.preventDefault();
}


// The beginning

// The content is JSON, compressed by zlib and written in the 64 letters of base64.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// A column is whole numbers times powers of ten, both told as differences from one to the next.
function unpackedColumn({whole, powers}) {
  let [digits, power] = [0, 0];
  return whole.map((difference, t) => {
    if (difference === null) return null;
    digits += difference;
    power += powers[t];
    return Number(`${digits}e${power}`);
  });
}

function prepare(run) {
  for (const [name, columns] of Object.entries(run.columns)) run.columns[name] = columns.map(unpackedColumn);
  run.points = {map: mapPoints(run), curves: lossPoints(run)};
}

function fillHead() {
  find("lesson").textContent = content.lesson;
  find("note").textContent = content.note;
  find("curves-title").textContent = `${content.loss.name[0].toUpperCase()}${content.loss.name.slice(1)} by step`;
  find("formula").toggleAttribute("hidden", !content.formula);
  if (!content.formula) return;
  const {path, size: [width, height], latex} = content.formula;
  const words = `f(x, y) = ${latex}`;
  set(find("formula"), {viewBox: `0 0 ${width} ${height}`, width: `${width / DRAWN}rem`, "aria-label": words});
  svg(find("formula"), "path", {d: path});
}

// One unit is as long along x as along y, unless that made the map a mere strip.
function setRatio([x, y]) {
  const ratio = (x[1] - x[0]) / (y[1] - y[0]);
  document.documentElement.style.setProperty("--ratio", ratio > 0.4 && ratio < 2.5 ? ratio : 1);
}

// The hills, the stars at the minima and the circle at the start.
function drawSurface({ground, signs, placed}) {
  set(ground, {role: "img", "aria-label": content.description});
  for (const d of content.heights) svg(ground, "path", {d});
  for (const point of content.minima) placed.push([svg(signs, "path", {class: "star", d: STAR}), mapPoint(point)]);
  for (const point of content.starts) placed.push([svg(signs, "circle", {class: "start", r: 6}), mapPoint(point)]);
}

function listen() {
  find("time").max = content.steps.length - 1;
  find("time").addEventListener("input", event => goTo(Number(event.target.value)));
  find("play").addEventListener("click", () => play(!playing));
  document.addEventListener("keydown", onKey);
  document.addEventListener("scroll", () => { if (pointed?.t !== undefined) pointAt(null); });
}

async function begin() {
  content = await unpacked(find("content").textContent);
  time = content.steps.length - 1;  // the whole run, to begin with
  fillHead();
  setRatio(content.frame);
  for (const {runs} of content.optimizers) runs.forEach(prepare);
  content.optimizers.forEach(makeCard);
  const {frame, steps, loss} = content;
  const map = makeChart("map", [{name: "x", limits: frame[0]}, {name: "y", limits: frame[1]}]);
  const curves = makeChart("curves", [
    {name: "step", limits: [0, steps.at(-1)]},
    {name: "", limits: [loss.bottom, loss.top], logarithmic: loss.logarithmic}]);
  makeFocusable(map);
  drawSurface(map);
  charts = [map, curves];
  listen();
  const observer = new ResizeObserver(() => { charts.forEach(layOut); draw(); });
  for (const {root} of charts) observer.observe(root);
}

begin().catch(error => {
  find("hint").textContent = `This browser cannot draw the page; a newer one can. (${error.message})`;
  throw error;
});
