/**
 * Builds dist/ from src/: the command line as CommonJS chunks with every dependency inside
 * (each command loads what it needs and no more: that is the cold start), the library as one
 * ES module with its dependencies outside, the library's types, and the licences of what was
 * bundled.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { coldStart } from './cold-start-plugin.js';
import { lua } from './lua-plugin.js';
import { announce, root, run, stages, tool } from './stage.js';

const dist = `${root}dist`;
const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

await stages(async () => {
  announce('building');
  rmSync(dist, { recursive: true, force: true });
  const [chunks] = await Promise.all([
    bundle(
      { input: `${root}src/cli/main.ts`, plugins: [lua, coldStart] },
      {
        dir: `${dist}/cli`,
        format: 'cjs',
        // Less to parse. Names that a stack trace shows (-vv) stay.
        minify: { mangle: { keepNames: true } },
        entryFileNames: '[name].cjs',
        chunkFileNames: '[name]-[hash].cjs',
        dynamicImportInCjs: false, // what bin/load.cjs has loaded can only `require`
      },
    ),
    bundle(
      { input: `${root}src/index.ts`, external: Object.keys(dependencies), plugins: [lua] },
      { file: `${dist}/index.js`, format: 'esm', codeSplitting: false },
    ),
  ]);
  writeFileSync(`${dist}/THIRD-PARTY-LICENSES.txt`, licences(chunks));
  run(tool('tsc'), ['--project', 'tsconfig.build.json']);
});

async function bundle(input, output) {
  const build = await rolldown({ ...input, platform: 'node' });
  try {
    return (await build.write(output)).output;
  } finally {
    await build.close();
  }
}

/** The licence text of each package with a module in the chunks: most ask to travel with the code. */
function licences(chunks) {
  const folders = chunks
    .flatMap((chunk) => chunk.moduleIds ?? [])
    .map((id) => id.match(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
    .filter((folder) => folder !== undefined);
  return [...new Set(folders)]
    .sort()
    .map((folder) => {
      const { name, version, license, author } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file
        ? readFileSync(`${folder}/${file}`, 'utf8').trim()
        : `${license}, ${author?.name ?? author}`;
      return `${name} ${version}\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
