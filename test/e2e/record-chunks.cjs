// Loaded into devstate with --require: at its end it writes the names of the chunks of dist/cli
// that were read, one a line, to the file that RECORD_CHUNKS names.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { readFileSync } = fs;
const chunks = new Set();
fs.readFileSync = (file, ...options) => {
  if (typeof file === 'string' && file.endsWith('.cjs')) chunks.add(path.basename(file));
  return readFileSync(file, ...options);
};
process.on('exit', () => fs.writeFileSync(process.env.RECORD_CHUNKS, [...chunks].join('\n')));
