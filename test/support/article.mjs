/** The article's programs, and how they read what devstate has written, by the name of their dialect. */
import { deviceOf } from './article/device.mjs';
import { heartbeatKey, stateKey } from './article/keys.mjs';
import { nodeDialect } from './article/node-dialect.mjs';
import { createProgram } from './article/program.mjs';
import { pythonDialect } from './article/python-dialect.mjs';

const DIALECTS = { node: nodeDialect, python: pythonDialect };

export function articleProgram(redis, dialect, options) {
  return createProgram(DIALECTS[dialect], redis, options);
}

export function articleReader(redis, dialectName) {
  const dialect = DIALECTS[dialectName];
  const { field, loads } = dialect;
  return {
    async device(id) {
      const record = await redis.hgetall(stateKey(id));
      if (!dialect.isDevice(record)) return null;
      return deviceOf(dialect, id, record, await redis.exists(heartbeatKey(id)));
    },
    message(json) {
      const { type, status, timestamp, ...others } = loads(json);
      return {
        type,
        deviceId: others[field('deviceId')],
        status,
        desiredState: others[field('desiredState')],
        timestamp,
      };
    },
  };
}
