// Loads the chunks of the built program with V8's code cache, which halves the time of a start.
// The cache of a chunk is written when the chunk is first used, into dist/cli/.cache. If the folder cannot be
// written, chunks are compiled at each start. With DEVSTATE_NO_CODE_CACHE set they always are, and where Node has no
// `crc32` (21, 22.0 and 22.1) or its executable cannot be examined.
//
// V8 runs what a cache holds without checking it: a damaged one, or one of another program or another build of
// Node, crashes the process or runs the wrong code. So a cache ends with checksums of itself and of the chunk that
// it was made from, and its file name identifies the Node build. V8 itself refuses the cache of other V8 flags.
'use strict';

const fs = require('node:fs');
const { createRequire, wrap } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');
const { crc32 } = require('node:zlib');

/** The bytes of the two checksums at the end of a cache. */
const CHECKSUM_BYTES = 8;

/** Returns `load(file)`, which works like `require` for the chunks in `dir`, and `save()`. */
module.exports = function loader(dir) {
  const cacheDir = path.join(dir, '.cache');
  const nodeName = process.env.DEVSTATE_NO_CODE_CACHE ? undefined : nameOfNode();
  const usesCache = nodeName !== undefined;
  const nodeRequire = createRequire(path.join(dir, 'main.cjs'));
  const modules = new Map();
  const uncached = [];

  function load(file) {
    const loaded = modules.get(file);
    if (loaded) return loaded.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const filename = path.join(dir, file);
    const source = fs.readFileSync(filename);
    const cacheFile = path.join(cacheDir, `${file}-${nodeName}`);
    const sourceChecksum = usesCache && crc32(source);
    const script = new vm.Script(wrap(source.toString()), {
      filename,
      cachedData: usesCache ? readCache(cacheFile, sourceChecksum) : undefined,
    });
    // `cachedDataRejected` is undefined if there was no cache.
    if (usesCache && script.cachedDataRejected !== false)
      uncached.push({ cacheFile, script, sourceChecksum });
    script.runInThisContext()(module.exports, requireChunk, module, filename, dir);
    return module.exports;
  }

  const requireChunk = (id) => (id.startsWith('./') ? load(id.slice(2)) : nodeRequire(id));

  /** Writes the caches that are missing. Call it last: a cache holds only functions that have run. */
  function save() {
    if (uncached.length === 0) return;
    try {
      fs.mkdirSync(cacheDir, { recursive: true });
      for (const { cacheFile, script, sourceChecksum } of uncached)
        writeCache(cacheFile, script.createCachedData(), sourceChecksum);
    } catch {
      // The folder cannot be written: the next start compiles again.
    }
  }

  return { load, save };
};

/**
 * Returns a name for this executable of Node: two builds of one version cannot use each other's caches. Undefined: no
 * cache can be used.
 */
function nameOfNode() {
  try {
    const { size, mtimeMs } = fs.statSync(process.execPath);
    return `${process.version}-${process.arch}-${crc32(process.execPath)}-${size}-${Math.trunc(mtimeMs)}`;
  } catch {
    return undefined; // this Node has no crc32, or its executable was removed
  }
}

/** Returns the code cache in a file; undefined: there is none, it is damaged, or it was made from another chunk. */
function readCache(file, sourceChecksum) {
  let bytes;
  try {
    bytes = fs.readFileSync(file);
  } catch {
    return undefined; // it does not exist yet
  }
  const end = bytes.length - CHECKSUM_BYTES;
  if (end <= 0) return undefined;
  const data = bytes.subarray(0, end);
  const isValid = bytes.readUInt32LE(end) === sourceChecksum && bytes.readUInt32LE(end + 4) === crc32(data);
  return isValid ? data : undefined;
}

/** Writes a file in one step: other processes, also after a power cut, find the old one, the new one or none. */
function writeCache(file, data, sourceChecksum) {
  const checksums = Buffer.alloc(CHECKSUM_BYTES);
  checksums.writeUInt32LE(sourceChecksum, 0);
  checksums.writeUInt32LE(crc32(data), 4);
  const draft = `${file}.${process.pid}`;
  try {
    const fd = fs.openSync(draft, 'w');
    try {
      fs.writeFileSync(fd, Buffer.concat([data, checksums]));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(draft, file);
  } finally {
    fs.rmSync(draft, { force: true });
  }
}
