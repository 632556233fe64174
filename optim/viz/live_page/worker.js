// The map that can be touched is computed here, beside the page, so that the page stays alive: rows of pixels, coarse
// ones first. It is handed what to compute, and stops when it is handed something else.

let wanted = 0;

self.onmessage = async ({data: {id, surface, rule, h, start, steps, limit, x, y, sizes}}) => {
  wanted = id;
  for (const size of sizes) {
    const along = axis => Array.from({length: size}, (_, i) => valueOn(axis, (i + 0.5) / size));
    const xs = along(x), ys = along(y), losses = new Float64Array(size * size);
    let paused = performance.now();
    for (const [i, value] of ys.entries()) {
      losses.set(mapRow(SURFACES[surface], RULES[rule], h, start, steps, limit, [x.path, xs], [y.path, value]), i * size);
      if (performance.now() - paused > 40) {
        await new Promise(resume => setTimeout(resume));  // another message may have come
        paused = performance.now();
        if (wanted !== id) return;
      }
    }
    self.postMessage({id, size, losses});
  }
};
