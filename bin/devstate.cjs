#!/usr/bin/env node
// The executable. `--version` is answered here, because loading the program would take most of the time. A Node that is
// too old is refused here: this file must have only what such a Node can parse.
'use strict';

const { writeSync } = require('node:fs');

const argv = process.argv.slice(2);
/** How long pending output may still be read after a signal has ended the command. */
const LINGER_MS = 100;

const isVersion = argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V');
if (!isVersion || !printVersion()) {
  if (isSupportedNode()) run();
  else refuseNode();
}

/** Whether this Node is one of `engines` in package.json: older ones cannot load ES modules with `require`. */
function isSupportedNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
}

function refuseNode() {
  const { engines } = require('../package.json');
  writeSync(2, `devstate: needs Node ${engines.node}, and this is Node ${process.versions.node}\n`);
  process.exitCode = 1;
}

/** Returns whether the version was printed. False, as on a full disk: the program is loaded, which reports the error. */
function printVersion() {
  const text = `${require('../package.json').version}\n`;
  try {
    return writeSync(1, text) === text.length;
  } catch (error) {
    return error.code === 'EPIPE'; // a reader that has left, as in `devstate --version | true`, is no failure
  }
}

function run() {
  const { load, save } = require('./load.cjs')(`${__dirname}/../dist/cli`);
  const { main } = load('main.cjs');
  const interruption = new AbortController();
  const onSignal = (signal) => interruption.abort(signal);
  // `once`: a second SIGINT or SIGTERM ends the process at once, as Node does by default.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, onSignal);
  // `process` is passed whole, because reading one of its streams opens it, which costs time at the start.
  main(argv, process.env, process, interruption.signal).then((code) => {
    process.exitCode = code;
    save();
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, onSignal);
    // After a signal the process must end even if nobody reads its output or closes its input.
    if (interruption.signal.aborted) setTimeout(() => process.exit(), LINGER_MS).unref();
  });
}
