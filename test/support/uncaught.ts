/** What reaches the process as an uncaught exception or an unhandled rejection; vitest would fail the run with it. */
import { onTestFinished } from 'vitest';

const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Collects until the end of the test the uncaught exceptions (`thrown`) and the unhandled rejections (`rejected`) of
 * this process.
 */
export function collectUncaught(): { thrown: unknown[]; rejected: unknown[] } {
  const collected: { thrown: unknown[]; rejected: unknown[] } = { thrown: [], rejected: [] };
  const before = EVENTS.map((name) => process.listeners(name as 'uncaughtException'));
  for (const name of EVENTS) process.removeAllListeners(name);
  process.on('uncaughtException', (error, origin) => {
    (origin === 'uncaughtException' ? collected.thrown : collected.rejected).push(error);
  });
  process.on('unhandledRejection', (error) => collected.rejected.push(error));
  onTestFinished(() => {
    for (const [i, name] of EVENTS.entries()) {
      process.removeAllListeners(name);
      for (const listener of before[i] ?? []) process.on(name, listener);
    }
  });
  return collected;
}
