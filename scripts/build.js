/**
 * Builds dist/ from src/:
 * - cli/: the command line, as CommonJS chunks that include every dependency. A command loads only the
 *   chunks that it needs, so that it starts fast.
 * - index.js: the library, as one ES module that imports its dependencies.
 * - types/: the library's types.
 * - THIRD-PARTY-LICENSES.txt: the licences of the packages that the chunks include.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { coldStart } from './cold-start-plugin.js';
import { lua } from './lua-plugin.js';
import { announce, root, run, StageError, stages, tool } from './stage.js';

const dist = `${root}dist`;
const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

await stages(async () => {
  announce('building');
  rmSync(dist, { recursive: true, force: true });
  const [chunks] = await Promise.all([
    bundle(
      { input: `${root}src/cli/main.ts`, plugins: [lua, coldStart()] },
      {
        dir: `${dist}/cli`,
        format: 'cjs',
        // Node parses less. Function names stay, because `-vv` prints stack traces.
        minify: { mangle: { keepNames: true } },
        entryFileNames: '[name].cjs',
        chunkFileNames: '[name]-[hash].cjs',
        dynamicImportInCjs: false, // bin/load.cjs gives the chunks a `require`, but no `import()`
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

/** @throws StageError: a patch of the plugin coldStart no longer fits */
async function bundle(input, output) {
  const build = await rolldown({ ...input, platform: 'node' });
  try {
    return (await build.write(output)).output;
  } catch (error) {
    // rolldown adds stack traces to the message of a plugin's error, and lists the error itself in `errors`.
    throw error.errors?.find((each) => each instanceof StageError) ?? error;
  } finally {
    await build.close();
  }
}

/** The licence text of each package that the chunks include. Most licences require that it is distributed. */
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
