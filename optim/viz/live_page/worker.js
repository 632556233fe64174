// The map that you can touch is computed here, beside the page, so that the page keeps responding: rows of pixels, coarse
// ones first. It gets a message with what to compute, and stops when it gets another one.

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
