"use strict";

// The page: what is chosen (a surface, a start, optimizers with their hyperparameters, a step), and one function, `draw`,
// that shows what is chosen. After each change, all runs are made again; a thousand steps take about a millisecond.
//
// `content` comes from page.py: the surfaces, the optimizers with their sliders and the lines of their rules, the runs
// that were made in Python where a rule cannot be printed, and checkpoints of real runs.

const DURATION = 10;  // seconds that a whole run plays
const QUIET = 300;    // milliseconds without a change, after which a screen reader gets what is shown
const AGREES = 1e-12;
const FLOOR = 1e-16;  // of the highest loss: below it, a logarithmic scale would show rounding errors
const AROUND = 10;    // frames that can be shown on each side of the first one
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};

let content;
let surface;          // of content.surfaces
let start;            // where all runs begin
let runners = [];     // the optimizers that have a card
let time = 0;         // the present step
let playing = false;
let map, curves;      // the two charts
let pointed = null;   // the chart, runner and step that the mouse is at; or the focus, which is at the present step
let telling = null;   // the timer of the next text for a screen reader
let drag = null;      // what the mouse is dragging, "start" or "ground"


// Runs

const loss = () => surface.minimum ? "loss above the minimum" : "loss";
const evaluate = () => SURFACES[surface.code];
const limit = () => FAR * Math.max(...surface.frame.flat().map(Math.abs), ...start.map(Math.abs));

// Make or find the run of a runner, and prepare what is drawn.
function rerun(runner) {
  const {optimizer, h} = runner;
  if (isLive(optimizer)) {
    runner.run = makeRun(evaluate(), RULES[optimizer.code], h, start, content.steps, {noise: surface.noise, limit: limit()});
  } else {
    runner.run = optimizer.stored[runner.chosen ?? optimizer.stored.length >> 1];
  }
  const {columns} = runner.run;
  for (const name of Object.keys(columns)) {  // never made by this rule with these hyperparameters
    if (columns[name].flat().every(value => value === null)) delete columns[name];
  }
  columns.above ??= [columns.loss[0].map(value => value - (surface.minimum ?? 0))];
  const [xs, ys] = columns.position;
  runner.points = {map: xs.map((x, t) => [between(surface.frame[0], x), between(surface.frame[1], ys[t])])};
}

const isLive = optimizer => optimizer.code !== null && !optimizer.distrusted;
const startMoves = () => runners.some(({optimizer}) => isLive(optimizer));  // stored runs keep theirs

// The place in the columns of a run where a step is, or the last one before it: stored runs may leave steps out.
function placeOf({run}, t) {
  const last = run.columns.position[0].length - 1;
  if (!run.steps) return Math.min(t, last);
  const later = run.steps.findIndex(step => step > t);
  return later < 0 ? last : later - 1;
}

const stepOf = ({run}, place) => run.steps ? run.steps[place] : place;
const shownRunners = () => runners.filter(({shown}) => shown);

// The columns of a run at a step, as rows of a table: ["position", ["0.5", "2"]].
function rows(runner, t) {
  const at = placeOf(runner, t);
  return Object.entries(runner.run.columns).filter(([name]) => name !== "above" && name !== "step")
    .map(([name, columns]) => [name, columns.map(column => told(column[at], name === "position" ? surface.digits : 4))]);
}

// This many digits distinguish ten thousand places along each side of a frame.
function digitsFor(frame) {
  const needed = ([low, high]) => Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low)));
  return 4 + Math.max(0, ...frame.map(needed));
}

function ending(runner, t) {
  if (t >= stepOf(runner, placeOf(runner, Infinity)) && runner.run.ending) return runner.run.ending;
  return inView(map, runner.points.map[placeOf(runner, t)]) ? "" : "outside the frame";
}

function report(runner) {
  const {position, loss: [value]} = Object.fromEntries(rows(runner, time));
  return [`${runner.optimizer.label}: position (${position.join(", ")})`, `loss ${value}`, ending(runner, time)]
    .filter(Boolean).join(", ");
}


// The curves: places from 0 to 1 along steps and losses, on scales that suit all runs

function scaleCurves() {
  const all = shownRunners().map(({run}) => run.columns.above[0]);
  const log = find("log-steps").checked;
  curves.axes = [{name: "step", limits: log ? [1, content.steps + 1] : [0, content.steps], logarithmic: log}, lossAxis(all)];
  const [across, up] = curves.axes.map(({limits, logarithmic}) => {
    const scale = logarithmic ? value => Math.log(Math.max(value, limits[0])) : Number;
    const ends = limits.map(scale);
    return value => between(ends, scale(value));
  });
  for (const runner of runners) {
    runner.points.curves = runner.run.columns.above[0].map((value, t) =>
      [across(stepOf(runner, t) + (log ? 1 : 0)), Number.isFinite(value) ? up(value) : TOO_FAR]);
  }
}

// Room for all that the runs show, but not for the whole of those that diverge. It is logarithmic where `loss_scale` in
// plots.py is: if the minimum is known and no loss is below it, or if all losses are positive and far apart.
function lossAxis(all) {
  const finite = all.map(values => values.filter(Number.isFinite));
  const [low, first, high] = [Math.min(...finite.map(least)), Math.max(...all.map(([value]) => value)), Math.max(...finite.map(most))];
  const logarithmic = surface.minimum === null ? 0 < 100 * low && 100 * low < high : low >= -FLOOR * high;
  if (!logarithmic) {
    const room = first - low || 1;
    return {name: "", limits: [low - 0.05 * room, first + 0.3 * room], logarithmic: false};
  }
  const settled = Math.min(...finite.map(values => least(values.filter(value => value > 0))));
  const size = Math.max(first, 1e-300);
  return {name: "", limits: [Math.max(FLOOR * size, Math.min(0.1 * size, settled / 3)), clamp(2 * high, 3 * size, 30 * size)], logarithmic: true};
}

const least = values => values.reduce((one, other) => Math.min(one, other), Infinity);
const most = values => values.reduce((one, other) => Math.max(one, other), -Infinity);


// Cards: one for each optimizer, with its sliders and its numbers

function addRunner(optimizer) {
  const taken = new Set(runners.map(({look}) => look));
  const look = [...Array(64).keys()].find(i => !taken.has(i));
  const runner = {optimizer, look, shown: true, h: structuredClone(optimizer.h)};
  runner.traces = new Map([map, curves].map(chart => [chart, makeTrace(chart, look)]));
  makeFocusable(runner);
  makeCard(runner);
  runners.push(runner);
  if (optimizer.tune) tune(runner);
  return runner;
}

// The best of 31 learning rates, for optimizers that came without one.
function tune(runner) {
  if (!isLive(runner.optimizer) || runner.h.lr === undefined) return;
  runner.h.lr = tunedRate(evaluate(), RULES[runner.optimizer.code], runner.h, surface.start, content.steps, surface.frame);
  placeSliders(runner);
}

function makeCard(runner) {
  const {optimizer, look} = runner;
  const card = find("runner").content.cloneNode(true).firstElementChild;
  const part = selector => card.querySelector(selector);
  setLook(card, look);
  card.setAttribute("aria-label", optimizer.label);
  part(".name").append(...breakable(optimizer.label, /(?=\()/));
  const swatch = part(".swatch");
  swatch.setAttribute("viewBox", "-24 -9 48 18");
  svg(swatch, "path", {class: "line", d: "M-24 0H24"});
  svg(swatch, "path", {class: "marker", d: SHAPES[look % SHAPES.length]});
  part(".shown").addEventListener("change", event => { runner.shown = event.target.checked; update(); });
  Object.assign(runner, {card, table: part("table"), ending: part(".ending"), sliders: []});
  part(".fixed").textContent = optimizer.reason;
  if (isLive(optimizer)) for (const slider of optimizer.sliders) makeSlider(runner, slider, part(".sliders"));
  else if (optimizer.stored.length > 1) makeStoredSlider(runner, part(".sliders"));
  find("runners").append(card);
}

// A slider goes through 1000 places.
function makeSlider(runner, slider, parent) {
  const {path, name} = slider;
  const label = document.createElement("label");
  const [value, input] = [document.createElement("b"), document.createElement("input")];
  Object.assign(input, {type: "range", min: 0, max: 1000, step: "any"});
  const words = document.createElement("span");
  words.append(...breakable(name, /(?<=_)/), " ", value);
  label.append(words, input);
  parent.append(label);
  const show = () => {
    value.textContent = told(valueAt(runner.h, path), 3);
    input.setAttribute("aria-valuetext", `${value.textContent}, ${runner.run?.ending || "takes all its steps"}`);
  };
  input.addEventListener("input", () => {
    runner.h = withValue(runner.h, path, Number(valueOn(slider, input.value / 1000).toPrecision(4)));
    rerun(runner);
    show();
    update();
  });
  input.addEventListener("keydown", event => {  // a thousandth of the way is too little for a key
    const steps = {ArrowLeft: -10, ArrowDown: -10, ArrowRight: 10, ArrowUp: 10}[event.key];
    if (!steps) return;
    event.preventDefault();
    input.value = clamp(Number(input.value) + steps, 0, 1000);
    input.dispatchEvent(new Event("input"));
  });
  runner.sliders.push(() => { input.value = 1000 * partOn(slider, valueAt(runner.h, path)); show(); });
  runner.sliders.at(-1)();
}

const placeSliders = runner => runner.sliders.forEach(place => place());

// If runs were made beforehand, the slider goes through their learning rates.
function makeStoredSlider(runner, parent) {
  const {stored} = runner.optimizer;
  runner.chosen = stored.length >> 1;
  const label = document.createElement("label");
  const [value, input] = [document.createElement("b"), document.createElement("input")];
  Object.assign(input, {type: "range", min: 0, max: stored.length - 1, step: 1, value: runner.chosen});
  const words = document.createElement("span");
  words.append("lr ", value);
  label.append(words, input);
  parent.append(label);
  const show = () => { value.textContent = told(stored[runner.chosen].lr, 3); };
  input.addEventListener("input", () => { runner.chosen = Number(input.value); rerun(runner); show(); update(); });
  show();
}

function drawCard(runner) {
  runner.card.classList.toggle("off", !runner.shown);
  runner.ending.textContent = ending(runner, time);
  fillTable(runner.table, rows(runner, time));
}

// Text with places where lines can break.
const breakable = (text, places) => text.split(places).flatMap(part => [part, document.createElement("wbr")]);

// Fill a table; where its rows are the same as before, change the numbers alone.
function fillTable(table, lines) {
  const names = lines.map(([name, numbers]) => `${name} ${numbers.length}`).join();
  if (table.dataset.names !== names) makeRows(table, lines);
  table.dataset.names = names;
  const cells = table.querySelectorAll("td");
  lines.flatMap(([, numbers]) => numbers).forEach((number, i) => { cells[i].textContent = number; });
}

function makeRows(table, lines) {
  table.replaceChildren();
  for (const [name, numbers] of lines) {
    const line = table.insertRow();
    const head = document.createElement("th");
    Object.assign(head, {scope: "row", colSpan: numbers.length === 1 ? 2 : 1, ariaLabel: name});
    head.append(...breakable(name, /(?<=[_.])/));
    line.append(head);
    for (const _ of numbers) line.insertCell();
  }
}


// What the parts below are about

// The runner that a part of the page is about.
const chosenIn = part => runners.find(({optimizer}) => optimizer.label === find(part).querySelector(".of").value);

function fillChoices() {
  for (const part of ["explanation", "landscape"]) {
    const choice = find(part).querySelector(".of");
    const labels = runners.map(({optimizer}) => optimizer.label);
    const usual = (runners.find(({optimizer}) => isLive(optimizer)) ?? runners[0]).optimizer.label;
    const before = labels.includes(choice.value) ? choice.value : usual;
    choice.replaceChildren(...labels.map(label => new Option(label, label, false, label === before)));
  }
  const chosen = new Set(runners.map(({optimizer}) => optimizer));
  find("add").replaceChildren(new Option("an optimizer …", ""), ...content.optimizers.filter(one => !chosen.has(one))
    .map(one => new Option(one.label, content.optimizers.indexOf(one))));
  find("adding").hidden = find("add").length < 2;
  find("moves").hidden = !startMoves();
  fillAxes();
}


// What the mouse or the focus is at

function pointTo(place) {
  pointed = place;
  drawPointed();
}

function nearestStep(chart, event) {
  const edges = chart.root.getBoundingClientRect();
  const mouse = [event.clientX - edges.left, event.clientY - edges.top];
  let [nearest, found] = [30 * chart.size, null];
  for (const runner of shownRunners()) {
    for (const [t, place] of runner.points[chart.id].entries()) {
      const distance = Math.hypot(...pixel(chart, place).map((value, k) => value - mouse[k]));
      if (distance < nearest && inView(chart, place)) [nearest, found] = [distance, {chart, runner, t}];
    }
  }
  return found;
}

// The numbers of the step that is pointed at, and a ring around it in both pictures.
function drawPointed() {
  const tip = find("tip");
  tip.hidden = !pointed;
  for (const chart of [map, curves]) chart.hit.setAttribute("visibility", "hidden");
  if (!pointed) return;
  const {runner} = pointed;
  const t = pointed.t ?? placeOf(runner, time);
  const step = stepOf(runner, t);
  tip.querySelector("b").textContent = `${runner.optimizer.label}, step ${step}`;
  fillTable(tip.querySelector("table"), rows(runner, step));
  for (const chart of [map, curves]) {
    const place = runner.points[chart.id][t];
    const seen = nearestInView(chart, place);
    setLook(chart.hit, runner.look);
    set(chart.hit, {transform: at(chart, seen), visibility: inView(chart, place) ? "visible" : "hidden"});
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

// The tab key goes from marker to marker of the map.
function makeFocusable(runner) {
  const {marker} = runner.traces.get(map);
  set(marker, {tabindex: 0, role: "img"});
  marker.addEventListener("focus", () => { if (map.box && marker.matches(":focus-visible")) pointTo({chart: map, runner}); });
  marker.addEventListener("blur", () => pointTo(null));
}


// The start, zoom and pan

const toPoint = place => place.map((part, k) => surface.frame[k][0] + part * (surface.frame[k][1] - surface.frame[k][0]));
const toPlace = point => point.map((value, k) => between(surface.frame[k], value));

const startInWords = () =>
  `Start at ${start.map(value => told(value)).join(", ")}${startMoves() ? "; arrow keys move it" : ""}`;

function moveStart(point) {
  if (!startMoves()) return;
  const digits = surface.frame.map(([low, high]) => Math.ceil(-Math.log10((high - low) / 1000)));
  start = point.map((value, k) => Number(value.toFixed(clamp(digits[k], 0, 100))));
  const [[sign], place] = [map.start, toPlace(start)];
  map.start[1] = place;
  sign.setAttribute("transform", at(map, place));
  sign.setAttribute("aria-label", startInWords());
  runners.forEach(rerun);
  update();
}

// Zoom by a factor around a place that stays where it is.
function zoom(factor, [u, v] = [map.view.u + map.view.size / 2, map.view.v + map.view.size / 2]) {
  const {u: left, v: bottom, size: before} = map.view;
  const size = clamp(before * factor, 1e-3, 1 + 2 * AROUND);
  showPart(u - (u - left) * size / before, v - (v - bottom) * size / before, size);
}

const pan = (du, dv) => showPart(map.view.u + du, map.view.v + dv, map.view.size);

// Show a part of the plane, in frames from the corner of the first one.
function showPart(u, v, size) {
  const [left, bottom] = [u, v].map(low => clamp(low, -AROUND, 1 + AROUND - size));
  map.view = {u: left, v: bottom, size};
  find("whole").hidden = left === 0 && bottom === 0 && size === 1;
  layOut(map);
  paintGround();
  draw();
}

// Pan as little as brings a place into view.
function follow(place) {
  const {u, v, size} = map.view;
  const [du, dv] = [u, v].map((low, k) => place[k] - clamp(place[k], low, low + size));
  if (du || dv) pan(du, dv);
}

function listenToCharts() {
  for (const chart of [map, curves]) {
    chart.root.addEventListener("pointermove", event => { if (!drag) pointTo(nearestStep(chart, event)); });
    chart.root.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") pointTo(null); });
  }
  map.root.addEventListener("pointerdown", event => {
    const place = pixel(map, toPlace(start));
    const edges = map.root.getBoundingClientRect();
    const near = Math.hypot(event.clientX - edges.left - place[0], event.clientY - edges.top - place[1]) < 24 * map.size;
    drag = near && startMoves() ? "start" : "ground";
    if (drag === "ground") pointTo(nearestStep(map, event));
    map.root.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  map.root.addEventListener("pointermove", event => {
    if (drag === "start") moveStart(toPoint(nearestInView(map, pointAtMouse(map, event))));
    if (drag === "ground") pan(-event.movementX / map.box.width * map.view.size, event.movementY / map.box.height * map.view.size);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    map.root.addEventListener(kind, () => {
      drag = null;
      tellSoon();
    });
  }
  map.root.addEventListener("wheel", event => {
    event.preventDefault();
    zoom(2 ** (event.deltaY / 300), pointAtMouse(map, event));
  }, {passive: false});
  find("whole").addEventListener("click", () => showPart(0, 0, 1));
}


// Time

// Everything that depends on the runs.
function update() {
  if (!map.box) return;
  scaleCurves();
  layOut(curves);
  draw();
  drawLandscape();
}

// Everything that depends on the step.
function draw() {
  find("time").value = time;
  const step = `${time} of ${content.steps}`;
  find("step").textContent = step;
  find("time").setAttribute("aria-valuetext", step);
  for (const runner of runners) {
    for (const [chart, trace] of runner.traces) {
      drawTrace(chart, trace, runner.points[chart.id], placeOf(runner, time), runner.shown);
    }
    drawCard(runner);
  }
  drawExplanation();
  drawPointed();
  tellSoon();
}

// A screen reader gets what is shown once it stops changing, not at every frame or key.
function tellSoon() {
  clearTimeout(telling);
  if (!playing && !drag) telling = setTimeout(tell, QUIET);
}

function tell() {
  const shown = shownRunners();
  find("status").textContent = [`Step ${time}`, ...shown.map(report)].join(". ");
  const words = shown.map(({optimizer, run}) => {
    const values = run.columns.above[0];
    return `${optimizer.label}: from ${told(values[0])} to ${told(values.at(-1))}`;
  });
  find("curves").setAttribute("aria-label", [`Curves of the ${loss()} by step`, ...words].join(". "));
  for (const runner of runners) runner.traces.get(map).marker.setAttribute("aria-label", report(runner));
}

function goTo(step) {
  time = clamp(step, 0, content.steps);
  draw();
}

// The first steps are the longest and play slowest, each later one a little faster.
const stepAt = part => Math.round(Math.expm1(part * Math.log1p(content.steps)));
const partAt = step => Math.log1p(step) / Math.log1p(content.steps);

function play(on) {
  playing = on;
  find("play").textContent = on ? "Pause" : "Play";
  if (!on) return tellSoon();
  if (time === content.steps) goTo(0);
  let [began, part] = [null, partAt(time)];
  requestAnimationFrame(function tick(now) {
    if (!playing) return;
    began ??= now - part * DURATION * 1000;
    part = Math.min((now - began) / 1000 / DURATION, 1);
    if (stepAt(part) !== time) goTo(stepAt(part));
    if (part < 1) requestAnimationFrame(tick);
    else play(false);
  });
}

// The place that keys zoom in on: the step that is pointed at, or the start; undefined if it is out of view.
function centre() {
  const place = pointed ? pointed.runner.points.map[pointed.t ?? placeOf(pointed.runner, time)] : toPlace(start);
  return inView(map, place) ? place : undefined;
}

function onKey(event) {
  const {tagName, type} = event.target;
  if (event.ctrlKey || event.altKey || event.metaKey || tagName === "SELECT") return;
  const arrow = ARROWS[event.key];
  const free = type !== "range" && tagName !== "CANVAS";
  if (event.target === map.start?.[0] && arrow) {
    moveStart(start.map((value, k) => value + arrow[k] * (surface.frame[k][1] - surface.frame[k][0]) * map.view.size / 50));
    follow(toPlace(start));
  } else if (event.key === " " && !["BUTTON", "SUMMARY"].includes(tagName) && type !== "checkbox") play(!playing);
  else if (event.key === "Escape") pointTo(null);
  else if (event.key === "+" && free) zoom(0.7, centre());
  else if (event.key === "-" && free) zoom(1 / 0.7, centre());
  else if (arrow && arrow[0] && free) goTo(time + arrow[0]);
  else return;
  event.preventDefault();
}


// The proof: ten steps from checkpoints of real runs

function prove() {
  let [agreed, distrusted] = [0, []];
  for (const {surface: i, optimizer: j, h, checks} of content.checks) {
    const [own, optimizer] = [content.surfaces[i], content.optimizers[j]];
    const worst = disagreement(SURFACES[own.code], RULES[optimizer.code], h, checks, own.noise);
    if (worst <= AGREES) agreed += 1;
    else distrusted.push(`${optimizer.label} on ${own.title}`);
    if (!(worst <= AGREES) && optimizer.stored) {
      optimizer.distrusted = true;
      optimizer.reason = "Here the page does not agree with Python, so this run was made in Python.";
    }
  }
  Object.assign(document.documentElement.dataset, {agreed, distrusted: distrusted.length});
  const words = distrusted.length ? `; not ${distrusted.slice(0, 3).join(", ")}${distrusted.length > 3 ? " …" : ""}` : "";
  const all = content.checks.length;
  const runs = all === 1 ? "run agrees" : "runs agree";
  find("proof").textContent = all ? `Checked against Python: ${agreed} of ${all} ${runs} to 1e-12${words}.` : "";
}


// The beginning

// The content is JSON, compressed by zlib and written in the 64 letters of base64.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// A column is whole numbers times powers of ten, both given as differences from one to the next.
function unpackedColumn({whole, powers}) {
  let [digits, power] = [0, 0];
  return whole.map((difference, t) => {
    if (difference === null) return NaN;
    digits += difference;
    power += powers[t];
    return Number(`${digits}e${power}`);
  });
}

function unpackRun(run) {
  for (const [name, columns] of Object.entries(run.columns)) run.columns[name] = columns.map(unpackedColumn);
}

// Paint the hills, coarsely as long as something moves, and finely when it has stopped.
let resting = null;
function paintGround() {
  if (surface.code === null || !map.box) return;
  const levels = levelsFor(map, surface, evaluate());
  const paint = fineness => {
    const [across, down] = [map.box.width, map.box.height].map(side => clamp(Math.round(side * fineness), 2, 1600));
    const href = hills(map, surface.frame, evaluate(), levels, across, down, ["--paper", "--hill", "--crest"].map(rgbOf));
    set(map.picture, {...map.box, href});
  };
  paint(0.6);
  clearTimeout(resting);
  resting = setTimeout(() => paint(Math.max(devicePixelRatio, 2)), 120);
}

// Show another surface: its hills, its start, and all runs on it.
function chooseSurface(next) {
  surface = next;
  surface.digits = digitsFor(surface.frame);
  start = surface.start;
  find("title").textContent = surface.title;
  find("lesson").textContent = surface.lesson;
  find("curves-title").textContent = `${loss()[0].toUpperCase()}${loss().slice(1)} by step`;
  find("formula").toggleAttribute("hidden", !surface.formula);
  find("formula").replaceChildren();
  if (surface.formula) {
    const {path, size: [width, height], latex} = surface.formula;
    set(find("formula"), {viewBox: `0 0 ${width} ${height}`, width: `${width / DRAWN}rem`, "aria-label": `f(x, y) = ${latex}`});
    svg(find("formula"), "path", {d: path});
  }
  setRatio(surface.frame);
  drawSurface();
  for (const runner of runners) {
    if (runner.optimizer.tune) tune(runner);
    rerun(runner);
  }
  map.view = {u: 0, v: 0, size: 1};
  find("whole").hidden = true;
  find("flat").hidden = surface.code !== null;
  if (map.box) resize();
}

// Everything, for a window or a frame of another size.
function resize() {
  for (const chart of [map, curves]) measure(chart);
  layOut(map);
  paintGround();
  update();
}

// One unit is as long along x as along y, unless that would make the map a narrow strip.
function setRatio([x, y]) {
  const ratio = (x[1] - x[0]) / (y[1] - y[0]);
  document.documentElement.style.setProperty("--ratio", ratio > 0.4 && ratio < 2.5 ? ratio : 1);
}

// The hills, the stars at the minima and the circle at the start.
function drawSurface() {
  const {ground, signs} = map;
  ground.replaceChildren();
  signs.replaceChildren();
  set(ground, {role: "img", "aria-label": surface.description});
  for (const d of surface.heights ?? []) svg(ground, "path", {d});
  map.picture.removeAttribute("href");
  map.axes = ["x", "y"].map((name, k) => ({name, limits: surface.frame[k]}));
  map.placed = surface.minima.map(point => [svg(signs, "path", {class: "star", d: STAR}), toPlace(point)]);
  const sign = svg(signs, "circle", {class: "start", r: 8, tabindex: 0, role: "application"});
  map.start = [sign, toPlace(start)];
  map.placed.push(map.start);
  sign.setAttribute("aria-label", startInWords());
}

function listen() {
  find("time").max = content.steps;
  find("time").addEventListener("input", event => goTo(Number(event.target.value)));
  find("play").addEventListener("click", () => play(!playing));
  find("log-steps").addEventListener("change", update);
  find("surface").addEventListener("change", event => chooseSurface(content.surfaces[event.target.value]));
  find("add").addEventListener("change", event => {
    if (!event.target.value) return;
    rerun(addRunner(content.optimizers[event.target.value]));
    fillChoices();
    update();
  });
  for (const choice of [find("coordinate"), find("explanation").querySelector(".of")]) choice.addEventListener("change", drawExplanation);
  find("explanation").addEventListener("toggle", drawExplanation);
  document.addEventListener("keydown", onKey);
  document.addEventListener("scroll", () => { if (pointed?.t !== undefined) pointTo(null); });
  listenToCharts();
  listenToLandscape();
}

// #optimizer=Adam&surface=beale opens with these.
function asked(name) {
  return new URLSearchParams(location.hash.slice(1)).getAll(name);
}

async function begin() {
  content = await unpacked(find("content").textContent);
  for (const {stored} of content.optimizers) stored?.forEach(unpackRun);
  time = content.steps;  // the whole run, to begin with
  prove();
  find("surface").replaceChildren(...content.surfaces.map(({title}, i) => new Option(title, i)));
  find("choose-surface").hidden = content.surfaces.length < 2;
  find("title").classList.toggle("unseen", content.surfaces.length > 1);  // the menu shows it
  [map, curves] = [makeChart("map"), makeChart("curves")];
  find("note").textContent = content.note;
  const first = Math.max(0, content.surfaces.findIndex(({name}) => asked("surface").includes(name)));
  find("surface").value = first;
  surface = content.surfaces[first];
  start = surface.start;
  const named = content.optimizers.filter(({label, name}) => asked("optimizer").some(one => one === label || one === name));
  for (const optimizer of named.length ? named : content.optimizers.filter(({first}) => first)) addRunner(optimizer);
  chooseSurface(surface);
  fillChoices();
  listen();
  const observer = new ResizeObserver(resize);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintGround);
  for (const {root} of [map, curves]) observer.observe(root);
}

begin().catch(error => {
  find("hint").textContent = `This browser cannot draw the page; a newer one can. (${error.message})`;
  throw error;
});
