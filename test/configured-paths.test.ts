/**
 * Every path and glob in the configuration of tests and checks matches a file. One that matches none fails
 * nowhere else: its tests would not run, or the chaos tests would run beside others.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import type { TestProjectInlineConfiguration } from 'vitest/config';
import biome from '../biome.json' with { type: 'json' };
import knip from '../knip.json' with { type: 'json' };
import vitestConfig from '../vitest.config.js';

const TRANSLATIONS: Record<string, string> = {
  '**/': '(?:.*/)?',
  '**': '.*',
  '*': '[^/]*',
  '{': '(?:',
  '}': ')',
  ',': '|',
};

/** The files and folders of the project. */
const paths = readdirSync('.')
  .filter((name) => !['node_modules', '.git', 'dist', 'coverage', '.cache'].includes(name))
  .flatMap((name) => [name, ...below(name)]);

const projects = (vitestConfig.test?.projects ?? []) as TestProjectInlineConfiguration[];
const settings = projects.map(({ test = {} }) => test);
const filesOf = ({ include = [], exclude = [] }: { include?: string[]; exclude?: string[] }) => {
  const excluded = new Set(exclude.flatMap(matches));
  return include.flatMap(matches).filter((file) => !excluded.has(file));
};

describe('vitest.config.ts', () => {
  const globs = settings.flatMap(({ include = [], exclude = [], globalSetup = [] }) => [
    ...include,
    ...exclude,
    ...[globalSetup].flat(),
  ]);
  // Vitest's own defaults; dist/ holds no tests, and need not be there.
  const own = globs.filter((glob) => !/^\*\*\/(node_modules|\.git)\//.test(glob));

  test.each(own)('%s', (glob) => {
    expect(matches(glob)).not.toEqual([]);
  });

  it('runs every test file in exactly one project', () => {
    const files = settings.flatMap(filesOf).sort();
    expect(files).toEqual(matches('test/**/*.test.ts').sort());
  });

  it('runs the tests that load the machine one after the other', () => {
    const serial = settings.find(({ name }) => name === 'serial');
    expect(serial?.maxWorkers).toBe(1);
    const load = matches('test/chaos/chaos*.test.ts');
    expect(filesOf(serial ?? {})).toEqual(expect.arrayContaining(load));
  });
});

describe('scripts/test.js', () => {
  const source = readFileSync('scripts/test.js', 'utf8');
  const lists = [...source.matchAll(/const (?:QUICK|SOAK) = \[([^\]]+)\]/g)].map(([, names = '']) =>
    [...names.matchAll(/'([^']+)'/g)].map(([, name]) => name as string),
  );

  it('has lists of tests', () => {
    expect(lists.map((names) => names.length > 0)).toEqual([true, true]);
  });

  test.each(lists.flat())('test/%s', (name) => {
    // Vitest takes it for a part of a path.
    expect(matches('test/**/*.test.ts').filter((file) => file.includes(`test/${name}`))).not.toEqual([]);
  });
});

describe('knip.json', () => {
  test.each([...knip.entry, ...knip.project])('%s', (glob) => {
    expect(matches(glob)).not.toEqual([]);
  });
});

describe('biome.json', () => {
  const globs = [...biome.files.includes, ...biome.overrides.flatMap(({ includes }) => includes)];

  test.each(globs)('%s', (glob) => {
    expect(matches(glob.replace(/^!+/, ''))).not.toEqual([]);
  });
});

function matches(glob: string): string[] {
  const pattern = patternOf(glob);
  return paths.filter((path) => pattern.test(path));
}

/** Translates the glob syntax that the configurations use: `**`, `*` and `{one,two}`. Node 20 has no stable function. */
function patternOf(glob: string): RegExp {
  const source = glob.replace(
    /\*\*\/|\*\*|[*{},]|[.+?^$()|[\]\\]/g,
    (token) => TRANSLATIONS[token] ?? `\\${token}`,
  );
  return new RegExp(`^${source}$`);
}

function below(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`);
  } catch {
    return []; // a file
  }
}
