
// This step, line by line: the source of the rule that runs, with the numbers of the step instead of the names

function drawExplanation() {
  if (!find("explanation").open) return;
  const runner = chosenIn("explanation");
  if (isLive(runner.optimizer)) find("lines").replaceChildren(...explained(runner, Number(find("coordinate").value)));
  else find("lines").replaceChildren(line("span", runner.optimizer.reason));
}

// The lines of the present step for coordinate k, as items of a list.
function explained({optimizer, run, h}, k) {
  const t = Math.max(1, Math.min(time, run.columns.loss[0].length - 1));
  const {g, p, state, values} = beforeStep(optimizer, run, h, k, t);
  const seen = [];
  takeStep(RULES[optimizer.code], state, g, p, h, t, seen);
  if (!seen.some(([, name]) => name === "phi")) seen.splice(-1, 0, returned(optimizer, seen, g));
  const items = [line("span", `Step ${t}, coordinate ${"xy"[k]}`)];
  let before = "";
  for (const [place, name, value] of seen) {
    const equation = optimizer.lines[`${place} ${name}`];
    if (equation) {
      if (equation.source !== before) items.push(line("code", before = equation.source));
      items.at(-1).append(element("code", `${name} = ${inNumbers(equation, values)} = ${valueText(value, 5)}`));
    }
    values[name] = value;
  }
  if (items.length === 1) items.push(line("span", "Python has kept no source of this rule: put its class into a file."));
  return items;
}

// What step t begins with: the gradient, the position, the state, and what the names of the rule stand for.
function beforeStep(optimizer, run, h, k, t) {
  const [g, p] = [run.columns.gradient[k][t - 1], run.columns.position[k][t - 1]];
  const state = RULES[optimizer.code].init(run.columns.position[k][0], h);
  for (const name of Object.keys(run.columns)) {
    if (name in state && t > 1) state[name] = run.columns[name][k][t - 1];
  }
  if ("step" in state) state.step = t;
  const at = path => path.reduce((found, key) => found?.[key], {g, p, h, s: state});
  const values = Object.entries(optimizer.aliases).map(([name, path]) => [name, at(path)]);
  return {g, p, state, values: Object.fromEntries(values)};
}

// A rule that ends with `return b` gives b one name more.
function returned({lines}, seen, g) {
  const [, name, value] = seen.findLast(([, name]) => `${name} phi` in lines) ?? [0, "grad", g];
  return [name, "phi", value];
}

// An expression with numbers instead of names; one that is a name alone stays.
function inNumbers({names, parts}, values) {
  if (!parts.join("")) return names[0];
  const text = value => value < 0 ? `(${told(value)})` : valueText(value);
  const known = name => ["number", "boolean"].includes(typeof values[name]);
  return parts[0] + names.map((name, i) => (known(name) ? text(values[name]) : name) + parts[i + 1]).join("");
}

const valueText = (value, digits) => typeof value === "boolean" ? String(value) : told(value, digits);

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function line(kind, text) {
  const item = document.createElement("li");
  item.append(element(kind, text));
  return item;
}
