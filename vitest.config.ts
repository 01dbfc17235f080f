import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { lua } from './scripts/lua-plugin.js';

/** They measure, or strain the machine: one at a time, when the others are done. */
const ALONE = ['test/chaos/{chaos,chaos-*,idle,mass-expiry}.test.ts'];

export default defineConfig({
  plugins: [lua],
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...ALONE],
          maxWorkers: Math.ceil(availableParallelism() * 1.5), // many wait for a server, or for time to pass
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } },
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
