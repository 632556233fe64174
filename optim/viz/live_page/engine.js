"use strict";

// Runs, made in the page. Nothing here contains an update rule or a surface: RULES and SURFACES were printed from what
// the real ones do in Python.
//   SURFACES[i](x, y) returns [loss, slope along x, slope along y].
//   RULES[i].init(p, h) returns the state of one coordinate; RULES[i].later(s, g, p, h, seen), and for the first step
//   RULES[i].first if that is different, change the state and return the coordinate's next value, for the gradient g
//   and the hyperparameters h. They push [line, name, value] to `seen`, if there is one.

const CHECKED = 10;
const FAR = 1e6;  // times the size of the frame: a run that gets there is not coming back

// One step of one coordinate, the t-th, from 1.
function takeStep(rule, state, g, p, h, t, seen) {
  if ("step" in state) state.step = t;
  return (t === 1 && rule.first || rule.later)(state, g, p, h, seen);
}

// A run: columns of numbers, one entry a step, and how it ended. `noise` holds what is added to the gradients.
function makeRun(surface, rule, h, start, steps, {noise = null, limit = Infinity} = {}) {
  const columns = {position: [[], []], loss: [[]], gradient: [[], []]};
  const states = start.map(value => rule.init(value, h));
  let p = start;
  let ending = "";
  for (let t = 0; t <= steps; t++) {
    let [loss, ...g] = surface(p[0], p[1]);
    if (noise) g = g.map((slope, k) => slope + noise[k][t]);
    if (t > 0 && !(Math.max(Math.abs(p[0]), Math.abs(p[1])) < limit && Number.isFinite(loss))) {
      ending = `diverged after step ${t - 1}`;
      break;
    }
    columns.loss[0].push(loss);
    for (const k of [0, 1]) {
      columns.position[k].push(p[k]);
      columns.gradient[k].push(g[k]);
      for (const [name, value] of Object.entries(states[k])) {
        columns[name] ??= [[], []];
        columns[name][k].push(value);
      }
    }
    if (t < steps) p = p.map((value, k) => takeStep(rule, states[k], g[k], value, h, t + 1));
  }
  return {columns, ending};
}

// The highest loss in the last tenth of a run, infinite if it leaves the frame: what a tuned race judges by.
function settledLoss({columns: {position, loss: [losses]}, ending}, frame) {
  const left = position.some((values, k) => values.some(value => value < frame[k][0] || value > frame[k][1]));
  return left || ending ? Infinity : Math.max(...losses.slice(-1 - Math.floor(losses.length / 10)));
}

// The best of 31 learning rates from 1e-5 to 10.
function tunedRate(surface, rule, h, start, steps, frame) {
  let best = [Infinity, h.lr];
  for (let k = -25; k < 6; k++) {
    const lr = Number((10 ** (k / 5)).toPrecision(2));
    const loss = settledLoss(makeRun(surface, rule, {...h, lr}, start, steps, {limit: 1e6}), frame);
    if (loss < best[0]) best = [loss, lr];
  }
  return best[1];
}

// Repeat ten steps from each checkpoint of a real run: the largest difference, as a part of the size of the numbers.
function disagreement(surface, rule, h, checks, noise) {
  let worst = 0;
  for (const {step, states, from, to} of checks) {
    const own = states ? states.map(state => ({...state})) : from.map(value => rule.init(value, h));
    let p = from;
    for (let t = step; t < step + CHECKED; t++) {
      const g = surface(p[0], p[1]).slice(1).map((slope, k) => slope + (noise ? noise[k][t] : 0));
      p = p.map((value, k) => takeStep(rule, own[k], g[k], value, h, t + 1));
    }
    for (const k of [0, 1]) {
      const difference = Math.abs(p[k] - to[k]) / Math.max(Math.abs(to[k]), 1e-3);
      worst = difference <= worst ? worst : difference;  // NaN counts as the worst
    }
  }
  return worst;
}

// Where a run ends over many pairs of hyperparameters: the loss after its steps, NaN if it diverged.
function mapRow(surface, rule, h, start, steps, limit, [xPath, xs], [yPath, y]) {
  return xs.map(x => {
    const own = withValue(withValue(h, xPath, x), yPath, y);
    let p = start;
    const states = p.map(value => rule.init(value, own));
    for (let t = 1; t <= steps; t++) {
      const [, ...g] = surface(p[0], p[1]);
      p = p.map((value, k) => takeStep(rule, states[k], g[k], value, own, t));
      if (!(Math.max(Math.abs(p[0]), Math.abs(p[1])) < limit)) return NaN;
    }
    return surface(p[0], p[1])[0];
  });
}

// Hyperparameters with one of them changed; a path is ["lr"] or, within a pair, ["betas", 0].
function withValue(h, [name, place], value) {
  if (place === undefined) return {...h, [name]: value};
  return {...h, [name]: h[name].map((other, i) => i === place ? value : other)};
}

const valueAt = (h, [name, place]) => place === undefined ? h[name] : h[name][place];


// Sliders, and the axes of the map: from a part between 0 and 1 to a value, and back

const NEAR = 1e-4;  // how near to 1 the scale "near 1" goes, where each decade of 1 - value has the same room

function valueOn({low, high, scale}, part) {
  if (scale === "log") return low * (high / low) ** part;
  return scale === "near 1" ? 1 - NEAR ** part : low + (high - low) * part;
}

function partOn({low, high, scale}, value) {
  if (scale === "log") return Math.log(Math.max(value, low) / low) / Math.log(high / low);
  return scale === "near 1" ? Math.log(Math.max(1 - value, NEAR)) / Math.log(NEAR) : (value - low) / (high - low);
}
