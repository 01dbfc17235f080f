/** What is particular to the article's Python classes; node-dialect.mjs has the same members and explains them. */
import { isDeepStrictEqual } from 'node:util';
import { dumps, floatNumber, floatText, loads, loadsForWriting } from './python-json.mjs';

const EMPTY = '{}';

export const pythonDialect = {
  name: 'python',
  field: (camel) => camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  loads: (json) => loads(json || EMPTY),
  loadsForWriting: (json) => loadsForWriting(json || EMPTY),
  dumps,
  /** The current time in seconds, with a fraction finer than 1 ms. */
  time: (now = preciseNow) => now() / 1000,
  unitsPerSecond: 1,
  timeText: floatText,
  timeInJson: floatNumber,
  /** redis-py sends a pipeline as MULTI/EXEC. */
  pipeline: (redis) => redis.multi(),
  /** redis-py raises the first error of a pipeline. */
  replies(results) {
    for (const [i, [error, reply]] of results.entries()) {
      if (error) throw error;
      results[i] = reply;
    }
    return results;
  },
  readsAtOnce: false,
  /** An empty report is skipped. */
  isReport: (report) => Boolean(report) && Object.keys(report).length > 0,
  /** A record without its id is a device as well. */
  isDevice: (record) => Object.keys(record).length > 0,
  isSame: isDeepStrictEqual,
  /** Cuts the id at a colon, so that `device:heartbeat:aa:bb` gives `bb`. */
  idOfKey: (key) => key.split(':').at(-1),
};

function preciseNow() {
  return Date.now() + (performance.now() % 1);
}
