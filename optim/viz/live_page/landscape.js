
// The map of two hyperparameters: every pixel is a run, computed beside the page

const COARSE_TO_FINE = [16, 64, 128];  // pixels along a side

const SIDE = 768;  // pixels of the canvas; enough for any screen, and no layout is asked for to draw

// Of the map: the worker that computes it, the number of its last job and what that was, the sliders along its axes,
// the losses that came back, `size` x `size`, and a canvas of their colours.
const landscape = {worker: null, id: 0, key: "", x: null, y: null, losses: null, size: 0, picture: null};

function fillAxes() {
  const {optimizer} = chosenIn("landscape");
  const sliders = isLive(optimizer) ? optimizer.sliders : [];
  for (const [id, usual] of [["across", 0], ["up", 1]]) {
    const before = Number(find(id).value || usual);
    find(id).replaceChildren(...sliders.map(({name}, i) => new Option(name, i)));
    find(id).value = before < sliders.length ? before : Math.min(usual, sliders.length - 1);
  }
  for (const part of ["axes", "pixels"]) find(part).hidden = sliders.length < 2;
}

// The two axes are never the same.
function fixAxes(changed) {
  const other = find(changed === "across" ? "up" : "across");
  if (other.value === find(changed).value) other.value = [...other.options].find(({value}) => value !== other.value).value;
}

// Have the map computed, if it is open and not the one that is there.
function drawLandscape() {
  if (!find("landscape").open) return;
  const runner = chosenIn("landscape");
  if (find("pixels").hidden) {
    find("pointed-at").textContent = runner.optimizer.reason || "This optimizer has no two hyperparameters to map.";
    return;
  }
  const [x, y] = ["across", "up"].map(id => runner.optimizer.sliders[Number(find(id).value)]);
  const job = {surface: surface.code, rule: runner.optimizer.code, h: runner.h, start, steps: content.steps, limit: limit(), x, y};
  const key = JSON.stringify({...job, h: withValue(withValue(runner.h, x.path, null), y.path, null)});
  if (key !== landscape.key) {
    Object.assign(landscape, {key, x, y, losses: null, picture: null, id: landscape.id + 1});
    landscape.worker ??= makeWorker();
    landscape.worker.postMessage({...job, id: landscape.id, sizes: COARSE_TO_FINE});
  }
  paintLandscape(runner);
}

function makeWorker() {
  const text = `${find("engine").textContent}\n${find("worker").textContent}`;
  const worker = new Worker(URL.createObjectURL(new Blob([text], {type: "text/javascript"})));
  worker.onmessage = ({data: {id, size, losses}}) => {
    if (id !== landscape.id) return;
    Object.assign(landscape, {size, losses, picture: coloured(losses, size)});
    paintLandscape(chosenIn("landscape"));
  };
  return worker;
}

// A small canvas with a pixel for each run: light where the loss is low, nearly black where the run diverged.
function coloured(losses, size) {
  const heights = Array.from(losses, loss => Math.log10(Math.max(loss - (surface.minimum ?? 0), 1e-12)));
  const finite = heights.filter(Number.isFinite).sort((a, b) => a - b);
  const range = [0.02, 0.98].map(part => finite[Math.floor(part * (finite.length - 1))]);
  const pixels = new ImageData(size, size);
  for (const [n, height] of heights.entries()) {
    const color = Number.isFinite(height) ? viridis(1 - clamp(between(range, height), 0, 1)) : [43, 43, 43];
    pixels.data.set([...color, 255], 4 * ((size - 1 - Math.floor(n / size)) * size + n % size));
  }
  return canvasOf(pixels);
}

// A few colours of Matplotlib's viridis (CC0), with straight lines between them.
function viridis(part) {
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const k = Math.min(Math.floor(part * 4), 3);
  return stops[k].map((one, i) => one + (stops[k + 1][i] - one) * (part * 4 - k));
}

function paintLandscape(runner) {
  const brush = find("pixels").getContext("2d");
  const {x, y, picture} = landscape;
  brush.clearRect(0, 0, SIDE, SIDE);
  brush.imageSmoothingEnabled = false;
  if (picture) brush.drawImage(picture, 0, 0, SIDE, SIDE);
  const place = ([u, v]) => [u * SIDE, (1 - v) * SIDE];
  const edge = new Path2D();
  if (hasEdge(runner)) for (const point of edgePoints(runner)) edge.lineTo(...place(point));
  stroke(brush, edge, ["#fff", 10], ["#000", 4]);
  const ring = new Path2D();
  ring.arc(...place([x, y].map(slider => clamp(partOn(slider, valueAt(runner.h, slider.path)), 0.02, 0.98))), 12, 0, 7);
  stroke(brush, ring, ["#000", 8], ["#fff", 4]);
  find("pointed-at").textContent = landscapeWords(runner);
}

function stroke(brush, path, ...looks) {
  for (const [strokeStyle, lineWidth] of looks) {
    Object.assign(brush, {strokeStyle, lineWidth});
    brush.stroke(path);
  }
}

function landscapeWords(runner) {
  const {x, y} = landscape;
  const at = [x, y].map(({name, path}) => `${name} ${told(valueAt(runner.h, path), 3)}`).join(", ");
  const end = runner.run.ending || `${loss()} ${told(runner.run.columns.above[0].at(-1))} after ${content.steps} steps`;
  const [across, up] = [x, y].map(({name, low, high}) => `${name} from ${told(low)} to ${told(high)}`);
  const edge = hasEdge(runner) ? " The line is the edge of stability." : "";
  return `${at}: ${end}. Across, ${across}; up, ${up}. Light is a low loss, dark a high one, nearly black diverged.${edge}`;
}

const hasEdge = ({optimizer}) =>
  surface.curvature && optimizer.heavyBall && [landscape.x, landscape.y].some(slider => slider?.name === "lr");

// On a quadratic, the heavy ball diverges where lr is above 2 (1 + momentum) / ((1 - dampening) (curvature + decay)).
function edgePoints({h}) {
  const {x, y} = landscape;
  const [rate, other] = x.name === "lr" ? [x, y] : [y, x];
  return Array.from({length: 101}, (_, i) => {
    const {momentum = 0, dampening = 0, weight_decay = 0} = withValue(h, other.path, valueOn(other, i / 100));
    const lr = 2 * (1 + momentum) / ((1 - (momentum && dampening)) * (surface.curvature + weight_decay));
    const point = [partOn(rate, lr), i / 100];
    return rate === x ? point : point.reverse();
  });
}

// Take the hyperparameters at a place of the map.
function touchLandscape(part) {
  const runner = chosenIn("landscape");
  const values = [landscape.x, landscape.y].map((axis, k) => Number(valueOn(axis, part[k]).toPrecision(4)));
  setHyperparameters(runner, withValue(withValue(runner.h, landscape.x.path, values[0]), landscape.y.path, values[1]));
}

function setHyperparameters(runner, h) {
  runner.h = h;
  rerun(runner);
  placeSliders(runner);
  update();
}

function listenToLandscape() {
  const canvas = find("pixels");
  let kept = null;  // the hyperparameters to go back to when the mouse leaves; those at the last place that was pressed
  const touch = event => {
    const edges = canvas.getBoundingClientRect();
    kept ??= chosenIn("landscape").h;
    touchLandscape([clamp((event.clientX - edges.left) / edges.width, 0, 1), clamp(1 - (event.clientY - edges.top) / edges.height, 0, 1)]);
    if (event.buttons) kept = chosenIn("landscape").h;
  };
  canvas.addEventListener("pointermove", touch);
  canvas.addEventListener("pointerdown", touch);
  canvas.addEventListener("pointerleave", () => {
    if (kept) setHyperparameters(chosenIn("landscape"), kept);
    kept = null;
  });
  canvas.addEventListener("keydown", event => {
    const move = ARROWS[event.key];
    if (!move) return;
    event.preventDefault();
    const {h} = chosenIn("landscape");
    touchLandscape([landscape.x, landscape.y].map((axis, k) => clamp(partOn(axis, valueAt(h, axis.path)) + move[k] / 64, 0, 1)));
    kept = null;
  });
  for (const id of ["across", "up"]) find(id).addEventListener("change", () => { fixAxes(id); drawLandscape(); });
  find("landscape").querySelector(".of").addEventListener("change", () => { fillAxes(); drawLandscape(); });
  find("landscape").addEventListener("toggle", drawLandscape);
}
