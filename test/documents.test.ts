/** The files and folders that documents name exist, and ARCHITECTURE.md lists every dependency. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };

/** `src/core/store/fleet.ts`, `src/core/store/`: anywhere in the text, also in code blocks. */
const IN_A_FOLDER = /(?<![\w/.-])(?:src|test|bench|bin|scripts|completions|\.ci|\.github)\/[\w./-]*/g;
/** `package.json`, `.nvmrc`: in back quotes, or as the target of a link. */
const IN_THE_ROOT =
  /(?<=`|\]\()(?:\.(?:nvmrc|editorconfig|dependency-cruiser\.cjs)|[\w.-]+\.(?:md|json|ts))(?=`|[)#])/g;

describe.each(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md', 'SECURITY.md'])('%s', (document) => {
  const text = readFileSync(document, 'utf8');
  const found = [...text.matchAll(IN_A_FOLDER), ...text.matchAll(IN_THE_ROOT)];
  const paths = [...new Set(found.map(([path]) => path.replace(/\.$/, '')))];

  it('names files', () => {
    expect(paths.length).toBeGreaterThan(0);
  });

  it('names only files that exist', () => {
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});

it('ARCHITECTURE.md lists every dependency in its tables', () => {
  const rows = readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| ([^|]+) \|/gm);
  const listed = new Set([...rows].flatMap(([, names = '']) => names.trim().split(', ')));
  const { dependencies, devDependencies } = packageJson;
  const installed = Object.keys({ ...dependencies, ...devDependencies });
  expect(installed.filter((name) => !listed.has(name))).toEqual([]);
});
