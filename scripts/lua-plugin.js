/**
 * A plugin for rolldown and vitest: `import text from './lua/name.lua'` gives the script's text, in which
 * each line `-- @include other` is replaced with the text of `lua/include/other.lua`.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export function assemble(file) {
  return readFileSync(file, 'utf8').replace(/^-- @include (\w+)$/gm, (_, name) =>
    readFileSync(join(dirname(file), 'include', `${name}.lua`), 'utf8').trimEnd(),
  );
}

export const lua = {
  name: 'lua',
  load(id) {
    return id.endsWith('.lua')
      ? { code: `export default ${JSON.stringify(assemble(id))};`, moduleType: 'js' }
      : null;
  },
};
