/** A Node that cannot run the program is refused in one line, before anything that it cannot load. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { shell } from './bin-process.js';

test.each([
  ['18.20.8', true],
  ['20.18.3', true],
  ['21.7.3', true],
  ['22.0.0', true],
  ['22.11.0', true],
  ['20.19.0', false],
  ['22.12.0', false],
  ['23.0.0', false],
])('Node %s: refused %s', async (node, isRefused) => {
  const preload = join(await mkdtemp(join(tmpdir(), 'devstate-node-')), 'version.cjs');
  onTestFinished(() => rm(dirname(preload), { recursive: true }));
  await writeFile(preload, `Object.defineProperty(process.versions, 'node', { value: '${node}' });`);
  const { exit, stderr } = await shell('devstate help', { NODE_OPTIONS: `--require=${preload}` });
  expect({ exit, stderr }).toEqual(
    isRefused
      ? { exit: 1, stderr: `devstate: needs Node ^20.19 || >=22.12, and this is Node ${node}\n` }
      : { exit: 0, stderr: '' },
  );
});
