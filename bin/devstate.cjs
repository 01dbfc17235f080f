#!/usr/bin/env node
// The executable. It answers --version before anything else is loaded, else runs the program.
'use strict';

const argv = process.argv.slice(2);
/** How long pending output may still be read after a signal has ended the command. */
const LINGER_MS = 100;

if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.on('error', () => {}); // nobody reads it any more
  process.stdout.write(`${require('../package.json').version}\n`);
} else {
  const { load, save } = require('./load.cjs')(`${__dirname}/../dist/cli`);
  const { main } = load('main.cjs');
  const interruption = new AbortController();
  const onSignal = (signal) => interruption.abort(signal);
  // `once`: a second SIGINT or SIGTERM ends the process at once, as Node does by default.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, onSignal);
  // `process` has the three streams as getters: each is opened when first used.
  main(argv, process.env, process, interruption.signal).then((code) => {
    process.exitCode = code;
    save();
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, onSignal);
    // After a signal the process must end even if nobody reads its output or closes its input.
    if (interruption.signal.aborted) setTimeout(() => process.exit(), LINGER_MS).unref();
  });
}
