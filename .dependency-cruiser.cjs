/**
 * The import rules of ARCHITECTURE.md: which folder of src/ may import from which.
 * test/imports.test.ts checks the source against them, and checks that each rule finds a violation.
 */

/** The rooms of src/core, from the ground up: a room imports only from itself and the rooms before it. */
const CORE_ROOMS = [
  'model',
  'async',
  'store',
  'pubsub',
  'query',
  'shadow',
  'registry',
  'presence',
  'detection',
  'history',
  'admin',
];

/** What each folder of src/ may import from, beside itself. */
const FOLDERS = {
  core: [],
  redis: ['core'],
  input: ['core'],
  output: ['core'],
  library: ['core', 'redis'],
  commands: ['input', 'output', 'library', 'core'],
  cli: ['commands', 'input', 'output', 'redis', 'core'],
};

const folderRules = Object.entries(FOLDERS).map(([folder, others]) => ({
  name: `${folder} imports from ${['itself', ...others].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
}));

const roomRules = CORE_ROOMS.map((room, index) => ({
  name: `core/${room} imports from itself and the rooms before it`,
  severity: 'error',
  from: { path: `^src/core/${room}/` },
  to: { path: '^src/core/', pathNot: `^src/core/(${CORE_ROOMS.slice(0, index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...folderRules,
    ...roomRules,
    {
      name: 'every file of the core is in a room',
      severity: 'error',
      from: {},
      to: { path: '^src/core/', pathNot: `^src/core/(${CORE_ROOMS.join('|')})/` },
    },
    {
      name: 'index.ts exports from library and core',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(library|core)/' },
    },
    {
      name: 'the core imports no package but ioredis and lossless-json',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: 'node_modules/', pathNot: 'node_modules/(ioredis|lossless-json)/' },
    },
    {
      name: 'no import circles, of types neither',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'every import is found',
      comment: 'An import that is not found is checked by no other rule.',
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
