/**
 * Rules of the source that the compiler does not check: the import rules (.dependency-cruiser.cjs), which
 * files may use the process, and the length of files.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { describe, expect, it } from 'vitest';

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => `src/${name}`)
  .filter((name) => /\.(ts|lua)$/.test(name));
const modules = files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));

/** Checks the imports of a folder's src/ by the project's rules. */
async function checkImports(baseDir: string): Promise<ICruiseResult> {
  const options = await extractOptions('./.dependency-cruiser.cjs');
  const tsConfig = extractTSConfig('tsconfig.json');
  const { output } = await cruise(['src'], { ...options, baseDir }, {}, { tsConfig });
  return output as ICruiseResult;
}

describe('the import rules', () => {
  it('hold for every module of the source', async () => {
    const { modules: seen, summary } = await checkImports(process.cwd());
    // A cruiser that cannot read TypeScript sees no modules, and finds no violation.
    expect(modules.length).toBeGreaterThan(150);
    expect(seen.map(({ source }) => source).filter((source) => modules.includes(source))).toHaveLength(
      modules.length,
    );
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
  });

  const violations: Record<string, Record<string, string>> = {
    'core imports from itself': {
      'src/core/model/a.ts': "import '../../output/b.js';",
      'src/output/b.ts': '',
    },
    'redis imports from itself, core': { 'src/redis/a.ts': "import '../cli/b.js';", 'src/cli/b.ts': '' },
    'input imports from itself, core': {
      'src/input/a.ts': "import '../output/b.js';",
      'src/output/b.ts': '',
    },
    'output imports from itself, core': {
      'src/output/a.ts': "import '../input/b.js';",
      'src/input/b.ts': '',
    },
    'library imports from itself, core, redis': {
      'src/library/a.ts': "import '../commands/b.js';",
      'src/commands/b.ts': '',
    },
    'commands imports from itself, input, output, library, core': {
      'src/commands/a.ts': "import type { B } from '../redis/b.js'; export type C = B;",
      'src/redis/b.ts': 'export type B = string;',
    },
    'cli imports from itself, commands, input, output, redis, core': {
      'src/cli/a.ts': "import '../library/b.js';",
      'src/library/b.ts': '',
    },
    'every file of the core is in a room': {
      'src/core/model/a.ts': "import '../b.js';",
      'src/core/b.ts': '',
    },
    'index.ts exports from library and core': {
      'src/index.ts': "export * from './redis/b.js';",
      'src/redis/b.ts': 'export const b = 1;',
    },
    'the core imports no package but ioredis and lossless-json': {
      'src/core/store/a.ts': "import 'chalk';",
      'node_modules/chalk/package.json': '{"name":"chalk","main":"index.js"}',
      'node_modules/chalk/index.js': '',
    },
    'no import circles, of types neither': {
      'src/core/model/a.ts': "import type { B } from './b.js'; export type A = B;",
      'src/core/model/b.ts': "import type { A } from './a.js'; export type B = A | 1;",
    },
    'every import is found': { 'src/core/model/a.ts': "import './absent.js';" },
  };

  it.each(Object.entries(violations))('find a violation: %s', async (rule, tree) => {
    expect(await violatedRules(tree)).toContain(rule);
  });

  it('find an import from a room that comes later, in each room of the core', async () => {
    const options = await extractOptions('./.dependency-cruiser.cjs');
    const rules = (options.ruleSet?.forbidden ?? []).map(({ name }) => name ?? '');
    const rooms = rules.flatMap((name) => /^core\/(\w+) imports/.exec(name)?.[1] ?? []);
    expect(rooms.toSorted()).toEqual(readdirSync('src/core').toSorted());
    for (const [i, room] of rooms.entries()) {
      const later = rooms[i + 1];
      if (later === undefined) continue;
      const tree = {
        [`src/core/${room}/a.ts`]: `import '../${later}/b.js';`,
        [`src/core/${later}/b.ts`]: '',
      };
      expect(await violatedRules(tree)).toEqual([`core/${room} imports from itself and the rooms before it`]);
    }
  });

  it('have a planted violation for each rule', async () => {
    const options = await extractOptions('./.dependency-cruiser.cjs');
    const rules = (options.ruleSet?.forbidden ?? []).map(({ name }) => name ?? '');
    const planted = [...Object.keys(violations), ...rules.filter((name) => name.startsWith('core/'))];
    expect(planted.toSorted()).toEqual(rules.toSorted());
  });
});

/** The names of the rules that a source tree (path → text) violates. */
async function violatedRules(tree: Record<string, string>): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'devstate-imports-'));
  try {
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text || 'export {};');
    }
    const { summary } = await checkImports(dir);
    return summary.violations.map(({ rule }) => rule.name);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('the source', () => {
  it('uses the process and the console only in cli/ and for the private server', () => {
    const outside = modules.filter(
      (name) => !name.startsWith('src/cli/') && name !== 'src/redis/private-server.ts',
    );
    const guilty = outside.filter((name) => /\b(process|console)\.|node:process/.test(code(name)));
    expect(guilty).toEqual([]);
  });

  it('has no file over 300 lines, and a median under 100', () => {
    const lengths = files.map((name) => ({ name, lines: readFileSync(name, 'utf8').split('\n').length - 1 }));
    expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(100);
  });
});

/** A file without its comments; `://` begins none. */
function code(name: string): string {
  return readFileSync(name, 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');
}
