/**
 * Lets TypeScript import `./lua/name.lua` as text, for rolldown and vitest alike.
 * A line `-- @include name` stands for `lua/include/name.lua`.
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
