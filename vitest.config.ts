import { defineConfig } from 'vitest/config';
import { lua } from './scripts/lua-plugin.js';

/** Those that need the machine to themselves: they run after the others, one at a time. */
const LARGE = ['test/chaos/**/*.test.ts'];
const patience = { testTimeout: 30_000, hookTimeout: 30_000 };

export default defineConfig({
  plugins: [lua],
  test: {
    projects: [
      { extends: true, test: { ...patience, name: 'quick', include: ['test/**/*.test.ts'], exclude: LARGE } },
      {
        extends: true,
        test: {
          ...patience,
          name: 'large',
          include: LARGE,
          fileParallelism: false,
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
