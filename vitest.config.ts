import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { lua } from './scripts/lua-plugin.js';

/** Tests that measure times, or load the machine: they run one after the other, after all others. */
const SERIAL = [
  'test/chaos/{chaos,chaos-*,idle,mass-expiry}.test.ts',
  'test/contract/detection/hold-matrix.test.ts',
];
/** Tests that run the built programs. */
const BUILT = ['test/e2e/**/*.test.ts', 'test/chaos/*.test.ts'];
const UNIT = ['test/unit/**/*.test.ts'];
/** Most tests wait for a server, or for time to pass. */
const maxWorkers = Math.ceil(availableParallelism() * 1.5);

export default defineConfig({
  plugins: [lua],
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        // Needs no redis-server: commands and core run on ioredis-mock in place of ioredis.
        extends: true,
        resolve: { alias: [{ find: /^ioredis$/, replacement: path('test/support/mock/ioredis.ts') }] },
        test: { name: 'unit', include: UNIT, isolate: false, maxWorkers },
      },
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...UNIT, ...BUILT, ...SERIAL],
          maxWorkers,
        },
      },
      {
        extends: true,
        test: {
          name: 'built',
          include: BUILT,
          exclude: [...configDefaults.exclude, ...SERIAL],
          globalSetup: 'test/build.ts',
          maxWorkers,
        },
      },
      {
        extends: true,
        test: {
          name: 'serial',
          include: SERIAL,
          globalSetup: 'test/build.ts',
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
});

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
