#!/usr/bin/env node
// The executable. It answers --version before anything else is loaded, else runs the program.
'use strict';

const argv = process.argv.slice(2);

if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.on('error', () => {}); // nobody reads it any more
  process.stdout.write(`${require('../package.json').version}\n`);
} else {
  const { load, save } = require('./load.cjs')(`${__dirname}/../dist/cli`);
  // `process` has the three streams as getters: each is opened when first used.
  load('main.cjs')
    .main(argv, process.env, process)
    .then((code) => {
      process.exitCode = code;
      save();
    });
}
