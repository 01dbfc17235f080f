import { defineConfig } from 'vitest/config';
import { lua } from './scripts/lua-plugin.js';

export default defineConfig({
  plugins: [lua],
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
});
