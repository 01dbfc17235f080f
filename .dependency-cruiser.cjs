/**
 * The import rules of ARCHITECTURE.md: which rooms of src/ know of which. Tested by
 * test/imports.test.ts.
 */
const knows = (room, path, others) => ({
  name: `${room} knows of ${['itself', ...others].join(', ')} only`,
  severity: 'error',
  from: { path },
  to: { path: '^src/', pathNot: `^src/(${[room, ...others].join('|')})/` },
});

module.exports = {
  forbidden: [
    knows('core', '^src/core/', []),
    knows('redis', '^src/redis/', ['core']),
    knows('input', '^src/input/', ['core']),
    knows('output', '^src/output/', ['core']),
    knows('commands', '^src/commands/', ['input', 'output', 'core', 'redis']),
    knows('library', '^src/library/', ['core', 'redis']),
    knows('index.ts', '^src/index\\.ts$', ['core', 'library']),
    {
      name: 'commands know of redis/ what a private server looks like',
      comment: 'Connections and servers come from the context.',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: '^src/redis/', pathNot: '^src/redis/private-server\\.ts$' },
    },
    {
      name: 'commands start no server themselves',
      severity: 'error',
      from: { path: '^src/commands/' },
      to: { path: '^src/redis/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'core needs ioredis and lossless-json, no other package',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: 'node_modules/', pathNot: 'node_modules/(ioredis|lossless-json)/' },
    },
    {
      name: 'no cycles',
      comment: 'Of values at load: types may refer to each other, and an import() happens later.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    {
      name: 'every import is found',
      comment: 'Otherwise the other rules would hold of nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
