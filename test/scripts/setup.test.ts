/** Set-up of a clone: it installs dependencies with npm only if neither npm nor another package manager did. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dependenciesAreCurrent } from '../../scripts/setup.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  write('package.json', { dependencies: { a: '^1.0.0' }, devDependencies: { '@x/b': '^1.0.0' } });
  write('package-lock.json', {
    packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/@x/b': { version: '1.0.0' } },
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, content: object): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(content));
}

test('a fresh clone has no dependencies', () => {
  expect(dependenciesAreCurrent(folder)).toBe(false);
});

test('those that another package manager installed are left as they are', () => {
  write('node_modules/a/package.json', { version: '1.2.0' });
  expect(dependenciesAreCurrent(folder)).toBe(false);
  write('node_modules/@x/b/package.json', { version: '1.2.0' });
  expect(dependenciesAreCurrent(folder)).toBe(true);
});

test('those that npm installed must have the versions of the lock file', () => {
  const installed = (version: string) =>
    write('node_modules/.package-lock.json', {
      packages: { 'node_modules/a': { version }, 'node_modules/@x/b': { version: '1.0.0' } },
    });
  installed('0.9.0');
  expect(dependenciesAreCurrent(folder)).toBe(false);
  installed('1.0.0');
  expect(dependenciesAreCurrent(folder)).toBe(true);
});
