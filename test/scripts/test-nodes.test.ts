/** Set-up of other versions of Node: what an interrupted run has left is fetched again. The test simulates npm. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { setupNode } from '../../scripts/test-nodes.js';

const PACKAGE = `node-${process.platform}-${process.arch}`;

/** Puts an npm first on the PATH, which installs this Node where the package is missing. Returns an empty folder. */
function withNpm(): string {
  const made = mkdtempSync(join(tmpdir(), 'devstate-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  const [bin, folder] = [join(made, 'bin'), join(made, 'node')];
  mkdirSync(bin);
  const script = `#!/bin/sh
package="${folder}/node_modules/${PACKAGE}"
echo "$@" >> "${made}/calls"
[ -e "$package" ] && exit 0
mkdir -p "$package/bin" && ln -s "${process.execPath}" "$package/bin/node"
`;
  writeFileSync(join(bin, 'npm'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

const programIn = (folder: string) => join(folder, 'node_modules', PACKAGE, 'bin', 'node');

test('a Node is fetched once', () => {
  const folder = withNpm();
  expect(setupNode('22', folder)).toBe(programIn(folder));
  rmSync(join(folder, '..', 'calls'));
  expect(setupNode('22', folder)).toBe(programIn(folder));
  expect(existsSync(join(folder, '..', 'calls'))).toBe(false);
});

test('half a program, which an interrupted run has left, is fetched again', () => {
  const folder = withNpm();
  mkdirSync(dirname(programIn(folder)), { recursive: true });
  writeFileSync(programIn(folder), '\x7fELF', { mode: 0o755 });
  const program = String(setupNode('22', folder));
  expect(execFileSync(program, ['--version'], { encoding: 'utf8' })).toBe(`${process.version}\n`);
});

test('without a network it is given up at once: npm would try again for a minute', () => {
  const folder = join(withNpm(), '..', 'unreachable');
  vi.unstubAllEnvs();
  vi.stubEnv('npm_config_registry', 'http://127.0.0.1:1');
  const begin = performance.now();
  expect(setupNode('22', folder)).toBeUndefined();
  expect(performance.now() - begin).toBeLessThan(40_000);
});
