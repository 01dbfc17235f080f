/**
 * The house rules that a compiler does not check: imports go one way (.dependency-cruiser.cjs),
 * the process is the command line's alone, and files stay short.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { describe, expect, it } from 'vitest';

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => `src/${name}`)
  .filter((name) => /\.(ts|lua)$/.test(name));
const modules = files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));

describe('the source', () => {
  it('imports one way only', async () => {
    const options = await extractOptions('./.dependency-cruiser.cjs');
    const { output } = await cruise(['src'], options, {}, { tsConfig: extractTSConfig('tsconfig.json') });
    const result = output as ICruiseResult;
    // A cruiser that cannot read TypeScript sees nothing, and finds no fault in it.
    const seen = result.modules.map(({ source }) => source).filter((source) => modules.includes(source));
    expect(seen.sort()).toEqual(modules.toSorted());
    expect(result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual(
      [],
    );
  });

  it('leaves the process and the console to the command line', () => {
    const outside = modules.filter(
      (name) => !name.startsWith('src/cli/') && name !== 'src/redis/private-server.ts',
    );
    const guilty = outside.filter((name) => /\b(process|console)\.|node:process/.test(code(name)));
    expect(guilty).toEqual([]);
  });

  it('has no file over 300 lines', () => {
    expect(files.filter((name) => readFileSync(name, 'utf8').split('\n').length > 301)).toEqual([]);
  });
});

/** A file without its comments. */
function code(name: string): string {
  return readFileSync(name, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}
