/**
 * The article's programs as Redis sees them: the same commands in the same order, and the same answers, with their
 * races and faults. Tests let them share a fleet with devstate, and the bench compares devstate with them. They
 * are plain async functions, because the bench measures their speed.
 */
import { detectorOperations } from './detectors.mjs';
import { managerOperations } from './manager.mjs';
import { queryOperations } from './queries.mjs';
import { runStepwise } from './steps.mjs';

/**
 * Returns a program: each operation as a function that resolves to its answer, and under `steps` as an async
 * iterator over single Redis steps.
 * @param dialect `nodeDialect` or `pythonDialect`
 * @param options `ttlSeconds` of a heartbeat; `now`: the clock, ms; `publisher`: the client for PUBLISH
 */
export function createProgram(dialect, redis, { ttlSeconds = 60, now, publisher = redis } = {}) {
  const connection = { redis, publisher };
  const operationsOver = (client) => ({
    ...managerOperations(dialect, client, { ttlSeconds, now }),
    ...detectorOperations(dialect, client, { now }),
    ...queryOperations(dialect, client, { now }),
  });
  const operations = operationsOver(connection);
  const steps = {};
  for (const name of Object.keys(operations))
    steps[name] = (...args) => runStepwise(connection, (stepped) => operationsOver(stepped)[name](...args));
  return { ...operations, dialect: dialect.name, steps };
}
