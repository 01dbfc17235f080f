// Loads the chunks of the built program with V8's code cache, which halves the time of a start.
// The cache of a chunk is written when the chunk is first used, into dist/cli/.cache. Its name holds the
// version of Node and the size and modification time of the chunk, so that a changed chunk gets a new one.
// V8 itself refuses the cache of another V8 version or of other flags. If the folder cannot be written,
// chunks are compiled at each start.
'use strict';

const fs = require('node:fs');
const { createRequire, wrap } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

/** Returns `load(file)`, which works like `require` for the chunks in `dir`, and `save()`. */
module.exports = function loader(dir) {
  const cacheDir = path.join(dir, '.cache');
  const nodeRequire = createRequire(path.join(dir, 'main.cjs'));
  const modules = new Map();
  const uncached = [];

  function load(file) {
    const loaded = modules.get(file);
    if (loaded) return loaded.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const filename = path.join(dir, file);
    const { size, mtimeMs } = fs.statSync(filename);
    const cache = path.join(cacheDir, `${file}-${process.version}-${size}-${mtimeMs}`);
    const script = new vm.Script(wrap(fs.readFileSync(filename, 'utf8')), {
      filename,
      cachedData: read(cache),
    });
    if (script.cachedDataRejected !== false) uncached.push({ cache, script });
    script.runInThisContext()(module.exports, requireChunk, module, filename, dir);
    return module.exports;
  }

  const requireChunk = (id) => (id.startsWith('./') ? load(id.slice(2)) : nodeRequire(id));

  /** Writes the caches that are missing. Call it last: a cache holds only functions that have run. */
  function save() {
    if (uncached.length === 0) return;
    try {
      fs.mkdirSync(cacheDir, { recursive: true });
      for (const { cache, script } of uncached) {
        // Renamed when complete, so that another process never reads half a cache.
        const temporary = `${cache}.${process.pid}`;
        fs.writeFileSync(temporary, script.createCachedData());
        fs.renameSync(temporary, cache);
      }
    } catch {
      // The folder cannot be written: the next start compiles again.
    }
  }

  return { load, save };
};

function read(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined; // it does not exist yet
  }
}
