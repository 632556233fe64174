"use strict";

// The page's program. All numbers were computed beforehand: `content` holds, for each optimizer, its runs with 21
// learning rates, and for each run its columns (x, y, loss, gradient, state), one number a step. So there are three
// things to choose, the step, the learning rate of each optimizer and which of them are shown, and one function, `draw`,
// that shows what is chosen.

const DURATION = 10;  // seconds that a whole run plays
const DASHES = ["none", "9 5", "10 4 2 4", "2.5 3", "9 3 2 3 2 3", "15 5", "6 3 2 3 2 3", "5 5"];
const SHAPES = [  // what marks the present step: the outlines of eight symbols around (0, 0)
  "M-7 0A7 7 0 1 1 7 0A7 7 0 1 1-7 0Z", "M-6-6H6V6H-6Z", "M0-8 8 6H-8Z", "M0-8 8 0 0 8-8 0Z", "M0 8 8-6H-8Z",
  "M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z", "M-8-5-5-8 0-3 5-8 8-5 3 0 8 5 5 8 0 3-5 8-8 5-3 0Z",
  "M0-9 2.5-3 9-3 4 1.5 6 8 0 4-6 8-4 1.5-9-3-2.5-3Z"];
const STAR = "M0-10 2.8-3.2 10-3 4.4 1.5 6.4 9 0 4.6-6.4 9-4.4 1.5-10-3-2.8-3.200Z";
const FAR = 20;  // in frames: what lies further out is drawn only as far as this

const find = id => document.getElementById(id);

let content;         // what page.py has written
let time = 0;        // the present step, as its place in content.steps
let playing = false;
let charts = [];     // the two pictures
let pointed = null;  // the chart, optimizer and step that the mouse is at; or the focus, which is at the present step


// Numbers and words

// Numbers come with the digits that are to be shown; what is not a number, or not there yet, is a dash.
function told(number) {
  if (number === null || number === undefined) return "–";
  const size = Math.abs(number);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? number.toExponential() : String(number);
  return text.replaceAll("-", "−").replace("e+", "e");
}

const chosenRun = runner => runner.runs[runner.chosen];
const lastTime = run => run.columns[0].length - 1;
const timeIn = (run, t) => Math.min(t, lastTime(run));

// The columns of a runner as rows of a table: ["position", ["0.5", "2"]].
function rows(runner, t) {
  const {columns} = chosenRun(runner);
  let place = 0;
  return runner.columns.map(({name, size}) => {
    place += size;
    return [name, columns.slice(place - size, place).map(column => told(column[timeIn(chosenRun(runner), t)]))];
  });
}

const sentence = (runner, t) => rows(runner, t).slice(0, 2)
  .map(([name, numbers]) => `${name} ${numbers.length > 1 ? `(${numbers.join(", ")})` : numbers[0]}`).join(", ");

// What there is to say of a run besides its numbers.
function ending(run, t) {
  if (t >= lastTime(run) && run.ending) return run.ending;
  return inside(mapPoints(run)[timeIn(run, t)]) ? "" : "outside the frame";
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
  element.style.setProperty("--dashes", DASHES[i % DASHES.length]);
}


// Pictures: points are in frames, from (0, 0) at the lower left to (1, 1) at the upper right

const between = ([low, high], value) => (value - low) / (high - low);

function mapPoints({columns: [x, y]}) {
  return x.map((_, t) => [between(content.frame[0], x[t]), between(content.frame[1], y[t])]);
}

// On a logarithmic scale, what is below the lower edge is as good as 0 and lies on that edge.
function lossPoints(run, runner) {
  const {name, logarithmic, bottom, top} = content.loss;
  const scale = logarithmic ? Math.log : Number;
  let place = 0;
  for (const column of runner.columns) {
    if (column.name === name) break;
    place += column.size;
  }
  return run.columns[place].map((loss, t) => {
    const height = loss === null ? FAR : between([scale(bottom), scale(top)], scale(loss));
    return [content.steps[t] / content.steps.at(-1), logarithmic ? Math.max(0, height) : height];
  });
}

function makeChart(id, points, axes) {
  const root = find(id);
  const ground = svg(root, "g", {class: "ground"});
  const clip = svg(svg(root, "clipPath", {id: `${id}-clip`}), "rect");
  const frame = svg(root, "rect", {class: "frame"});
  const axis = svg(root, "g", {class: "axis", "aria-hidden": "true"});
  const signs = svg(root, "g", {class: "signs"});
  const chart = {root, ground, clip, frame, axis, signs, axes, points};
  chart.traces = content.optimizers.map((_, i) => makeTrace(chart, i));
  chart.hit = svg(root, "circle", {class: "hit", r: 11, visibility: "hidden"});
  root.addEventListener("pointermove", event => point(chart, event));
  root.addEventListener("pointerdown", event => point(chart, event));
  root.addEventListener("pointerleave", () => pointAt(null));
  return chart;
}

// A path has five parts: what is ahead, faint; a halo, what is done, the present step; and triangles where it left.
function makeTrace(chart, i) {
  const group = svg(chart.root, "g", {class: "trace", tabindex: 0, role: "img"});
  setLook(group, i);
  const clipped = svg(group, "g", {"clip-path": `url(#${chart.root.id}-clip)`});
  const [ahead, halo, line] = ["ahead", "halo", "line"].map(name => svg(clipped, "path", {class: name}));
  const exits = svg(group, "path", {class: "exits"});
  const marker = svg(group, "path", {class: "marker", d: SHAPES[i % SHAPES.length]});
  group.addEventListener("focus", () => { if (group.matches(":focus-visible")) pointAt({chart, i}); });
  group.addEventListener("blur", () => pointAt(null));
  return {group, ahead, halo, line, exits, marker};
}

// Give everything its size in pixels, so that letters are as large on a phone as on a wall.
function layOut(chart) {
  const letter = parseFloat(getComputedStyle(chart.root).fontSize);
  const {clientWidth, clientHeight} = chart.root;
  const box = {x: 4.2 * letter, y: 0.5 * letter};
  box.width = Math.max(clientWidth - box.x - letter, 10);
  box.height = Math.max(clientHeight - box.y - 2.6 * letter, 10);
  chart.box = box;
  chart.root.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
  for (const rectangle of [chart.frame, chart.clip]) set(rectangle, box);
  const scale = `scale(${box.width / content.units} ${box.height / content.units})`;
  chart.ground.setAttribute("transform", `translate(${box.x} ${box.y}) ${scale}`);
  drawAxes(chart, letter);
  placeSigns(chart);
}

const pixel = ({box}, [u, v]) => [box.x + u * box.width, box.y + (1 - v) * box.height];

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
  svg(axis, "text", {"text-anchor": "middle", transform: `translate(${0.7 * letter} ${y - box.height / 2}) rotate(-90)`},
    up.name);
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


// The stars at the minima and the circle at the start, where the picture has them.
function placeSigns(chart) {
  for (const sign of chart.signs.children) {
    const place = [0, 1].map(k => between(content.frame[k], content[sign.dataset.of][sign.dataset.number][k]));
    sign.setAttribute("transform", `translate(${pixel(chart, place)})`);
  }
}


// Paths

const inside = ([u, v]) => u >= 0 && u <= 1 && v >= 0 && v <= 1;

// The point where the way from a, inside the frame, to b, outside, crosses the edge; and the direction out.
function crossing(a, b) {
  const parts = [0, 1].map(k => b[k] > 1 ? (1 - a[k]) / (b[k] - a[k]) : b[k] < 0 ? a[k] / (a[k] - b[k]) : 1);
  const k = parts[0] < parts[1] ? 0 : 1;
  const out = [0, 0];
  out[k] = Math.sign(b[k] - a[k]);
  return {at: a.map((value, j) => value + parts[k] * (b[j] - value)), out};
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
    const {at, out: [dx, dy]} = crossing(points[t - 1], points[t]);
    const [x, y] = pixel(chart, at);
    shape += `M${x + 9 * dx} ${y - 9 * dy}L${x + 7 * dy} ${y - 7 * dx}L${x - 7 * dy} ${y + 7 * dx}Z`;
  }
  return shape;
}

function drawTrace(chart, runner, trace) {
  trace.group.setAttribute("visibility", runner.shown ? "visible" : "hidden");
  if (!runner.shown) return;
  const run = chosenRun(runner);
  const now = timeIn(run, time);
  const points = chart.points(run, runner);
  const done = points.slice(0, now + 1);
  trace.ahead.setAttribute("d", outline(chart, points.slice(now)));
  trace.line.setAttribute("d", outline(chart, done));
  trace.halo.setAttribute("d", trace.line.getAttribute("d"));
  trace.exits.setAttribute("d", triangles(chart, done));
  const here = inside(points[now]);
  set(trace.marker, {visibility: here && runner.shown ? "inherit" : "hidden"});
  if (here) trace.marker.setAttribute("transform", `translate(${pixel(chart, points[now])})`);
  trace.group.setAttribute("aria-label", `${runner.name}: ${sentence(runner, time)}`);
}


// Cards: one for each optimizer, with its slider and its numbers

function makeCard(runner, i) {
  const card = find("runner").content.cloneNode(true).firstElementChild;
  const part = selector => card.querySelector(selector);
  setLook(card, i);
  part(".name").textContent = runner.name;
  const swatch = part(".swatch");
  swatch.setAttribute("viewBox", "-24 -9 48 18");
  svg(swatch, "path", {class: "line", d: "M-24 0H24"});
  svg(swatch, "path", {class: "marker", d: SHAPES[i % SHAPES.length]});
  const rate = part(".rate input");
  set(rate, {max: runner.runs.length - 1, "aria-label": `Learning rate of ${runner.name}`});
  rate.value = runner.chosen;
  rate.hidden = runner.runs.length === 1;
  rate.addEventListener("input", () => { runner.chosen = Number(rate.value); draw(); });
  part(".shown").addEventListener("change", event => { runner.shown = event.target.checked; draw(); });
  runner.shown = true;
  runner.card = {card, rate, output: part(".rate output"), ending: part(".ending"), table: part("table")};
  find("runners").append(card);
}

function drawCard(runner) {
  const {card, rate, output, ending: words, table} = runner.card;
  const run = chosenRun(runner);
  card.classList.toggle("off", !runner.shown);
  output.textContent = told(run.lr);
  rate.setAttribute("aria-valuetext", `${told(run.lr)}, ${run.ending || "takes all its steps"}`);
  words.textContent = ending(run, time);
  fillTable(table, rows(runner, time));
}

function fillTable(table, lines) {
  table.replaceChildren();
  for (const [name, numbers] of lines) {
    const line = table.insertRow();
    const head = Object.assign(document.createElement("th"), {scope: "row", colSpan: numbers.length === 1 ? 2 : 1});
    for (const part of name.split(/(?<=_)/)) head.append(part, document.createElement("wbr"));  // may break after _
    line.append(head);
    for (const number of numbers) line.insertCell().textContent = number;
  }
}


// What the mouse or the focus is at

function point(chart, event) {
  const edges = chart.root.getBoundingClientRect();
  const mouse = [event.clientX - edges.left, event.clientY - edges.top];
  let nearest = 30;  // pixels
  let found = null;
  for (const [i, runner] of content.optimizers.entries()) {
    if (!runner.shown) continue;
    for (const [t, place] of chart.points(chosenRun(runner), runner).entries()) {
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
  tip.querySelector("b").textContent = `${runner.name}, step ${content.steps[t]}`;
  fillTable(tip.querySelector("table"), rows(runner, t));
  for (const chart of charts) {
    const place = chart.points(run, runner)[t];
    const [cx, cy] = pixel(chart, place.map(value => Math.max(0, Math.min(1, value))));
    setLook(chart.hit, pointed.i);
    set(chart.hit, {cx, cy, visibility: inside(place) ? "visible" : "hidden"});
    if (chart === pointed.chart) placeTip(tip, chart, [cx, cy]);
  }
}

// Beside the point, and within the window.
function placeTip(tip, chart, [x, y]) {
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
  if (!playing) tellStatus();  // while it plays, a screen reader could not follow
}

function tellStatus() {
  const runners = content.optimizers.filter(runner => runner.shown);
  find("status").textContent = `Step ${content.steps[time]}. ` + runners.map(runner =>
    `${runner.name}: ${sentence(runner, time)}. ${ending(chosenRun(runner), time)}`).join(" ");
}

function goTo(place) {
  time = Math.max(0, Math.min(place, content.steps.length - 1));
  draw();
}

function play(on) {
  playing = on;
  find("play").textContent = on ? "Pause" : "Play";
  find("play").setAttribute("aria-pressed", on);
  if (!on) return tellStatus();
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

function fillHead() {
  find("lesson").textContent = content.lesson;
  find("note").textContent = content.note;
  if (!content.formula) return;
  const {path, size: [width, height], latex} = content.formula;
  set(find("formula"), {viewBox: `0 0 ${width} ${height}`, width, "aria-label": `f(x, y) = ${latex}`});
  svg(find("formula"), "path", {d: path});
}

function drawSurface({ground, signs}) {
  set(ground, {role: "img", "aria-label": content.description});
  for (const d of content.heights) svg(ground, "path", {d});
  for (const number of content.minima.keys()) svg(signs, "path", {class: "star", d: STAR, "data-of": "minima", "data-number": number});
  for (const number of content.starts.keys()) svg(signs, "circle", {class: "start", r: 6, "data-of": "starts", "data-number": number});
}

function listen() {
  find("time").max = content.steps.length - 1;
  find("time").addEventListener("input", event => goTo(Number(event.target.value)));
  find("play").addEventListener("click", () => play(!playing));
  document.addEventListener("keydown", onKey);
}

async function begin() {
  content = await unpacked(find("content").textContent);
  time = content.steps.length - 1;  // the whole run, to begin with
  fillHead();
  content.optimizers.forEach(makeCard);
  const {frame, steps, loss} = content;
  const map = makeChart("map", mapPoints, [{name: "x", limits: frame[0]}, {name: "y", limits: frame[1]}]);
  const curves = makeChart("curves", lossPoints, [
    {name: "step", limits: [0, steps.at(-1)]},
    {name: loss.name, limits: [loss.bottom, loss.top], logarithmic: loss.logarithmic}]);
  drawSurface(map);
  charts = [map, curves];
  listen();
  new ResizeObserver(() => { charts.forEach(layOut); draw(); }).observe(map.root);
}

begin();
