/**
 * Imports TypeScript modules into a script. Node 20 cannot read TypeScript, so they are bundled into a
 * temporary folder first: `const [{ EXIT_CODES }] = await load('src/cli/exit-codes.ts')`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { lua } from './lua-plugin.js';
import { root } from './stage.js';

export async function load(...paths) {
  const dir = mkdtempSync(join(tmpdir(), 'devstate-'));
  try {
    const input = Object.fromEntries(paths.map((path, index) => [`entry${index}`, join(root, path)]));
    const build = await rolldown({ input, platform: 'node', plugins: [lua], logLevel: 'silent' });
    await build.write({ dir, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[hash].mjs' });
    await build.close();
    return await Promise.all(
      Object.keys(input).map((name) => import(pathToFileURL(join(dir, `${name}.mjs`)).href)),
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
}
