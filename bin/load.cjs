// Loads the built program with V8's code cache, which halves its start. A cache is made at
// the first use of a chunk and is never trusted blindly: V8 refuses one of another version
// or other flags, and one of another file is told by size and time. Where the folder is
// read-only there is none, and nothing else changes.
'use strict';

const fs = require('node:fs');
const { createRequire, wrap } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

/** Gives `load(file)`, which is `require` for the chunks of a folder, and `save()`. */
module.exports = function loader(dir) {
  const cacheDir = path.join(dir, '.cache');
  const nodeRequire = createRequire(path.join(dir, 'main.cjs'));
  const modules = new Map();
  const uncached = [];

  function load(file) {
    const known = modules.get(file);
    if (known) return known.exports;
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

  /** Keeps what was compiled, with the functions that ran. */
  function save() {
    if (uncached.length === 0) return;
    try {
      fs.mkdirSync(cacheDir, { recursive: true });
      for (const { cache, script } of uncached) {
        const draft = `${cache}.${process.pid}`;
        fs.writeFileSync(draft, script.createCachedData());
        fs.renameSync(draft, cache);
      }
    } catch {
      // A folder that cannot be written to costs time at each start and nothing else.
    }
  }

  return { load, save };
};

function read(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined; // none yet
  }
}
